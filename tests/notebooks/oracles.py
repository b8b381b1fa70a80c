"""What notebooks are held against: digits read by other means than the kit's."""

import csv
import gzip
from pathlib import Path

import numpy as np


def read_digits(kit: Path, mnist: Path | None, stem: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the "train" or "test" digits that a notebook used: pixels (n, 784), labels (n,)."""
    if mnist is None:
        with gzip.open(kit / "mnist_dataset" / f"sample_{stem}.csv.gz", "rt", newline="") as file:
            rows = np.array([[int(value) for value in row] for row in csv.reader(file)])
        return rows[:, 1:], rows[:, 0]
    stem = {"train": "train", "test": "t10k"}[stem]
    with gzip.open(mnist / f"{stem}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(mnist / f"{stem}-labels-idx1-ubyte.gz") as file:
        return pixels, np.frombuffer(file.read(), np.uint8, offset=8)
