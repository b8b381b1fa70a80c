"""Write a file so that its path always holds the old content or the new, never half of it."""

import fcntl
import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

_SUFFIX = ".part"
_LONGEST_PREFIX = 240  # bytes: what is added to it must not exceed the limit of a file name


class AtomicFile:
    """A temporary file beside `path` that takes its name on `commit`.

    The content reaches the disk before the rename, so a pulled plug leaves the old file or the
    new one. A process locks its temporary file while it runs; one that a killed process left
    behind is unlocked, and the next writer of the same path removes it.

    Parameters
    ----------
    path : path-like
        The final path. Its folder must exist.
    mode : int, optional
        The file's permissions; by default those of the file it replaces, or the usual ones.
    backup : path-like, optional
        A path in the same folder to which a replaced file is moved.

    Raises
    ------
    OSError
        When the folder is missing, read-only or full; from every method.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        mode: int | None = None,
        backup: str | os.PathLike | None = None,
    ):
        self.path = Path(path)
        self.mode = mode
        self.backup = backup
        remove_leftovers(self.path)
        try:
            handle, name = tempfile.mkstemp(
                dir=self.path.parent, prefix=_prefix(path), suffix=_SUFFIX
            )
        except OSError as error:
            error.filename = str(path)  # the user does not know the temporary name
            raise
        self._temporary = Path(name)
        self.file = os.fdopen(handle, "w+b")
        with suppress(OSError):  # some network folders do not support locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.write, self.seek = self.file.write, self.file.seek

    def commit(self) -> None:
        """Write the content to the disk, then give it its final name."""
        self.file.flush()
        with suppress(OSError):  # FAT has no permissions
            if self.mode is not None:
                mode = self.mode
            elif self.path.exists():
                mode = stat.S_IMODE(self.path.stat().st_mode)
            else:
                umask = os.umask(0o077)  # Python can only read it by setting it
                os.umask(umask)
                mode = 0o666 & ~umask
            os.fchmod(self.file.fileno(), mode)
        os.fsync(self.file.fileno())
        if self.backup and os.path.lexists(self.path):
            try:  # a second name for the old file, so that at no moment the first has none
                os.link(self.path, self.backup, follow_symlinks=False)
            except OSError:  # a FAT stick knows no links
                self.path.rename(self.backup)
        self._temporary.replace(self.path)
        self.file.close()
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # so that the rename itself survives a power cut
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Remove the temporary file; a file at the final path stays untouched.

        A disk that has just failed may not allow even that; then the next writer removes it.
        """
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)
        with suppress(OSError):  # closing flushes, which fails again on a full disk
            self.file.close()


@contextmanager
def atomic_write(path: str | os.PathLike, **options) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the name `path` when the block ends without an error.

    The options are those of `AtomicFile`.
    """
    atomic = AtomicFile(path, **options)
    try:
        yield atomic.file
        atomic.commit()
    except OSError as error:
        atomic.discard()
        error.filename = error.filename or str(path)  # a full disk names no file
        raise
    except BaseException:
        atomic.discard()
        raise


def remove_leftovers(path: str | os.PathLike) -> None:
    """Remove temporary files of `path` that no process has locked: their writers are dead."""
    leftovers = []
    with suppress(OSError):
        leftovers += Path(path).parent.glob(f"{glob.escape(_prefix(path))}*{_SUFFIX}")
    for each in leftovers:
        with suppress(OSError), each.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(file, each):  # not a new file that has taken its name meanwhile
                each.unlink()


@contextmanager
def alone_with(path: str | os.PathLike, *, wait: bool = False) -> Iterator[None]:
    """Keep other processes out of the block while this one is in it with the same `path`.

    It locks a file beside `path` and removes it at the end. A file left by a killed process blocks
    nobody, and is removed like any other leftover.

    Parameters
    ----------
    path : path-like
        Its folder must exist.
    wait : bool
        Whether to wait for another process that is in the block.

    Raises
    ------
    BlockingIOError
        When another process is in the block, and `wait` is false.
    OSError
        When the folder is missing, read-only or full.
    """
    mark = Path(path).parent / f"{_prefix(path)}alone{_SUFFIX}"
    while True:
        try:
            file = mark.open("wb")
        except OSError as error:
            error.filename = str(path)  # the user does not know the mark's name
            raise
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise
            except OSError:
                pass  # some network folders do not support locks
            if not is_at(file, mark):
                continue  # its previous owner has just removed it
            try:
                yield
            finally:
                with suppress(OSError):  # the disk may have become read-only
                    mark.unlink(missing_ok=True)
            return


def is_at(file: IO, path: Path) -> bool:
    """Return whether an open file is still at its path: another process may have removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _prefix(path: str | os.PathLike) -> str:
    return f".{os.fsencode(Path(path).name)[:_LONGEST_PREFIX].decode(errors='ignore')}."
