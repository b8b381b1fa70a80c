"""Write a file so that its name holds the old content or the new, never a half of it."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_SUFFIX = ".part"


class AtomicFile:
    """A temporary file beside `path` that takes its name on `commit`.

    The content reaches the disk before the name does, so a pulled plug leaves the old file or
    the new one. What a killed process left half-written is removed by the next that writes the
    same name: each holds a lock on its temporary file for as long as it lives.

    Parameters
    ----------
    path : path-like
        The final name. Its folder must exist.

    Raises
    ------
    OSError
        When the folder is missing, read-only or full; from every method.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        remove_leftovers(self.path)
        try:
            handle, name = tempfile.mkstemp(
                dir=self.path.parent, prefix=_prefix(path), suffix=_SUFFIX
            )
        except OSError as error:
            error.filename = str(path)  # nobody knows the temporary one
            raise
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "w+b")
        with suppress(OSError):  # some network folders know no locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.read, self.write = self._file.read, self._file.write
        self.seek, self.tell = self._file.seek, self._file.tell
        self.flush = self._file.flush

    def commit(self) -> None:
        """Bring the content to the disk, then give it its final name."""
        self._file.flush()
        with suppress(OSError):  # a FAT stick knows no permissions
            os.fchmod(self._file.fileno(), self._mode())
        os.fsync(self._file.fileno())
        self._temporary.replace(self.path)
        self._file.close()
        _sync_folder(self.path.parent)

    def _mode(self) -> int:
        """Return the permissions of the file that is replaced, or those of any new one."""
        try:
            return stat.S_IMODE(self.path.stat().st_mode)
        except FileNotFoundError:
            return 0o666 & ~_umask()

    def discard(self) -> None:
        """Remove the temporary file; whatever had the final name is untouched.

        A disk that has just failed may not even let it be removed: the next writer will.
        """
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)
        with suppress(OSError):  # a full disk complains once more about what is thrown away
            self._file.close()


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[AtomicFile]:
    """Open an `AtomicFile` that is committed when the block ends well, else discarded."""
    file = AtomicFile(path)
    try:
        yield file
        file.commit()
    except OSError as error:
        file.discard()
        error.filename = error.filename or str(path)  # a full disk names no file
        raise
    except BaseException:
        file.discard()
        raise


def remove_leftovers(path: str | os.PathLike) -> None:
    """Remove the temporary files of `path` whose writers are dead: nobody holds their locks."""
    leftovers = []
    with suppress(OSError):
        leftovers = [
            each
            for each in Path(path).parent.iterdir()
            if each.name.startswith(_prefix(path)) and each.name.endswith(_SUFFIX)
        ]
    for each in leftovers:
        with suppress(OSError), each.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(file, each):  # and not another file, which has taken its name meanwhile
                each.unlink()


@contextmanager
def alone_with(path: str | os.PathLike) -> Iterator[None]:
    """Keep other processes out of the block while this one is in it with the same `path`.

    What tells them is a file beside it, which goes at the end; that of a killed process holds
    nobody up, and is removed as any other leftover.

    Raises
    ------
    BlockingIOError
        When another process is in the block.
    OSError
        When the folder is missing, read-only or full.
    """
    mark = Path(path).parent / f"{_prefix(path)}alone{_SUFFIX}"
    while True:
        try:
            file = mark.open("wb")
        except OSError as error:
            error.filename = str(path)  # nobody knows the mark's name
            raise
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:
                pass  # some network folders know no locks
            if not is_at(file, mark):
                continue  # the one who had it has just removed it
            try:
                yield
            finally:
                with suppress(OSError):  # the disk may have become read-only
                    mark.unlink(missing_ok=True)
            return


def is_at(file: IO, path: Path) -> bool:
    """Tell whether an open file still has its name: another process may have taken it away."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _prefix(path: str | os.PathLike) -> str:
    return f".{Path(path).name}."


def _umask() -> int:
    """Read the process's umask, which Python can only tell by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
