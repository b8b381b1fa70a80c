"""Pack a user's own files on the Pi, or put them back; nothing that is there is lost by that.

user_files.py pack HOME ARCHIVE
user_files.py unpack HOME ARCHIVE
"""

import sys
import tarfile
from pathlib import Path

# notebooks, models and settings; what was shipped last, to tell changed notebooks by
PARTS = ("pi-nn/notebooks", "pi-nn/models", "pi-nn/.shipped.json", ".jupyter")
LEFT_OUT = (".ipynb_checkpoints", "migrated")


def pack(home: Path, archive: Path) -> None:
    """Write all user files to an archive."""
    files = [path for part in PARTS for path in _files(home / part)]
    archive.touch(mode=0o600)
    with tarfile.open(archive, "w:gz") as tar:
        for path in files:
            tar.add(path, arcname=path.relative_to(home).as_posix(), recursive=False)
    print(f"{len(files)} files")


def unpack(home: Path, archive: Path) -> None:
    """Put files back; one of other content under the same name is kept beside it."""
    written = []
    with tarfile.open(archive) as tar:
        for entry in tar:
            name = Path(entry.name)
            if not entry.isfile() or name.is_absolute() or ".." in name.parts:
                continue
            content = tar.extractfile(entry).read()
            target = home / name
            if target.is_file() and target.read_bytes() == content:
                continue
            if target.exists():
                target.rename(_free_name(target))
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.part")
            temporary.write_bytes(content)
            temporary.chmod(entry.mode & 0o777)
            temporary.replace(target)
            written.append(entry.name)
    print("\n".join(written) or "unchanged")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(
        each
        for each in path.rglob("*")
        if each.is_file() and not each.is_symlink() and not set(each.parts) & set(LEFT_OUT)
    )


def _free_name(path: Path) -> Path:
    """Find a name beside a file that nothing has."""
    number = 1
    while (free := path.with_name(f"{path.stem}.before-restore-{number}{path.suffix}")).exists():
        number += 1
    return free


if __name__ == "__main__":
    {"pack": pack, "unpack": unpack}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
