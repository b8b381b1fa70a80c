"""The digits that a class draws: one more line of a CSV for each, in the kit's format.

A line is the label and 784 pixels, and nothing else: no name, no time, no address.
"""

import os
import re
from collections import Counter, deque
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nn.data.csv_file import parse_rows, read_csv
from nn.data.streams import FIELDS
from nn.errors import KitError
from nn.saving.atomic import fsync_folder
from nn.signals import PIXELS

MOST_BYTES = 10_000_000  # about 5,000 digits
MOST_SHOWN = 300
_LONGEST_LINE = 1 + 4 * PIXELS + 1
# A plug that is pulled leaves NULs on some file systems.
_BEGUN_LINE = re.compile(rb"([0-9](,[0-9]{1,3})*,?)?\0*")


class ClassDigitsError(KitError, ValueError):
    """The file of the class's digits is full, or holds anything else."""


class KeptDigit(NamedTuple):
    """One of the class's digits; `number` counts from 1."""

    number: int
    label: int
    pixels: np.ndarray


class ClassDigits:
    """A CSV file that grows by whole lines.

    Opening it removes a last line that a pulled plug tore off, if all before it is in the kit's
    format. A file with anything else in it stays as it is.

    Parameters
    ----------
    path : path-like
        A missing file is created with the first digit.
    most_bytes : int
        The size that the file may reach.

    Attributes
    ----------
    counts : Counter
        How many there are of each label.
    latest : deque of KeptDigit
        The last `MOST_SHOWN`.

    Raises
    ------
    ClassDigitsError, DatasetError
        When the file has lines of another form.
    OSError
        When it cannot be read and written.
    """

    def __init__(self, path: str | os.PathLike, most_bytes: int = MOST_BYTES):
        self.path, self.most_bytes = Path(path), most_bytes
        self.counts: Counter[int] = Counter()
        self.latest: deque[KeptDigit] = deque(maxlen=MOST_SHOWN)
        self._size = 0  # of the file, as it was left here
        if self.path.exists():
            self._read()

    def append(self, label: int, pixels: np.ndarray) -> KeptDigit:
        """Add a digit; once this returns, it is on the disk.

        Parameters
        ----------
        label : int
        pixels : ndarray of uint8, shape (784,)

        Raises
        ------
        ClassDigitsError
            When the file would become too large.
        OSError
            When it cannot be written; then it is as it was before.
        """
        if not 0 <= label <= 9 or pixels.shape != (PIXELS,):
            raise ClassDigitsError(
                f"expected a label from 0 to 9 and {PIXELS} pixels, got {label} and {pixels.shape}"
            )
        line = ",".join(map(str, (label, *pixels.tolist()))).encode() + b"\n"
        is_new = not self.path.exists()
        if is_new or self.path.stat().st_size != self._size:  # a teacher removed or changed it
            self.counts.clear()
            self.latest.clear()
            if not is_new:
                self._read()
        with self.path.open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size + len(line) > self.most_bytes:
                raise ClassDigitsError(
                    f"the class's {self.counts.total()} digits are as many as there is room for. "
                    f"Ask your teacher to collect them and to remove {self.path}"
                )
            try:
                if file.write(line) != len(line):
                    raise OSError(f"{self.path}: the disk is full")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
        if is_new:
            fsync_folder(self.path.parent)
        self._size = size + len(line)
        return self._count(label, pixels)

    def _count(self, label: int, pixels: np.ndarray) -> KeptDigit:
        self.counts[label] += 1
        digit = KeptDigit(self.counts.total(), label, pixels)
        self.latest.append(digit)
        return digit

    def _read(self) -> None:
        """Count the digits, and mend the end of the last line once all before it is known."""
        with self.path.open("r+b") as file:
            if file.read(1) == b"\x1f":  # of gzip, which read_csv would unpack
                raise ClassDigitsError(f"{self.path} is packed: expected a plain CSV. Unpack it")
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LONGEST_LINE))
            tail = file.read().rpartition(b"\n")[2]
            last = parse_rows(tail + b"\n")
            if tail and last is None and not _BEGUN_LINE.fullmatch(tail):
                raise ClassDigitsError(
                    f"{self.path}: expected lines of {FIELDS} numbers, got "
                    f"{tail[:20].decode('ascii', 'backslashreplace')!r} at the end. "
                    "Choose another file"
                )
            if whole := size - len(tail):
                for block in read_csv(self.path, end=whole):
                    for row in block:
                        self._count(int(row[0]), row[1:].copy())
            if last is not None:  # an editor left out the last newline
                self._count(int(last[0, 0]), last[0, 1:].copy())
                file.write(b"\n")
            elif tail:
                file.truncate(whole)
            file.flush()
            os.fsync(file.fileno())
            self._size = file.seek(0, os.SEEK_END)
