"""Draw the pictures of docs/: `make pictures`. Needs MNIST for the curve and the ten minds.

No picture shows a row of MNIST: the digits are the bundled sample's.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from nn.data.dataset import FirstRows, open_dataset
from nn.data.sources import DATASET_FOLDER, find_source
from nn.plots import digit_grid, save_figure
from nn.signals import SIDE
from scripts.bench.photos import KINDS, QUALITY, take_photo

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"


def main() -> None:
    """Draw all four."""
    if not find_source(environ=os.environ, say=print).is_mnist:
        sys.exit("draw_pictures: needs MNIST: set MNIST_DIR, or run 'make fetch'")
    PICTURES.mkdir(parents=True, exist_ok=True)
    _draw_sample()
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "book.npz")
        curve = str(PICTURES / "learning-curve.png")
        _run("train", "--preset", "book", "--model", model, "--curve", curve)
        _run("backquery", "--model", model, "--output", str(PICTURES / "backquery.png"))
        draw_query(model, Path(folder))


def draw_query(model: str, folder: Path) -> None:
    """Photograph two digits of the bundled sample on lined paper, and show how they are read."""
    pixels, labels = next(open_dataset(DATASET_FOLDER / "sample_test.csv.gz").blocks())
    digits = [pixels[labels == digit][0].reshape(SIDE, SIDE) for digit in (4, 2)]
    photo = take_photo(
        replace(KINDS["lined, dark"], count=2, share=(0.3, 0.35)), np.stack(digits), (4,)
    )
    photo.save(folder / "photo.jpg", quality=QUALITY)
    shown = str(PICTURES / "query.png")
    _run("query", str(folder / "photo.jpg"), "--model", model, "--show", shown, "--force")


def _draw_sample() -> None:
    """Show the first twelve of each digit of the bundled sample, a row a digit."""
    dataset = FirstRows(open_dataset(DATASET_FOLDER / "sample_train.csv.gz"), 1000)
    blocks = list(dataset.blocks())
    pixels, labels = (np.concatenate(part) for part in zip(*blocks, strict=True))
    shown = np.concatenate([pixels[labels == digit][:12] for digit in range(10)])
    save_figure(digit_grid(shown, columns=12), PICTURES / "sample.png")


def _run(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "nn", *words], check=True)


if __name__ == "__main__":
    main()
