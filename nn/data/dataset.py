"""One interface to all sources of digits: blocks of pixels and labels, as uint8."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from nn.data.kinds import HEAD_BYTES, refuse_other_kinds
from nn.data.labels import ANY_LABEL, DIGITS, Labels, settle_first
from nn.data.streams import BLOCK_ROWS, IMAGES_MAGIC, LABELS_MAGIC, DatasetError, Stream

Block = tuple[np.ndarray, np.ndarray]

_DOUBTED_ROWS = 128  # as many as the CSV reader parses at a time
MOST_KEPT_ROWS = 10_000  # 8 MB


class Dataset(Protocol):
    """Labelled digits that can be read repeatedly, in the same order."""

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Yield pixels, uint8 of shape (rows, 784), and labels, uint8 of shape (rows,).

        Each block has exactly `rows` rows; only the last may have fewer.
        """

    def estimate_rows(self) -> int | None:
        """Estimate the number of rows without reading them; None if that is not possible."""


class ArrayDataset:
    """Digits in memory.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 784)
    labels : ndarray of uint8, shape (n,)
    """

    def __init__(self, pixels: np.ndarray, labels: np.ndarray):
        self.pixels, self.labels = pixels, labels

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Yield (pixels, labels) without copying; see `Dataset`."""
        for first in range(0, len(self.labels), rows):
            block = slice(first, first + rows)
            yield self.pixels[block], self.labels[block]

    def estimate_rows(self) -> int:
        """Return the number of rows."""
        return len(self.labels)


class FirstRows:
    """The first rows of another dataset; if they are few, they are read once and kept in memory.

    If they are many, the rest is read and dropped, so that a text file is packed for the next pass.

    Parameters
    ----------
    dataset : Dataset
    limit : int
        Maximum number of rows.
    """

    def __init__(self, dataset: Dataset, limit: int):
        self.dataset, self.limit = dataset, limit
        self._kept: dict[int, list[Block]] = {}  # by the rows of a block

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Yield (pixels, labels) up to the limit; see `Dataset`."""
        if rows in self._kept:
            yield from self._kept[rows]
            return
        few = self.limit <= MOST_KEPT_ROWS
        kept, left = [], self.limit
        for pixels, labels in self.dataset.blocks(rows):
            if left > 0:
                block = pixels[:left], labels[:left]
                kept += [block] * few
                yield block
            left -= len(labels)
            if few and left <= 0:
                break
        if few:
            self._kept = {rows: kept}

    def estimate_rows(self) -> int | None:
        """Estimate the number of rows, up to the limit; see `Dataset`."""
        rows = self.dataset.estimate_rows()
        return rows if rows is None else min(rows, self.limit)


def open_dataset(path: str | Path, labels: Labels = DIGITS) -> Dataset:
    """Open a file of digits; its content decides the format: CSV, CSV.gz, IDX or IDX.gz.

    Parameters
    ----------
    path : path-like
        A CSV file, or the images file of an IDX pair.
    labels : Labels
        Those that the file may have. If only their number is known, the first rows decide whether
        they begin at 0 or at 1.

    Returns
    -------
    dataset : CsvDataset or IdxDataset
        Only the first bytes have been read; bad content raises an error when blocks are read.

    Raises
    ------
    DatasetError
        When the file does not exist, is the labels file of an IDX pair, or a file of another kind.
    """
    path = Path(path)
    with Stream(path) as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(LABELS_MAGIC):
        raise DatasetError(f"{path} is a labels file: give its images file instead")
    if head.startswith(IMAGES_MAGIC):
        from nn.data.idx import IdxDataset as Format  # here, because imports are slow on a Pi
    else:
        refuse_other_kinds(path, head)
        from nn.data.csv_file import CsvDataset as Format
    if labels.counted:
        _, found = next(Format(path, ANY_LABEL).blocks(), (None, np.empty(0)))
        labels = settle_first(labels, found)
    return Format(path, labels)


def check_readable(dataset: Dataset) -> None:
    """Read the first block of a dataset, to find errors before a long training.

    Raises
    ------
    DatasetError
        When the first block cannot be read.
    """
    next(iter(dataset.blocks()), None)


def check_plausible(dataset: Dataset, say: Callable[[str], None]) -> None:
    """Read the first block of an opened file, and look for what would train to nonsense.

    Parameters
    ----------
    dataset : CsvDataset or IdxDataset
    say : callable
        Called with a line about each thing that may be wrong.

    Raises
    ------
    DatasetError
        When the first block cannot be read, or cannot be right.
    """
    from nn.data.doubts import doubts

    for pixels, labels in dataset.blocks(_DOUBTED_ROWS):
        for doubt in doubts(pixels, labels, dataset.labels):
            if doubt.certain:
                raise DatasetError(doubt.told_of(dataset.path))
            say(f"Warning: {doubt.told_of(dataset.path)}")
        return
