"""Add the packages that apt-get says are new to a list: remember_packages.py FILE.

What apt-get printed comes on standard input.
"""

import re
import sys
from pathlib import Path


def main(path: Path, output: str) -> None:
    """Write the list with the new names added."""
    found = re.search(r"NEW packages will be installed:\n((?:  .*\n?)+)", output)
    new = set(found.group(1).split()) if found else set()
    known = set(path.read_text().split()) if path.exists() else set()
    path.write_text("".join(f"{name}\n" for name in sorted(known | new)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdin.read())
