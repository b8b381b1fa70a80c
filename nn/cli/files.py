"""Files that the user names: checked before the work begins."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nn.cli.console import remark
from nn.errors import KitError

if TYPE_CHECKING:  # which would import numpy
    from nn.data.labels import Labels
    from nn.network import Network

_PNG_MAGIC = b"\x89PNG"


class TargetError(KitError, FileExistsError):
    """A file cannot be written to this path."""


def add_reader_flag(parser) -> None:
    """Add --model, for a command that reads digits with a model."""
    parser.add_argument(
        "--model",
        metavar="FILE",
        help="default: the newest in models/; if there is none, the one that comes with the kit",
    )


def given_reader(path: str | None) -> str:
    """Return the model that --model names, or else the default; say which one that is."""
    if path:
        return path
    from nn.saving.shipped import SHIPPED_MODEL, default_model

    model = default_model()
    name = f"{model.stem}, which comes with the kit" if model == SHIPPED_MODEL else model
    remark(f"Model: {name}")
    return str(model)


def load_reader(path: str) -> tuple["Network", "Labels"]:
    """Load a model with 784 inputs and an output for each of the labels that it was trained on.

    Raises
    ------
    ModelError
        When it cannot be loaded, or has another size.
    """
    from nn.data.labels import labels_of_model
    from nn.saving.model_file import ModelError, load_model
    from nn.signals import PIXELS

    network = load_model(path)
    inputs, _, outputs = network.sizes
    labels = labels_of_model(network.about, outputs)
    if inputs != PIXELS or labels is None:
        raise ModelError(
            f"{path}: expected a network with {PIXELS} inputs and 10 outputs, got {inputs} and "
            f"{outputs}"
        )
    return network, labels


def check_csv_target(name: str, force: bool) -> Path:
    """Refuse a name that does not end as a CSV file's does, or an existing file without `force`.

    Raises
    ------
    TargetError
        With the reason.
    """
    if not name.endswith((".csv", ".csv.gz")):
        raise TargetError(f"{name}: expected a name that ends in .csv or .csv.gz")
    if Path(name).exists() and not force:
        raise TargetError(f"{name} already exists: use --force to replace it")
    return Path(name)


@contextmanager
def written_csv(target: Path) -> Iterator[BinaryIO]:
    """Open a CSV file to write, gzipped if its name says so; it appears whole, or not at all."""
    from nn.saving.atomic import atomic_write

    with atomic_write(target) as file:
        if target.suffix != ".gz":
            yield file
            return
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as zipped:
            yield zipped


def check_picture_target(name: str) -> None:
    """Refuse a path whose folder is missing, or that is taken by anything but a PNG picture.

    Raises
    ------
    TargetError
        With the reason.
    """
    path = Path(name)
    if not path.parent.is_dir():
        raise TargetError(f"{name}: folder {path.parent} does not exist: create it first")
    if path.is_dir():
        raise TargetError(f"{name} is a folder: give a file name")
    if path.exists():
        if not path.is_file():  # a named pipe, which would be waited for
            raise TargetError(f"{name} exists and is not a PNG picture: choose another name")
        with path.open("rb") as file:
            if file.read(len(_PNG_MAGIC)) != _PNG_MAGIC:
                raise TargetError(f"{name} exists and is not a PNG picture: choose another name")
