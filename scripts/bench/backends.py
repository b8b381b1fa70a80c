"""Time the training step in both backends on this processor, for `make bench-backends`.

``python -m scripts.bench.backends ROWS.csv`` prints processor time in microseconds per row as JSON,
for 10, 100 and 200 hidden nodes and batches of 1 to 64; the backends take turns.
"""

import json
import statistics
import sys
import time

import numpy as np

from nn.backends import BACKENDS, loaded_blas
from nn.data.dataset import ArrayDataset, open_dataset
from nn.network import Network
from nn.training import train

HIDDEN_NODES, BATCH_SIZES = (10, 100, 200), (1, 2, 4, 8, 16, 64)
ROWS, RUNS = 1024, 3


def main() -> None:
    """Time all, and print."""
    pixels, labels = map(np.concatenate, zip(*open_dataset(sys.argv[1]).blocks(), strict=True))
    dataset = ArrayDataset(pixels[:ROWS], labels[:ROWS])
    figures = [
        {"hidden_nodes": hidden_nodes, "batch_size": batch_size}
        | time_backends(dataset, hidden_nodes, batch_size)
        for hidden_nodes in HIDDEN_NODES
        for batch_size in BATCH_SIZES
    ]
    print(json.dumps({"blas": loaded_blas(), "figures": figures}))


def time_backends(dataset: ArrayDataset, hidden_nodes: int, batch_size: int) -> dict[str, float]:
    """Return each backend's microseconds per row: the median of runs in turn."""
    runs: dict[str, list[float]] = {name: [] for name in BACKENDS}
    for _ in range(RUNS):
        for name, microseconds in runs.items():
            network = Network(hidden_nodes=hidden_nodes, seed=1)
            start = time.process_time()
            train(network, dataset, batch_size=batch_size, backend=name)
            microseconds.append((time.process_time() - start) * 1e6 / len(dataset.labels))
    return {name: round(statistics.median(figures), 2) for name, figures in runs.items()}


if __name__ == "__main__":
    main()
