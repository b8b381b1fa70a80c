"""Write to a card so that, if it is pulled out, each file is old or new; verify each write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .errors import CardError

KEPT = ("cmdline.txt", "config.txt")  # parts of the image; without them it does not boot
SUFFIX = ".before-pi-nn"


def keep(folder: Path, names: Iterable[str]) -> list[str]:
    """Copy files that other people or programs wrote; return a line for each."""
    done = []
    for name in names:
        content = (folder / name).read_bytes()
        backup = _free(folder / (name + SUFFIX), content)
        write(backup, content)
        done.append(f"kept the old {name} as {backup.name}")
    return done


def apply(folder: Path, files: dict[str, str | None]) -> list[str]:
    """Write files, or remove those whose content is None; return a line for each change.

    The files that every boot needs are written last, after the files they refer to.
    """
    done = []
    for name, text in sorted(files.items(), key=lambda item: item[0] in KEPT):
        path = folder / name
        if text is None:
            path.unlink(missing_ok=True)
            done.append(f"removed {name}")
            continue
        content = text.encode(errors="surrogateescape")
        if path.is_file() and path.read_bytes() == content:
            continue
        if name in KEPT and not (folder / (name + SUFFIX)).exists():
            done += keep(folder, [name])
        write(path, content)
        done.append(f"wrote {name}")
    return done


def _free(path: Path, content: bytes) -> Path:
    """Return a name for a backup that is free, or has this content."""
    names = (path, *(path.with_name(f"{path.name}-{number}") for number in range(2, 1000)))
    return next(name for name in names if not name.exists() or name.read_bytes() == content)


def write(path: Path, content: bytes) -> None:
    """Write a temporary file, sync it, rename it, and read it back.

    No modes and no locks: FAT has neither.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    if path.read_bytes() != content:
        raise CardError(f"{path}: does not read back as it was written; try another card")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a pulled card, if the system can sync a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
