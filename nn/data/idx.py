"""Read digits from a pair of IDX files, MNIST's own format.

An images file is the bytes 0 0 8 3, then the counts of images, rows and columns as big-endian
32-bit numbers, then one byte a pixel; its labels file is 0 0 8 1, a count, one byte a label.

References
----------
Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nn.data.labels import DIGITS, Labels, more_labels
from nn.data.streams import (
    BLOCK_ROWS,
    FIELDS,
    IMAGES_MAGIC,
    LABELS_MAGIC,
    DatasetError,
    Stream,
    how_to_fetch,
)
from nn.signals import PIXELS, SIDE


class IdxDataset:
    """Digits in a pair of IDX files, gzipped or not.

    Parameters
    ----------
    path : Path
        The images file; the labels file must be beside it.
    labels : Labels
        Those that the file may have.
    """

    format = "IDX"

    def __init__(self, path: Path, labels: Labels = DIGITS):
        self.path, self.labels = path, labels

    def files(self) -> list[Path]:
        """Return the files that hold the digits: images and labels."""
        return [self.path, find_labels(self.path)]

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`. Raises DatasetError."""
        for block in read_idx(self.path, rows, self.labels):
            yield block[:, 1:], self.labels.nodes(block[:, 0])

    def estimate_rows(self) -> int:
        """Return how many rows the images file says it has. Raises DatasetError."""
        with Stream(self.path) as images:
            return _read_images_header(images)


def read_idx(
    images_path: Path, rows: int = BLOCK_ROWS, labels: Labels = DIGITS
) -> Iterator[np.ndarray]:
    """Read images and the labels beside them in blocks; memory does not grow with the files.

    Parameters
    ----------
    images_path : Path
        The images file, gzipped or not; the labels file is found by its name.
    rows : int
        In each block; the last may have fewer.
    labels : Labels
        Those that the file may have.

    Yields
    ------
    block : ndarray of uint8, shape (n, 785)
        The label in column 0, then the pixels.

    Raises
    ------
    DatasetError
        When the files do not belong together, are truncated, or their images are not 28×28.
    """
    labels_path = find_labels(images_path)
    with Stream(images_path) as images, Stream(labels_path) as label_file:
        count = _read_images_header(images)
        (label_count,) = struct.unpack(">I", _read_header(label_file, LABELS_MAGIC, 4))
        if label_count != count:
            raise DatasetError(
                f"{images_path} has {count} images, but {labels_path} has {label_count} labels: "
                f"expected equal numbers: {how_to_fetch()} or copy the pair again"
            )
        for first in range(0, count, rows):
            block = np.empty((min(rows, count - first), FIELDS), np.uint8)
            block[:, 0] = _read_records(label_file, first, len(block), 1)[:, 0]
            block[:, 1:] = _read_records(images, first, len(block), PIXELS)
            if not labels.include(block[:, 0]):
                found = block[:, 0].astype(int)
                wrong = np.flatnonzero((found > labels.last) | (found < labels.first))[0]
                raise DatasetError(
                    f"{labels_path}: record {first + wrong + 1}: expected a label from {labels}, "
                    f"got {found[wrong]}. {more_labels(found)}"
                )
            yield block
        for file in (images, label_file):
            if file.read(1):
                raise DatasetError(
                    f"{file.path} has more data after its {count} records: {how_to_fetch()} or "
                    "copy it again"
                )


def find_labels(images_path: Path) -> Path:
    """Find the labels file that belongs to an images file.

    Raises
    ------
    DatasetError
        When no file has the expected name, gzipped or not.
    """
    name = images_path.name.replace("images", "labels").replace("idx3", "idx1")
    if name == images_path.name:
        raise DatasetError(f"{images_path}: expected 'images' in its name, to find the labels file")
    plain = images_path.with_name(name.removesuffix(".gz"))
    zipped = plain.with_name(plain.name + ".gz")
    for candidate in (zipped, plain) if name.endswith(".gz") else (plain, zipped):
        if candidate.exists():
            return candidate
    raise DatasetError(
        f"{images_path}: expected its labels file beside it, named {plain.name}[.gz]"
    )


def _read_images_header(file: Stream) -> int:
    count, rows, columns = struct.unpack(">3I", _read_header(file, IMAGES_MAGIC, 12))
    if (rows, columns) != (SIDE, SIDE):
        raise DatasetError(
            f"{file.path}: expected images of {SIDE}×{SIDE} pixels, got {rows}×{columns}"
        )
    if count == 0:
        raise DatasetError(f"{file.path} has no rows: expected at least one image")
    return count


def _read_header(file: Stream, magic: bytes, size: int) -> bytes:
    header = file.read(4 + size)
    if header[:4] != magic:
        raise DatasetError(
            f"{file.path}: expected an IDX file beginning {magic.hex(' ')}, "
            f"got {header[:4].hex(' ')}"
        )
    if len(header) < 4 + size:
        raise DatasetError(
            f"{file.path} ends in the middle of its header: {how_to_fetch()} or copy it again"
        )
    return header[4:]


def _read_records(file: Stream, start: int, count: int, size: int) -> np.ndarray:
    """Read `count` records of `size` bytes as an array of shape (count, size)."""
    content = file.read(count * size)
    if len(content) < count * size:
        record = start + len(content) // size + 1
        raise DatasetError(
            f"{file.path} ends in the middle of record {record}: {how_to_fetch()} or copy it again"
        )
    return np.frombuffer(content, np.uint8).reshape(count, size)
