"""One interface to digits wherever they are: blocks of pixels and labels, as uint8."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from nn.data.csv_file import estimate_csv_rows, read_csv
from nn.data.errors import DatasetError
from nn.data.idx import IMAGES_MAGIC, LABELS_MAGIC, count_idx, find_labels, read_idx
from nn.data.packed import (
    count_packed,
    find_packed,
    fingerprint,
    pack_while_reading,
    read_packed,
)
from nn.data.streams import Stream

Block = tuple[np.ndarray, np.ndarray]

BLOCK_ROWS = 256
MOST_KEPT_ROWS = 10_000  # 8 MB


class Dataset(Protocol):
    """Labelled digits that can be read again and again, in the same order."""

    def blocks(self) -> Iterator[Block]:
        """Yield pixels, uint8 of shape (n, 784), and labels, uint8 of shape (n,)."""

    def estimate_rows(self) -> int | None:
        """Tell about how many rows there are, without reading them; None where that is unknown."""


class CsvDataset:
    """Digits in a CSV or CSV.gz file; its text is parsed once, then read packed.

    Parameters
    ----------
    path : Path
    """

    format = "CSV"

    def __init__(self, path: Path):
        self.path = path

    def files(self) -> list[Path]:
        """Return the files that hold the digits."""
        return [self.path]

    def blocks(self) -> Iterator[Block]:
        """Yield (pixels, labels); see `Dataset`. Raises DatasetError on bad content."""
        state = fingerprint(self.path)
        if packed := find_packed(self.path, state):
            return _split(read_packed(packed))
        return _split(pack_while_reading(self.path, state, read_csv(self.path)))

    def estimate_rows(self) -> int | None:
        """Tell about how many rows there are, by the length of the first; see `Dataset`."""
        if packed := find_packed(self.path, fingerprint(self.path)):
            return count_packed(packed)
        return estimate_csv_rows(self.path)


class IdxDataset:
    """Digits in a pair of IDX files, gzipped or not.

    Parameters
    ----------
    path : Path
        The images file; the labels file is found beside it.
    """

    format = "IDX"

    def __init__(self, path: Path):
        self.path = path

    def files(self) -> list[Path]:
        """Return the files that hold the digits: images and labels."""
        return [self.path, find_labels(self.path)]

    def blocks(self) -> Iterator[Block]:
        """Yield (pixels, labels); see `Dataset`. Raises DatasetError on bad content."""
        return _split(read_idx(self.path))

    def estimate_rows(self) -> int:
        """Tell how many rows the file says it has; see `Dataset`."""
        return count_idx(self.path)


class ArrayDataset:
    """Digits in memory.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 784)
    labels : ndarray of uint8, shape (n,)
    """

    def __init__(self, pixels: np.ndarray, labels: np.ndarray):
        self.pixels, self.labels = pixels, labels

    def blocks(self) -> Iterator[Block]:
        """Yield (pixels, labels); see `Dataset`."""
        for first in range(0, len(self.labels), BLOCK_ROWS):
            rows = slice(first, first + BLOCK_ROWS)
            yield self.pixels[rows], self.labels[rows]

    def estimate_rows(self) -> int:
        """Tell how many rows there are."""
        return len(self.labels)


class FirstRows:
    """The first rows of another dataset; a few are kept in memory and read but once.

    Of many, the rest is read, too, and left: so that a text file is packed for the next pass.

    Parameters
    ----------
    dataset : Dataset
    limit : int
        At most so many rows.
    """

    def __init__(self, dataset: Dataset, limit: int):
        self.dataset, self.limit = dataset, limit
        self._kept: list[Block] | None = None

    def blocks(self) -> Iterator[Block]:
        """Yield (pixels, labels) up to the limit; see `Dataset`."""
        if self._kept is not None:
            yield from self._kept
        elif self.limit > MOST_KEPT_ROWS:
            yield from self._first()
        else:
            kept = []
            for block in self._first():
                kept.append(block)
                yield block
            self._kept = kept

    def _first(self) -> Iterator[Block]:
        left = self.limit
        for pixels, labels in self.dataset.blocks():
            if left > 0:
                yield pixels[:left], labels[:left]
            left -= len(labels)
            if left <= 0 and self.limit <= MOST_KEPT_ROWS:
                return

    def estimate_rows(self) -> int | None:
        """Tell about how many rows there are, up to the limit; see `Dataset`."""
        rows = self.dataset.estimate_rows()
        return rows if rows is None else min(rows, self.limit)


def open_dataset(path: str | Path) -> CsvDataset | IdxDataset:
    """Open a file of digits, told by its content: CSV, CSV.gz, IDX or IDX.gz.

    Parameters
    ----------
    path : path-like
        A CSV file, or the images file of an IDX pair.

    Returns
    -------
    dataset : CsvDataset or IdxDataset
        Nothing but the first bytes has been read; bad content shows when blocks are.

    Raises
    ------
    DatasetError
        When there is no such file, or it is the labels file of an IDX pair.
    """
    path = Path(path)
    with Stream(path) as file:
        magic = file.read(4)
    if magic == LABELS_MAGIC:
        raise DatasetError(f"{path} holds labels: give the images file, its pair, instead")
    return IdxDataset(path) if magic == IMAGES_MAGIC else CsvDataset(path)


def check_readable(dataset: Dataset) -> None:
    """Read the first block of a dataset, to find before a long training that it is no good.

    Raises
    ------
    DatasetError
        When the first block cannot be read.
    """
    for _ in dataset.blocks():
        return


def _split(blocks: Iterator[np.ndarray]) -> Iterator[Block]:
    """Part rows of shape (n, 785) into pixels and labels, without a copy."""
    for rows in blocks:
        yield rows[:, 1:], rows[:, 0]
