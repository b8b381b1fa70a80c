"""Look at what is on a card after its power was cut; print as JSON what is whole, what is not."""

import json
import sys
from pathlib import Path

import numpy as np

from nn.data.csv_file import read_csv
from nn.data.packed import find_packed, read_packed
from nn.saving.model_file import load_model


def main(folder: Path) -> None:
    """Load every model, and hold every packed file against its text."""
    models, packed, corrupt = [], 0, []
    for path in sorted(folder.rglob("*.npz")):
        try:
            load_model(path)
            models.append(str(path))
        except ValueError as error:
            corrupt.append(str(error))
    for path in sorted(folder.rglob("*.csv")):
        if whole := find_packed(path):
            rows = (np.concatenate(list(read(file))) for read, file in _both(path, whole))
            if np.array_equal(*rows):
                packed += 1
            else:
                corrupt.append(f"{whole} is not what {path} says")
    print(json.dumps({"models": models, "packed": packed, "corrupt": corrupt}))


def _both(text: Path, whole: Path) -> list:
    return [(read_csv, text), (read_packed, whole)]


main(Path(sys.argv[1]))
