"""What has come of a file that is being fetched, kept for whoever goes on with it."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from nn.saving.atomic import is_at


class PartialFile:
    """A file that grows at its end; only one process at a time has it.

    Parameters
    ----------
    path : Path
        Made when missing, and gone on with when there.
    largest : int
        The most bytes that the file may have.

    Raises
    ------
    OSError
        When it cannot be written.
    """

    def __init__(self, path: Path, largest: int):
        self.path, self.largest = path, largest
        while True:
            self._file = path.open("a+b")
            with suppress(OSError):  # some network folders know no locks
                fcntl.flock(self._file, fcntl.LOCK_EX)
            if is_at(self._file, self.path):
                return
            self._file.close()  # another process finished it and took it away

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self._file.seek(0, os.SEEK_END)

    def append(self, content: bytes) -> None:
        """Add what has arrived; at once, so that a killed process leaves it."""
        self._file.write(content)
        self._file.flush()

    def restart(self) -> None:
        """Throw away what has arrived: it is damaged."""
        self._file.truncate(0)

    def close(self) -> None:
        """Leave the file for the next transfer to go on with."""
        self._file.close()

    def remove(self) -> None:
        """Throw the file away."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):  # a full disk complains once more about what is thrown away
            self._file.close()
