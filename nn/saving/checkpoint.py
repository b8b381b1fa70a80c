"""A training that is not finished, on disk: all that it needs to go on as if never broken off.

A checkpoint file is a mark, a hash of the rest, and the rest: an .npz of arrays and settings. The
last two generations are kept, in two files that take turns, and numbered: on a Pi without a
clock, a file's time says nothing.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from nn.errors import KitError, first_line
from nn.saving.atomic import atomic_write, remove_leftovers
from nn.saving.model_file import LARGEST_BYTES, read_arrays, write_arrays

_MAGIC = b"pinnckp1"
_DIGEST_BYTES = 32
_FACTS = "facts"
_FACT_TYPES = {"settings": dict, "execution": str, "generator": dict, "curve": dict | None}


class CheckpointError(KitError, ValueError):
    """A checkpoint is damaged, or is that of another training."""


class Place(NamedTuple):
    """How far a training is: in which epoch, counted from 0, and after how many of its rows."""

    epoch: int = 0
    row: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """A training after one of its batches.

    Attributes
    ----------
    settings : dict of str to str, number, bool or None
        Which training of which digits this is.
    place : Place
    execution : str
        How its steps are carried out: another one's roundings differ.
    arrays : dict of str to ndarray
        The network's weights, and what the execution keeps besides.
    generator : dict
        State of the network's generator of random numbers.
    curve : dict or None
        State of the learning curve, where one is drawn.
    """

    settings: dict
    place: Place
    execution: str
    arrays: dict[str, np.ndarray]
    generator: dict
    curve: dict | None = None


class Generations:
    """The last two checkpoints of the training that will write a model.

    Parameters
    ----------
    model : Path
        The checkpoints lie beside it, whether it is there or not.
    """

    def __init__(self, model: Path):
        self.paths = [Path(f"{model}.checkpoint-{letter}") for letter in "ab"]
        self._number = 0  # of the newest one

    def exist(self) -> bool:
        """Tell whether there are any, whole or not."""
        return any(path.exists() for path in self.paths)

    def size(self) -> int:
        """Return how many bytes they take on the disk."""
        size = 0
        for path in self.paths:
            with suppress(OSError):
                size += path.stat().st_size
        return size

    def newest(self, say: Callable[[str], object] = lambda message: None) -> Checkpoint:
        """Read the newest that is whole.

        Parameters
        ----------
        say : callable
            Told in a line when one is damaged, and another is taken in its stead.

        Raises
        ------
        CheckpointError
            When none of them is whole.
        """
        whole, complaints = {}, []
        for path in self.paths:
            try:
                number, checkpoint = read_checkpoint(path)
            except FileNotFoundError:
                continue
            except CheckpointError as error:
                complaints.append(str(error))
            else:
                whole[number] = path, checkpoint
        if not whole:
            raise CheckpointError("; ".join(complaints) or f"there is no {self.paths[0]}")
        self._number = max(whole)
        path, checkpoint = whole[self._number]
        for complaint in complaints:
            say(f"{complaint}: taking the other generation, {path}")
        return checkpoint

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a new generation over the older of the two. Raises OSError when it cannot."""
        number = self._number + 1
        write_checkpoint(self._path(number), number, checkpoint)
        self._number = number

    def remove(self) -> None:
        """Remove both, the older first: until the last moment there is one to go on from."""
        for path in (self._path(self._number + 1), self._path(self._number)):
            path.unlink(missing_ok=True)
            remove_leftovers(path)

    def _path(self, number: int) -> Path:
        return self.paths[number % len(self.paths)]


def write_checkpoint(path: str | os.PathLike, number: int, checkpoint: Checkpoint) -> None:
    """Write a numbered checkpoint; `path` holds the old file or the new, never a half of it."""
    facts = {name: getattr(checkpoint, name) for name in _fact_names()}
    text = json.dumps({"number": number, **facts})
    with atomic_write(path) as file:
        file.write(_MAGIC + bytes(_DIGEST_BYTES))
        content = _Hashed(file)
        write_arrays(content, {**checkpoint.arrays, _FACTS: np.array(text)})
        file.seek(len(_MAGIC))
        file.write(content.digest())


class _Hashed:
    """A file to write to from start to end, and the hash of all that was written.

    Parameters
    ----------
    file : binary file
    """

    def __init__(self, file: BinaryIO):
        self._file, self._digest = file, _new_digest()
        self.flush = file.flush

    def write(self, content) -> int:
        """Write some bytes."""
        self._digest.update(content)
        return self._file.write(content)

    def digest(self) -> bytes:
        """Return the hash."""
        return self._digest.digest()


def read_checkpoint(path: str | os.PathLike) -> tuple[int, Checkpoint]:
    """Read what `write_checkpoint` wrote: the number and the checkpoint.

    Raises
    ------
    CheckpointError
        When it is not a whole checkpoint.
    FileNotFoundError, PermissionError
        When there is no such file, or it may not be read.
    """
    try:
        with Path(path).open("rb", buffering=0) as file:  # a buffer would hold it twice
            return _unpacked(_checked_content(file))
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # zipfile and numpy raise nearly anything on damaged content
        raise CheckpointError(f"{path} is damaged ({first_line(error)})") from None


def _checked_content(file: BinaryIO) -> bytes:
    """Read what comes after mark and hash; nothing of a file without the one, or too large."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("expected the mark of a checkpoint")
    if (size := os.fstat(file.fileno()).st_size) > LARGEST_BYTES:
        raise ValueError(f"it has {size:,} bytes, more than {LARGEST_BYTES:,}")
    digest, begin = file.read(_DIGEST_BYTES), file.tell()
    if digest != hashlib.file_digest(file, _new_digest).digest():  # before it takes memory
        raise ValueError("its content does not match its hash")
    file.seek(begin)
    return file.read()


def _unpacked(content: bytes) -> tuple[int, Checkpoint]:
    arrays = read_arrays(BytesIO(content))
    facts = json.loads(str(arrays.pop(_FACTS)[()]))
    epoch, row = (int(number) for number in facts.pop("place"))
    number = int(facts.pop("number"))
    checkpoint = Checkpoint(place=Place(epoch, row), arrays=arrays, **facts)
    if min(epoch, row) < 0:
        raise ValueError(f"expected a place in the training, got epoch {epoch}, row {row}")
    for name, kind in _FACT_TYPES.items():
        if not isinstance(getattr(checkpoint, name), kind):
            raise TypeError(f"expected another type of {name}")
    return number, checkpoint


def take_over(target: np.ndarray, name: str, kept: dict[str, np.ndarray]) -> None:
    """Copy an array that was kept into another, which must be of the same type and shape.

    Raises
    ------
    KeyError
        When there is none of that name.
    ValueError
        When it is of another type or shape: the message has both.
    """
    expected, got = (f"{array.dtype} of {array.shape}" for array in (target, kept[name]))
    if got != expected:
        raise ValueError(f"{name}: expected {expected}, got {got}")
    target[:] = kept[name]


def _new_digest():
    return hashlib.blake2s(digest_size=_DIGEST_BYTES)


def _fact_names() -> list[str]:
    return [field.name for field in fields(Checkpoint) if field.name != "arrays"]
