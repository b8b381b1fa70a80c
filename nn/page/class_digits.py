"""The digits that a class draws: one more line of a CSV for each, in the kit's format.

A line is the label and 784 pixels, and nothing else: no name, no time, no address.
"""

import os
from collections import Counter, deque
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nn.data.csv_file import read_csv
from nn.data.streams import FIELDS
from nn.errors import KitError
from nn.saving.atomic import fsync_folder
from nn.signals import PIXELS

MOST_BYTES = 10_000_000  # about 5,000 digits
MOST_SHOWN = 300
_LONGEST_LINE = 1 + 4 * PIXELS + 1


class ClassDigitsError(KitError, ValueError):
    """The file of the class's digits is full, or holds anything else."""


class KeptDigit(NamedTuple):
    """One of the class's digits; `number` counts from 1."""

    number: int
    label: int
    pixels: np.ndarray


class ClassDigits:
    """A CSV file that grows by whole lines.

    Opening it removes a last line that a pulled plug tore off.

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
    """

    def __init__(self, path: str | os.PathLike, most_bytes: int = MOST_BYTES):
        self.path, self.most_bytes = Path(path), most_bytes
        self.counts: Counter[int] = Counter()
        self.latest: deque[KeptDigit] = deque(maxlen=MOST_SHOWN)
        if self.path.exists():
            self._remove_torn_line()
        if self.path.exists() and self.path.stat().st_size:
            for block in read_csv(self.path):
                for row in block:
                    self._count(int(row[0]), row[1:].copy())

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
        if is_new:  # or removed by the teacher who collected it
            fsync_folder(self.path.parent)
            self.counts.clear()
            self.latest.clear()
        return self._count(label, pixels)

    def _count(self, label: int, pixels: np.ndarray) -> KeptDigit:
        self.counts[label] += 1
        digit = KeptDigit(self.counts.total(), label, pixels)
        self.latest.append(digit)
        return digit

    def _remove_torn_line(self) -> None:
        """Cut off what follows the last end of a line, if it may be part of one."""
        with self.path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - _LONGEST_LINE)
            file.seek(start)
            tail = file.read()
            torn = tail.rpartition(b"\n")[2]
            if not torn:
                return
            if len(torn) == len(tail) and start > 0:
                raise ClassDigitsError(
                    f"{self.path}: expected lines of {FIELDS} numbers, got a longer one at the "
                    "end. Choose another file"
                )
            file.truncate(size - len(torn))
            os.fsync(file.fileno())
