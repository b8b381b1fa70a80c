"""Write a file so that its path always holds the old content or the new, never half of it."""

import errno
import glob
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

# Systems have one of these modules; the locks of both end with their process. Not filelock: some
# versions call a folder without locks locked, and it leaves a file beside each that it guards.
try:
    import fcntl
except ImportError:
    fcntl = None
try:
    import msvcrt
except ImportError:
    msvcrt = None

# Windows neither renames nor removes a file that is open, in this process or another.
_OPEN_FILES_STAY = msvcrt is not None
_SECONDS_BETWEEN_TRIES = 0.1
_MOST_TRIES = 20  # a virus scanner looks at a new file for a moment

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
            _lock(self.file)
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
            self._temporary.chmod(mode)
        os.fsync(self.file.fileno())
        if self.backup and os.path.lexists(self.path):
            try:  # a second name for the old file, so that at no moment the first has none
                os.link(self.path, self.backup, follow_symlinks=False)
            except (OSError, NotImplementedError):  # a FAT stick knows no links, nor does Windows
                _rename(self.path, self.backup)
        if _OPEN_FILES_STAY:
            self.file.close()
        _rename(self._temporary, self.path)
        self.file.close()
        fsync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the temporary file; a file at the final path stays untouched.

        A disk that has just failed may not allow even that; then the next writer removes it.
        """
        with suppress(OSError):  # closing flushes, which fails again on a full disk
            self.file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


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


def fsync_folder(path: Path) -> None:
    """Let a new name in a folder survive a power cut."""
    try:
        folder = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders; its journal keeps the order
        return
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_leftovers(path: str | os.PathLike) -> None:
    """Remove temporary files of `path` that no process has locked: their writers are dead."""
    leftovers = []
    with suppress(OSError):
        leftovers += Path(path).parent.glob(f"{glob.escape(_prefix(path))}*{_SUFFIX}")
    for each in leftovers:
        with suppress(OSError):
            if _OPEN_FILES_STAY:
                each.unlink()  # fails while its writer lives
                continue
            with each.open("rb") as file:
                _lock(file)
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
            file = mark.open("ab")
        except OSError as error:
            error.filename = str(path)  # the user does not know the mark's name
            raise
        with file:
            try:
                _lock(file, wait=wait)
            except BlockingIOError:
                raise
            except OSError:
                pass  # some network folders do not support locks
            if not _OPEN_FILES_STAY and not is_at(file, mark):
                continue  # its previous owner has just removed it
            try:
                yield
            finally:
                if _OPEN_FILES_STAY:
                    file.close()
                with suppress(OSError):  # the disk may have become read-only
                    mark.unlink(missing_ok=True)
            return


def is_at(file: IO, path: Path) -> bool:
    """Return whether an open file is still at its path: another process may have removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: IO, *, wait: bool = False) -> None:
    """Lock an open file until it is closed.

    Raises
    ------
    BlockingIOError
        When another process has locked it, and `wait` is false.
    OSError
        When the system or the folder does not support locks.
    """
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return
    if not msvcrt:
        raise OSError(errno.ENOLCK, "this system has no locks that Python knows")
    while True:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # its own LK_LOCK gives up after 10 s
            return
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EDEADLK):
                raise
            if not wait:
                raise BlockingIOError(errno.EAGAIN, "another process has locked it") from None
        time.sleep(_SECONDS_BETWEEN_TRIES)


def _rename(path: Path, target: Path) -> None:
    """Rename a file over another; where an open file stays, wait a little until others close it."""
    for _ in range(_MOST_TRIES if _OPEN_FILES_STAY else 0):
        with suppress(PermissionError):
            path.replace(target)
            return
        time.sleep(_SECONDS_BETWEEN_TRIES)
    path.replace(target)


def _prefix(path: str | os.PathLike) -> str:
    return f".{os.fsencode(Path(path).name)[:_LONGEST_PREFIX].decode(errors='ignore')}."
