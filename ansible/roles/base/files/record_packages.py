"""Record which packages the kit installed: record_packages.py FILE NAME...

The names are those the kit asked for; apt-get's output is read from standard input. Of its new
packages, those asked for are listed once more: apt marks them alone as manually installed.
"""

import json
import re
import sys
from pathlib import Path

from atomic import atomic_write  # the kit's nn/saving/atomic.py, installed beside this file


def main(path: Path, asked_for: list[str], output: str) -> None:
    """Add the new packages to the file."""
    found = re.search(r"NEW packages will be installed:\n((?:  .*\n?)+)", output)
    new = set(found.group(1).split()) if found else set()
    known = json.loads(path.read_text()) if path.exists() else {"asked_for": [], "new": []}
    known["new"] = sorted(new.union(known["new"]))
    known["asked_for"] = sorted(new.intersection(asked_for).union(known["asked_for"]))
    with atomic_write(path) as file:
        file.write(json.dumps(known, indent=1).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:], sys.stdin.read())
