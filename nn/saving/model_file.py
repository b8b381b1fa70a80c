"""Models on disk: an .npz file of weights and settings, written atomically, read without pickle."""

import json
import os
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nn.errors import KitError, first_line
from nn.kit import command
from nn.network import Network
from nn.saving.atomic import AtomicFile, atomic_write

LARGEST_BYTES = 320_000_000  # 100,000 hidden nodes, the most that `train` accepts
LARGEST_WEIGHT = 1e30  # sums of products with larger weights could overflow in float32
FORMAT = "pi-nn model 1"
OWN_DATASET = "the digits of your own notebook"  # `about` of a model that `nn.book` saved

_PIECE_BYTES = 1 << 20
_SETTINGS = "settings"
_WEIGHTS = ("weights_input_hidden", "weights_hidden_output")
_SCALES, _MOST_STEPS = "_scales", 127  # of weights that are stored as int8


class ModelError(KitError, ValueError):
    """A model file is missing, damaged, or not a model of this kit."""


def save_model(
    network: Network, path: str | os.PathLike, about: dict | None = None, *, compact: bool = False
) -> None:
    """Write weights and settings; `path` holds the old file or the new, never half of it.

    Parameters
    ----------
    network : Network
    path : path-like
        Its folder must exist.
    about : dict, optional
        What else to store, such as what the network was trained on; anything that JSON can hold.
    compact : bool
        Round the weights to 8 bits: a quarter of the size. Each row of a matrix is stored as int8,
        and as the scale that its numbers are multiplied by.

    Raises
    ------
    ModelError
        When a weight is huge, infinite or NaN: such a model is useless.
    OSError
        When it cannot be written.
    """
    arrays = weights_of(network)
    for array in arrays.values():
        if not _usable(array):
            raise ModelError(f"training diverged; {path} not saved. Lower the learning rate")
    settings = {"learning_rate": network.learning_rate, "rule": network.rule, "seed": network.seed}
    text = json.dumps({"format": FORMAT, **settings, "about": about or {}})
    if compact:
        for name, weights in list(arrays.items()):
            scales = abs(weights).max(axis=1) / _MOST_STEPS
            steps = np.rint(weights / np.where(scales > 0, scales, 1)[:, np.newaxis])
            arrays |= {name: steps.astype(np.int8), name + _SCALES: scales.astype(np.float32)}
    with atomic_write(path) as file:
        write_arrays(file, {**arrays, _SETTINGS: np.array(text)})


def load_model(path: str | os.PathLike) -> Network:
    """Read a file that `save_model` wrote; `about` becomes the network's attribute of that name.

    Raises
    ------
    ModelError
        When the file does not exist, or is not a valid model of this kit.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(
            f"{path}: no such model. Train one first: {command(f'train --model {path}')}"
        )
    if not path.is_file():
        raise ModelError(f"{path} is a folder or a pipe, not a file. Give the path of a model")
    with path.open("rb") as file:
        try:
            return _network_of(read_arrays(file))
        except Exception as error:  # zipfile and numpy raise nearly anything on damaged content
            raise ModelError(
                f"{path} is not a valid model of this kit ({first_line(error)}): train it again"
            ) from None


def _network_of(arrays: dict[str, np.ndarray]) -> Network:
    """Check a model file's content and make a network of it; raises nearly anything."""
    settings = json.loads(str(arrays[_SETTINGS][()]))
    if not isinstance(settings, dict) or settings.pop("format", None) != FORMAT:
        raise ValueError(f"expected settings that say {FORMAT!r}")
    for name in _WEIGHTS:
        if arrays[name].dtype == np.int8:
            if 4 * arrays[name].size > LARGEST_BYTES:
                raise ValueError(f"expected at most {LARGEST_BYTES // 4:,} weights of 8 bits")
            arrays[name] = arrays[name] * arrays[name + _SCALES][:, np.newaxis]
    input_hidden, hidden_output = weights = [arrays[name] for name in _WEIGHTS]
    if not (
        input_hidden.ndim == hidden_output.ndim == 2
        and input_hidden.shape[0] == hidden_output.shape[1]
        and 0 not in input_hidden.shape + hidden_output.shape
    ):
        shapes = f"{input_hidden.shape} and {hidden_output.shape}"
        raise ValueError(f"expected two matrices of matching shapes, got {shapes}")
    if not all(array.dtype in (np.float32, np.float64) for array in weights):
        raise ValueError("expected weights of type float32 or float64")
    if not all(_usable(array) for array in weights):
        raise ValueError(f"expected finite weights, up to {LARGEST_WEIGHT:g}")
    known = {name: settings[name] for name in ("learning_rate", "rule", "seed")}
    network = Network(1, 1, 1, **known)
    network.about = dict(settings.get("about", {}))
    network.weights_input_hidden, network.weights_hidden_output = weights
    return network


def weights_of(network: Network) -> dict[str, np.ndarray]:
    """Return a network's two weight matrices by the names they have in files."""
    return {
        "weights_input_hidden": network.weights_input_hidden,
        "weights_hidden_output": network.weights_hidden_output,
    }


def check_replaceable(path: str | os.PathLike, size: int) -> None:
    """Check, before a long training, that a model can be written to `path` afterwards.

    Parameters
    ----------
    path : path-like
        Its folder must exist.
    size : int
        Bytes that must fit on the disk.

    Raises
    ------
    ModelError
        When the path is taken by something that is not a model.
    OSError
        When it cannot be written: no permission, no space, or too long a name.
    """
    path = Path(path)
    if path.exists():
        try:
            load_model(path)
        except ModelError:
            raise ModelError(
                f"{path} exists and is not a model of this kit; it was left unchanged. "
                "Choose another name with --model"
            ) from None
    trial = AtomicFile(path)
    try:
        for first in range(0, size, _PIECE_BYTES):
            trial.write(bytes(min(_PIECE_BYTES, size - first)))
        trial.file.flush()
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        trial.discard()


def write_arrays(file: BinaryIO, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as `numpy.savez` does, but without copying them: memory may be short.

    Parameters
    ----------
    file : binary file
        Written from start to end; it need not be able to seek.
    arrays : dict
        In C or in Fortran order.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            header = np.lib.format.header_data_from_array_1_0(array)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array_header_1_0(entry, header)
                order = "F" if header["fortran_order"] else "C"
                entry.write(array.ravel(order).view(np.uint8))


def read_arrays(file: BinaryIO, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read the named arrays of an .npz, or all; refuse what would unpack to more than its size.

    This kit never compresses its files: a small compressed file could unpack to gigabytes.

    Raises
    ------
    Exception
        Of nearly any kind, on damaged content: zipfile and numpy raise many.
    """
    size = file.seek(0, os.SEEK_END)
    if size > LARGEST_BYTES:
        raise ValueError(f"it has {size:,} bytes: expected at most {LARGEST_BYTES:,}")
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > size:
        raise ValueError(f"it has {size:,} bytes but would unpack to {unpacked:,}")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("it is compressed, but this kit never compresses")
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd shapes, which also raise an error
        archive = np.load(file, allow_pickle=False)
        arrays = {name: archive[name] for name in names or archive.files}
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError("expected only arrays")
    return arrays


def _usable(weights: np.ndarray) -> bool:
    """Return whether all weights are numbers that the network can multiply and sum."""
    with np.errstate(invalid="ignore"):  # a NaN makes both comparisons false
        return bool(weights.min() >= -LARGEST_WEIGHT and weights.max() <= LARGEST_WEIGHT)
