"""Remove the kit from a user's folder; whatever the student made or changed stays.

uninstall_kit.py FOLDER
"""

import hashlib
import json
import sys
from pathlib import Path

OWN_FILES = (".shipped.json", ".kit.tar.gz")
OWN_CACHES = ("__pycache__/*.pyc", "*.packed")


def main(folder: Path) -> None:
    """Remove files that are as they were shipped, then folders that are empty."""
    if not (folder / ".shipped.json").is_file():
        print("unchanged")
        return
    for name, digest in json.loads((folder / ".shipped.json").read_text()).items():
        path = folder / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            path.unlink()
    for pattern in OWN_CACHES:
        for path in folder.rglob(pattern):
            path.unlink()
    for name in OWN_FILES:
        (folder / name).unlink(missing_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    print("removed; what is left is the student's")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
