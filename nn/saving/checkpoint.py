"""An unfinished training on disk: everything needed to resume it with identical results.

A checkpoint file is an .npz of weights and facts, followed by a mark and a hash of the .npz. The
last two checkpoints are kept, in two files that are written in turn. They are numbered because a
Pi has no clock, so a file's time is not reliable.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nn.errors import KitError, first_line
from nn.saving.atomic import atomic_write, remove_leftovers
from nn.saving.model_file import LARGEST_BYTES, read_arrays, write_arrays

_MAGIC, _EARLIER_MAGIC = b"pinnckp2", b"pinnckp1"
_DIGEST_BYTES = 32
_PIECE_BYTES = 1 << 18
_FACTS = "facts"
_FACT_TYPES = {
    **{"number": int, "epoch": int, "row": int},
    **{"identity": dict, "backend": str, "curve": dict | None},
}


class CheckpointError(KitError, ValueError):
    """A checkpoint is damaged, or belongs to another training."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training at the end of a block of rows.

    Attributes
    ----------
    identity : dict of str to str, number, bool or None
        What identifies the training: its settings and its digits.
    backend : str
        How its steps are computed; another backend rounds differently.
    epoch, row : int
        How far it is: the epoch, counted from 0, and how many of its rows are done.
    weights : dict of str to ndarray
        The network's weights, by name.
    curve : dict or None
        State of the learning curve, if one is drawn.
    number : int
        One more than the number of the previous checkpoint.
    """

    identity: dict
    backend: str
    epoch: int
    row: int
    weights: dict[str, np.ndarray]
    curve: dict | None = None
    number: int = 0


class CheckpointFiles:
    """The last two checkpoints of a model's training.

    Parameters
    ----------
    model : Path
        The checkpoints are beside it, whether it exists or not.
    """

    def __init__(self, model: Path):
        self.paths = Path(f"{model}.checkpoint-a"), Path(f"{model}.checkpoint-b")
        self._number = 0  # of the newest one

    def exist(self) -> bool:
        """Return whether there are any checkpoints, complete or not."""
        return self.paths[0].exists() or self.paths[1].exists()

    def size(self) -> int:
        """Return how many bytes they occupy on the disk."""
        size = 0
        for path in self.paths:
            with suppress(OSError):
                size += path.stat().st_size
        return size

    def newest(self, say: Callable[[str], object] = lambda message: None) -> Checkpoint:
        """Read the newest complete checkpoint.

        Parameters
        ----------
        say : callable
            Called with one line if one is damaged and the other is used instead.

        Raises
        ------
        CheckpointError
            When neither is complete.
        """
        whole, complaints = {}, []
        for path in self.paths:
            try:
                whole[path] = read_checkpoint(path)
            except FileNotFoundError:
                continue
            except CheckpointError as error:
                complaints.append(str(error))
        if not whole:
            raise CheckpointError("; ".join(complaints) or f"there is no {self.paths[0]}")
        path = max(whole, key=lambda path: whole[path].number)
        self._number = whole[path].number
        for complaint in complaints:
            say(f"{complaint}: using the other checkpoint, {path}")
        return whole[path]

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the older of the two checkpoints by a new one. Raises OSError if that fails."""
        number = self._number + 1
        write_checkpoint(self.paths[number % 2], number, checkpoint)
        self._number = number

    def remove(self) -> None:
        """Remove both, the older first: until the last moment there is one to resume from."""
        for number in (self._number + 1, self._number):
            path = self.paths[number % 2]
            path.unlink(missing_ok=True)
            remove_leftovers(path)


def write_checkpoint(path: str | os.PathLike, number: int, checkpoint: Checkpoint) -> None:
    """Write a numbered checkpoint; `path` holds the old file or the new, never half of it."""
    facts = {name: getattr(checkpoint, name) for name in _FACT_TYPES} | {"number": number}
    with atomic_write(path) as file:
        write_arrays(file, {**checkpoint.weights, _FACTS: np.array(json.dumps(facts))})
        file.seek(0)
        digest = hashlib.file_digest(file, _new_digest).digest()
        file.write(_MAGIC + digest)


def read_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Read a file that `write_checkpoint` wrote.

    Raises
    ------
    CheckpointError
        When it is not a complete checkpoint.
    FileNotFoundError, PermissionError
        When the file does not exist, or may not be read.
    """
    try:
        with Path(path).open("rb", buffering=0) as file:  # a buffer would hold it twice
            arrays = read_arrays(BytesIO(_checked_content(file)))
        facts = json.loads(str(arrays.pop(_FACTS)[()]))
        for name, kind in _FACT_TYPES.items():
            if not isinstance(facts[name], kind):
                raise TypeError(f"expected another type of {name}")
        checkpoint = Checkpoint(weights=arrays, **facts)
        if min(checkpoint.epoch, checkpoint.row) < 0:
            place = f"epoch {checkpoint.epoch}, row {checkpoint.row}"
            raise ValueError(f"expected a place in the training, got {place}")
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # zipfile and numpy raise nearly anything on damaged content
        raise CheckpointError(f"{path} is damaged ({first_line(error)})") from None
    return checkpoint


def _checked_content(file: BinaryIO) -> bytes:
    """Read the .npz after checking the file's size, mark and hash."""
    size = os.fstat(file.fileno()).st_size - len(_MAGIC) - _DIGEST_BYTES
    if size > LARGEST_BYTES:
        raise ValueError(f"it has {size:,} bytes: expected at most {LARGEST_BYTES:,}")
    if file.read(len(_EARLIER_MAGIC)) == _EARLIER_MAGIC:
        raise ValueError("it was saved by an earlier version of this kit")
    file.seek(max(0, size))
    if size < 0 or file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("expected a checkpoint's mark at its end")
    expected, digest, left = file.read(_DIGEST_BYTES), _new_digest(), size
    file.seek(0)
    while left and (piece := file.read(min(left, _PIECE_BYTES))):  # before it is read into memory
        digest.update(piece)
        left -= len(piece)
    if digest.digest() != expected:
        raise ValueError("its content does not match its hash")
    file.seek(0)
    return file.read(size)


def _new_digest():
    return hashlib.blake2s(digest_size=_DIGEST_BYTES)
