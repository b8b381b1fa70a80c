"""Read digits from numpy's array files, .npy and .npz, in blocks, and never a pickle."""

import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nn.data.forms import as_bytes, scale_of
from nn.data.streams import BLOCK_ROWS, FIELDS, DatasetError, damage_named
from nn.signals import PIXELS, SIDE

_PICTURES = ((PIXELS,), (FIELDS,), (SIDE, SIDE), (SIDE, SIDE, 1), (1, SIDE, SIDE))
_PARTS = ("train", "test", "val")
_ADVICE = (
    "Expected pictures of shape (n, 784) or (n, 28, 28) and labels of shape (n,), or both in one "
    "array of shape (n, 785)"
)


@dataclass(frozen=True)
class Array:
    """An array in a file: its name, and what its header says."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def is_pictures(self) -> bool:
        """Return whether it can hold pictures of 28×28 pixels."""
        return self.shape[1:] in _PICTURES

    def is_labels_of(self, pictures: "Array") -> bool:
        """Return whether it can hold the labels of these pictures."""
        one_hot = len(self.shape) == 2 and self.shape[1] <= 256
        same = self.shape[:1] == pictures.shape[:1] and self.name != pictures.name
        return same and (len(self.shape) == 1 or one_hot)

    def __str__(self) -> str:
        return f"{self.name} {self.shape}"


class ArrayFile:
    """The pictures and labels in an .npy or .npz file.

    Parameters
    ----------
    path : Path
    part : str
        What the names of the arrays contain, if there are several; by default "train".

    Attributes
    ----------
    changes : list of str
        What was chosen and left out.
    labelled : bool
    count : int
        The number of pictures.

    Raises
    ------
    DatasetError
        When there are no such arrays, or it is unclear which to read.
    """

    def __init__(self, path: Path, part: str = ""):
        self.path, self.part = path, part
        self._zipped = zipfile.is_zipfile(path)
        names = [""]
        if self._zipped:
            with damage_named(path), zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.endswith(".npy")]
        arrays = [self._look_at(name) for name in names]
        self.pictures = self._choose_pictures(arrays)
        self.in_one = self.pictures.shape[1:] == (FIELDS,)
        self.answers = None if self.in_one else self._choose_labels(arrays)
        self.labelled, self.count = bool(self.in_one or self.answers), self.pictures.shape[0]
        chosen = [each.name for each in (self.pictures, self.answers) if each and each.name]
        left = [each.name for each in arrays if each not in (self.pictures, self.answers)]
        self.changes = [f"read the arrays {' and '.join(chosen)}" if chosen else "read the array"]
        if left:
            self.changes.append(f"left out {', '.join(left)}")
        self._scale = 1
        first = next(self._read(self.pictures), np.zeros((0, PIXELS)))
        if (scale := scale_of(first[:, self.in_one :])) != 1:
            self._scale = scale
            self.changes.append("multiplied the pixels by 255, since they went from 0 to 1")

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Yield pixels, uint8 of shape (n, 784), and labels, uint8 of shape (n,) or None."""
        answers = self._read(self.answers) if self.answers else None
        row = 0
        for values in self._read(self.pictures):
            labels = values[:, 0] if self.in_one else None
            if answers:
                labels = next(answers)
                labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
            pixels, bad = as_bytes(values[:, self.in_one :], self._scale)
            wrong, kind = bad, "pixel value"
            if bad is None and labels is not None:
                labels, bad_label = as_bytes(labels[:, None], 1, whole=True)
                labels, wrong, kind = labels[:, 0], bad_label, "label"
            if wrong is not None:
                place, value = wrong
                raise DatasetError(
                    f"{self.path}: row {row + place[0] + 1}: expected a {kind} from 0 to "
                    f"{255 // self._scale if kind != 'label' else 255}, got {value:g}"
                )
            yield pixels, labels
            row += len(pixels)

    def _choose_pictures(self, arrays: list[Array]) -> Array:
        found = [each for each in arrays if each.is_pictures and self.part in each.name]
        if len(found) > 1 and not self.part:
            found = [each for each in found if "train" in each.name.lower()] or found
        if len(found) == 1:
            return found[0]
        names = ", ".join(map(str, arrays)) or "no array"
        advice = "Choose one by a part of its name: --part NAME" if found else _ADVICE
        raise DatasetError(f"{self.path} has {names}. {advice}")

    def _choose_labels(self, arrays: list[Array]) -> Array | None:
        found = [each for each in arrays if each.is_labels_of(self.pictures)]
        for wanted in (*(part for part in _PARTS if part in self.pictures.name), self.part):
            found = [each for each in found if wanted in each.name] or found
        named = [each for each in found if each.name.lower()[:1] in "ylt"]  # labels, targets
        found = named if len(found) > 1 and named else found
        if len(found) > 1:
            raise DatasetError(
                f"{self.path} has {', '.join(map(str, found))} for {self.pictures}: expected one "
                "array of labels"
            )
        return found[0] if found else None

    def _open(self, name: str) -> BinaryIO:
        with damage_named(self.path):
            if not self._zipped:
                return self.path.open("rb")
            return zipfile.ZipFile(self.path).open(name)

    def _header(self, file: BinaryIO, name: str) -> Array:
        with damage_named(self.path):
            version = np.lib.format.read_magic(file)
            read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
            shape, fortran, dtype = read(file)
        if fortran and len(shape) > 1:
            raise DatasetError(
                f"{self.path} has the array {name} in Fortran's order: save it with "
                "numpy.ascontiguousarray"
            )
        return Array(name.removesuffix(".npy"), shape, dtype)

    def _look_at(self, name: str) -> Array:
        with self._open(name) as file:
            return self._header(file, name)

    def _read(self, array: Array) -> Iterator[np.ndarray]:
        """Yield blocks of an array, of shape (n, numbers in a row)."""
        if array.dtype.hasobject or array.dtype.kind not in "buif":
            raise DatasetError(
                f"{self.path}: expected numbers in the array {array.name}, got {array.dtype}"
            )
        width = math.prod(array.shape[1:])
        size = width * array.dtype.itemsize
        with self._open(f"{array.name}.npy" if self._zipped else "") as file:
            self._header(file, array.name)
            for first in range(0, array.shape[0], BLOCK_ROWS):
                count = min(BLOCK_ROWS, array.shape[0] - first)
                with damage_named(self.path):
                    content = file.read(count * size)
                if len(content) < count * size:
                    raise DatasetError(
                        f"{self.path} ends in the middle of the array {array.name}: copy it again"
                    )
                yield np.frombuffer(content, array.dtype).reshape(count, width)
