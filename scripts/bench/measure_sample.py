"""Measure how well networks trained on drawn digits read MNIST's: `make measure-sample`.

Prints the table of mnist_dataset/README.md.
"""

import os
import statistics
import sys

from nn.data.dataset import ArrayDataset, open_dataset
from nn.data.drawn_digits import draw_digits
from nn.data.sources import DATASET_FOLDER, find_source
from nn.lessons.experiments import measure_accuracy
from nn.presets import PRESETS

NAMES = ("pi-zero", "pi-zero-100", "book")
SEEDS = (1, 2, 3)
MINUTE_ROWS = 150_000  # that a laptop draws in a minute, one core
DRAWN_SEED = 0  # not a seed of the bundled files


def main() -> None:
    """Train on the bundled sample and on what a minute draws; read MNIST's 10,000."""
    source = find_source(environ=os.environ, say=print)
    if not source.is_mnist:
        sys.exit("measure_sample: needs MNIST: set MNIST_DIR, or run 'make fetch'")
    mnist = open_dataset(source.test)
    print(f"| trained on | {' | '.join(f'`{name}`' for name in NAMES)} |")
    print("|---|" + "---|" * len(NAMES))
    _measure("the bundled 10,000", open_dataset(DATASET_FOLDER / "sample_train.csv.gz"), mnist)
    drawn = ArrayDataset(*draw_digits(MINUTE_ROWS, DRAWN_SEED))
    _measure(f"{MINUTE_ROWS:,} drawn digits", drawn, mnist)


def _measure(name: str, drawn, mnist) -> None:
    """Print a row: mean and range of each preset's accuracy over the seeds."""
    cells = []
    for preset in map(PRESETS.get, NAMES):
        found = [measure_accuracy(preset, drawn, mnist, seed=seed) for seed in SEEDS]
        cells.append(f"{statistics.mean(found):.1%} ({min(found):.1%} to {max(found):.1%})")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
