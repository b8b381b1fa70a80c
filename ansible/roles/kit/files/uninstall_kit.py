"""Remove the kit from a user's folder; whatever the student made or changed stays.

    uninstall_kit.py FOLDER

Removed are the files of FOLDER/.shipped.json that are as they were shipped, the caches beside
shipped files, and the folders that this leaves empty. The list itself goes last: what could not be
removed is tried again the next time. A folder that is the project itself is left as it is.
"""

import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path, PurePosixPath

MANIFEST = ".shipped.json"
PACKED_KIT = ".kit.tar.gz"


def main(arguments: list[str]) -> int:
    """Say 'unchanged' or what was done; name what could not be removed, and return 1 then."""
    if len(arguments) != 1:
        sys.exit(f"expected FOLDER, got {arguments}")
    folder = Path(arguments[0])
    if _is_project(folder):
        print(f"{folder} is a clone of the kit's repository, or its zip: left as it is\nunchanged")
        return 0
    if not os.path.lexists(folder / MANIFEST):
        print("unchanged")
        return 0
    names = _read_manifest(folder / MANIFEST)
    failed = _remove(folder, names)
    for each in failed:
        print(f"could not be removed: {each}", file=sys.stderr)
    if failed:
        return 1
    (folder / MANIFEST).unlink()
    _remove_empty(folder)
    print("removed; what is left is the student's")
    return 0


def _is_project(folder: Path) -> bool:
    """Tell whether a folder is what the kit is packed from; ansible/ is never packed."""
    return any(os.path.lexists(folder / name) for name in (".git", "ansible/playbooks"))


def _read_manifest(path: Path) -> dict[str, str]:
    """Read what was shipped, or say that it cannot be told."""
    try:
        names = json.loads(path.read_text())
        if not isinstance(names, dict) or not all(map(_is_inside, names)):
            raise ValueError("it is no list of files in its folder")
    except (OSError, ValueError) as error:
        sys.exit(
            f"{path} cannot be read: {error}. Without it nobody knows which files are the kit's: "
            "nothing was removed. 'make provision' rewrites it; then uninstall again"
        )
    return names


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in PurePosixPath(name).parts


def _remove(folder: Path, shipped: dict[str, str]) -> list[str]:
    """Remove files, their caches, and folders emptied by that; return what failed."""
    failed, emptied = [], set()
    for name, digest in [*shipped.items(), (PACKED_KIT, None)]:
        path = folder / name
        try:
            for each in [path, *_caches(path)] if _is_ours(path, digest) else _caches(path):
                each.unlink()
                emptied.update(_folders_up_to(folder, each))
        except OSError as error:
            failed.append(str(error))
    for path in sorted(emptied, reverse=True):  # the deepest first
        _remove_empty(path)
    return failed


def _is_ours(path: Path, digest: str | None) -> bool:
    """Tell whether a file is as it was shipped; without a digest any file is."""
    if path.is_symlink() or not path.is_file():
        return False
    return digest is None or hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _caches(path: Path) -> list[Path]:
    """List what Python and the kit made of a shipped file to be faster the next time."""
    found = [path.with_name(f"{path.name}.packed")]
    if path.suffix == ".py" and not (path.parent / "__pycache__").is_symlink():
        found += path.parent.glob("__pycache__/*.pyc")  # also of modules that earlier kits had
    return [each for each in found if each.is_file() and not each.is_symlink()]


def _folders_up_to(folder: Path, path: Path) -> list[Path]:
    """List the folders that a file lies in, within the kit's."""
    return [parent for parent in path.parents if parent != folder and folder in parent.parents]


def _remove_empty(folder: Path) -> None:
    """Remove a folder; one that holds something, or is a link, stays."""
    with contextlib.suppress(OSError):
        folder.rmdir()


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
