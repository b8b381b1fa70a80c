"""Write MNIST's first rows into files, for measurements on few rows."""

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nn.data.csv_file import write_csv
from nn.data.dataset import FirstRows, open_dataset
from nn.data.sources import Source, find_source
from scripts.machines.host import MachineError


def find_mnist(say: Callable[[str], object]) -> Source:
    """Find MNIST. Raises MachineError if there is none."""
    source = find_source(environ=os.environ, say=say)
    if not source.is_mnist:
        raise MachineError("needs MNIST: set MNIST_DIR, or run 'make fetch'")
    return source


def write_rows(stem: Path, source: Source, rows: int) -> None:
    """Write STEM_train.csv with this many rows, STEM_test.csv with a sixth; and both as IDX."""
    for kind, path, count in (("train", source.train, rows), ("test", source.test, rows // 6)):
        first = FirstRows(open_dataset(path), count)
        with stem.with_name(f"{stem.name}_{kind}.csv").open("wb") as file:
            write_csv(file, first.blocks())
        _write_idx(stem.with_name(f"{stem.name}_{kind}"), first)


def _write_idx(stem: Path, dataset: FirstRows) -> None:
    """Write digits in MNIST's own format, which `make train-pi` reads."""
    pixels, labels = map(np.concatenate, zip(*dataset.blocks(), strict=True))
    sizes = struct.pack(">I", len(labels))
    for kind, head, content in (
        ("images-idx3", b"\0\0\x08\x03" + sizes + struct.pack(">2I", 28, 28), pixels),
        ("labels-idx1", b"\0\0\x08\x01" + sizes, labels),
    ):
        path = stem.with_name(f"{stem.name}-{kind}-ubyte.gz")
        path.write_bytes(gzip.compress(head + content.tobytes()))
