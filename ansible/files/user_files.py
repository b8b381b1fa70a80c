"""Pack a user's own files on the Pi, or put them back; nothing that is there is lost by that.

    user_files.py pack HOME KIT_FOLDER ARCHIVE
    user_files.py unpack HOME ARCHIVE

Packed is what lies in the kit's folder and is not as the kit shipped it, and ~/.jupyter. Left out
is what can be had again: MNIST, caches, virtual environments, the clone's .git. A link is packed as
the file that it points to, when that is in the home. What cannot be packed is named on stderr, and
the exit code is 3; the rest is packed all the same.

A file that is put back never replaces another: what has its name is kept as
NAME.before-restore-1.ipynb. What cannot be put back is named on stderr, and the exit code is 1; the
rest is put back all the same.
"""

import contextlib
import errno
import filecmp
import hashlib
import json
import os
import shutil
import stat
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

MANIFEST = ".shipped.json"
SOME_WERE_SKIPPED = 3
# by their names in the kit's folder: these, and what the project makes in its own
LEFT_OUT_OF_KIT = (
    MANIFEST,
    ".kit.tar.gz",
    ".git",
    ".cache",
    "ansible/backups",
    "mnist_dataset/train-images-idx3-ubyte.gz",
    "mnist_dataset/train-labels-idx1-ubyte.gz",
    "mnist_dataset/t10k-images-idx3-ubyte.gz",
    "mnist_dataset/t10k-labels-idx1-ubyte.gz",
)
TEMPORARY = ".pi-nn.part"
LEFT_OUT_ANYWHERE = (".ipynb_checkpoints", "__pycache__", TEMPORARY)
IN_MEMORY = 8 * 1024 * 1024  # bytes of a file; a larger one is copied by way of the card
LONGEST_STEM = 200  # bytes, so that a name with an addition is a name still


def main(arguments: list[str]) -> int:
    """Pack or unpack; return the exit code."""
    match arguments:
        case ["pack", home, kit, archive]:
            action, paths = pack, (home, kit, archive)
        case ["unpack", home, archive]:
            action, paths = unpack, (home, archive)
        case _:
            sys.exit(f"expected pack HOME KIT_FOLDER ARCHIVE or unpack HOME ARCHIVE: {arguments}")
    try:
        return action(*map(Path, paths))
    except OSError as error:
        sys.exit(f"could not {arguments[0]}: {error}")


# --- packing


def pack(home: Path, kit: Path, archive: Path) -> int:
    """Write the user's files to an archive, which there is none of when there are no files."""
    if home not in kit.parents:
        sys.exit(f"expected the kit's folder in {home}, got {kit}: what is elsewhere has no name")
    archive.unlink(missing_ok=True)
    skipped: list[str] = []
    files = [path for path in _own_files(home, kit, skipped) if _can_pack(path, home, skipped)]
    packed = _write_archive(archive, home, files, skipped) if files else 0
    if os.path.lexists(kit / ".git"):
        print(f"{kit}/.git is left out: its commits are safe when they are pushed")
    print(f"packed {packed} files" if packed else "nothing to back up")
    for each in skipped:
        print(f"skipped: {each}", file=sys.stderr)
    return SOME_WERE_SKIPPED if skipped else 0


def _own_files(home: Path, kit: Path, skipped: list[str]) -> Iterator[Path]:
    """Find what is the user's: not the kit's, and not made of something else."""
    jupyter = home / ".jupyter"
    left_out = {kit / name for name in LEFT_OUT_OF_KIT} | {jupyter / "migrated"}
    shipped = {kit / name: digest for name, digest in _read_manifest(kit).items()}
    for folder in (kit, jupyter):
        if os.path.lexists(folder):
            for path in _walk(folder, left_out, skipped):
                if path not in shipped or not _has_digest(path, shipped[path]):
                    yield path


def _walk(folder: Path, left_out: set[Path], skipped: list[str]) -> Iterator[Path]:
    """Yield what is not a folder, and name the folders that cannot be read."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        skipped.append(f"{folder}: {error.strerror}")
        return
    if any(entry.name == "pyvenv.cfg" for entry in entries):  # a virtual environment
        return
    for entry in entries:
        path = folder / entry.name
        if path in left_out or entry.name in LEFT_OUT_ANYWHERE:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, left_out, skipped)
        elif path.suffix != ".packed" and not _is_being_written(path):
            yield path


def _is_being_written(path: Path) -> bool:
    """Tell whether it is one of `nn`'s temporary files."""
    return path.name.startswith(".") and path.suffix == ".part"


def _can_pack(path: Path, home: Path, skipped: list[str]) -> bool:
    """Tell whether there is a file to pack behind a name, or note why there is not."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            reason = "not a file"
        elif not path.is_symlink() or path.resolve().is_relative_to(home.resolve()):
            return True
        else:
            reason = f"a link out of {home}, to {path.resolve()}"
    except OSError as error:
        reason = error.strerror
    skipped.append(f"{path}: {reason}")
    return False


def _write_archive(archive: Path, home: Path, files: list[Path], skipped: list[str]) -> int:
    """Write an archive that only the user can read; return how many files are in it."""
    _require_room(archive.parent, [path.stat().st_size for path in files])
    temporary = archive.with_name(f"{archive.name}.part")
    temporary.unlink(missing_ok=True)
    try:
        temporary.touch(mode=0o600, exist_ok=False)
        with temporary.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz") as tar:
                packed = sum(_add(tar, path, home, skipped) for path in files)
            file.flush()
            os.fsync(file.fileno())
        if packed:
            temporary.replace(archive)
    finally:
        temporary.unlink(missing_ok=True)
    return packed


def _require_room(folder: Path, sizes: list[int]) -> None:
    """Ask for room for all files, and for the copy of one, before the card is full."""
    needed, free = sum(sizes) + max(sizes), shutil.disk_usage(folder).free
    if free < needed:
        sys.exit(
            f"expected {needed / 1e6:.1f} MB free in {folder} to pack the files, found "
            f"{free / 1e6:.1f} MB. Remove files that are not needed"
        )


def _add(tar: tarfile.TarFile, path: Path, home: Path, skipped: list[str]) -> bool:
    """Add a file by its content; one that cannot be read to its end leaves the archive whole."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=home) as copy:
        try:
            status = _copy(path, copy)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            skipped.append(f"{path}: {error.strerror}")
            return False
        entry = tarfile.TarInfo(path.relative_to(home).as_posix())
        entry.size, entry.mode = copy.tell(), status.st_mode & 0o777
        entry.mtime = int(status.st_mtime)
        copy.seek(0)
        tar.addfile(entry, copy)
        return True


def _copy(path: Path, copy: IO[bytes]) -> os.stat_result:
    with path.open("rb") as file:
        shutil.copyfileobj(file, copy)
        return os.fstat(file.fileno())


def _read_manifest(kit: Path) -> dict[str, str]:
    """Read what the kit shipped; when that cannot be told, as in a clone, everything is packed."""
    with contextlib.suppress(OSError, ValueError):
        manifest = json.loads((kit / MANIFEST).read_text())
        if isinstance(manifest, dict) and not os.path.lexists(kit / ".git"):
            return manifest
    return {}


def _has_digest(path: Path, digest: str) -> bool:
    """Tell whether a file is as it was shipped; one that cannot be read is not."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest
    except OSError:
        return False


# --- unpacking


def unpack(home: Path, archive: Path) -> int:
    """Put all files back that can be; say which, or 'unchanged'."""
    written: list[str] = []
    failed: list[str] = []
    try:
        with tarfile.open(archive) as tar:
            for entry in tar:
                _try_to_put_back(tar, entry, home, written, failed)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        failed.append(f"{archive}, which is not a whole backup: {error}")
    print("\n".join(written) or "unchanged")
    for each in failed:
        print(f"could not be put back: {each}", file=sys.stderr)
    return 1 if failed else 0


def _try_to_put_back(
    tar: tarfile.TarFile,
    entry: tarfile.TarInfo,
    home: Path,
    written: list[str],
    failed: list[str],
) -> None:
    """Put a file back unless it is there; note what was done or why not."""
    name = Path(entry.name)
    if name.is_absolute() or ".." in name.parts:
        failed.append(f"{name}: outside of {home}")
    elif entry.isfile() or entry.islnk():  # a hard link is the file that it names
        try:
            if _put_back(tar.extractfile(entry), home / name, entry.mode & 0o777):
                written.append(entry.name)
        except (OSError, KeyError) as error:  # KeyError: a hard link to what is not there
            failed.append(f"{name}: {error}")


def _put_back(content: IO[bytes], target: Path, mode: int) -> bool:
    """Give content its name, and what had the name another; tell whether anything was done."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "there is a folder of that name", str(target))
    if target.name == MANIFEST and target.exists():  # it tells of the kit that is there now
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(TEMPORARY)
    temporary.unlink(missing_ok=True)  # of a run that was killed
    try:
        _write(temporary, content, mode)
        if target.is_file() and filecmp.cmp(temporary, target, shallow=False):
            return False
        if os.path.lexists(target):
            target.rename(_free_name(target))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)
    return True


def _write(path: Path, content: IO[bytes], mode: int) -> None:
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(mode)


def _free_name(path: Path) -> Path:
    """Find a name beside a file that nothing has."""
    stem = os.fsencode(path.stem)[:LONGEST_STEM].decode(errors="ignore")
    names = (path.with_name(f"{stem}.before-restore-{n}{path.suffix}") for n in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _sync_folder(folder: Path) -> None:
    """Make the renames themselves survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
