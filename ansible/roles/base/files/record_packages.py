"""Record which packages the kit installed: record_packages.py FILE NAME...

The names are those the kit asked for; apt-get's output is read from standard input. Of all packages
that the kit installed, those asked for are listed once more, also when another package brought them
before: Ansible marks them alone as manually installed. Prints "unchanged" if there is nothing new.
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
    new.update(known["new"])
    record = {
        "asked_for": sorted(new.intersection(asked_for).union(known["asked_for"])),
        "new": sorted(new),
    }
    if record == known:
        print("unchanged")
        return
    with atomic_write(path) as file:
        file.write(json.dumps(record, indent=1).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:], sys.stdin.read())
