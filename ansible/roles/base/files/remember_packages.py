"""Remember which packages the kit brought: remember_packages.py FILE NAME...

The names are those that were asked for; what apt-get printed comes on standard input. Of what it
says is new, those that were asked for are kept apart: nothing else was marked as wanted by hand.
"""

import json
import os
import re
import sys
from pathlib import Path


def main(path: Path, asked_for: list[str], output: str) -> None:
    """Write the file with the new names added."""
    found = re.search(r"NEW packages will be installed:\n((?:  .*\n?)+)", output)
    new = set(found.group(1).split()) if found else set()
    known = json.loads(path.read_text()) if path.exists() else {"asked_for": [], "new": []}
    known["new"] = sorted(new.union(known["new"]))
    known["asked_for"] = sorted(new.intersection(asked_for).union(known["asked_for"]))
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w") as file:
        json.dump(known, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:], sys.stdin.read())
