"""Measure how well networks trained on drawn digits read MNIST's: `make measure-sample`.

Prints the table of mnist_dataset/README.md.
"""

import os
import statistics
import sys

from nn.data.dataset import ArrayDataset, open_dataset
from nn.data.drawn_digits import draw_digits
from nn.data.sources import DATASET_FOLDER, find_source
from nn.network import Network
from nn.training import accuracy_after

EPOCHS = (1, 5, 10)
SEEDS = (1, 2, 3)
DRAWN_SEED = 0  # not a seed of the bundled files


def main() -> None:
    """Train on drawn digits and on the bundled thousand; read MNIST's 10,000."""
    source = find_source(environ=os.environ, say=print)
    if not source.is_mnist:
        sys.exit("measure_sample: needs MNIST: set MNIST_DIR, or run 'make fetch'")
    mnist = open_dataset(source.test)
    heads = [f"{epoch} epoch{'s' * (epoch > 1)}" for epoch in EPOCHS]
    print(f"| trained on | {' | '.join(heads)} |")
    print("|---|" + "---|" * len(EPOCHS))
    for rows in (20_000, 60_000):
        drawn = ArrayDataset(*draw_digits(rows, DRAWN_SEED))
        _measure(f"{rows:,} drawn digits", drawn, mnist)
    _measure("the bundled 1,000", open_dataset(DATASET_FOLDER / "sample_train.csv"), mnist)


def _measure(name: str, drawn, mnist) -> None:
    """Print a row: mean and range of the accuracy over the seeds, after each of the epochs."""
    accuracy = [_accuracies(drawn, mnist, seed) for seed in SEEDS]
    cells = [
        f"{statistics.mean(each):.1%} ({min(each):.1%} to {max(each):.1%})"
        for each in zip(*accuracy, strict=True)
    ]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _accuracies(drawn, mnist, seed: int) -> list[float]:
    network = Network(hidden_nodes=100, seed=seed)
    return accuracy_after(network, drawn, mnist, EPOCHS)


if __name__ == "__main__":
    main()
