"""Print which packages of a requirements file are missing here, in the wanted version: FILE.

pip answers the same in seconds, on a Pi Zero in minutes. pip itself must be there, too.
"""

import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path


def main(path: str) -> None:
    """Print the missing packages, one per line."""
    if importlib.util.find_spec("pip") is None:
        print("pip")
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", Path(path).read_text(), re.M):
        if installed(name) != version:
            print(name)


def installed(name: str) -> str:
    """Return the version of a package; "" if it is not there as a whole."""
    try:
        return importlib.metadata.version(name) or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main(sys.argv[1])
