"""Time the training step in both executions on this processor, for the rule in nn.execution.

``python -m scripts.bench.executions ROWS.csv`` prints milliseconds a row as JSON, for each
preset; the executions take turns. `make bench-arm` runs it here and on emulated ARM.
"""

import json
import statistics
import sys
import time

import numpy as np

from nn.data.dataset import ArrayDataset, open_dataset
from nn.execution import EXECUTIONS
from nn.network import Network
from nn.presets import PRESETS
from nn.training import train

NAMES = ("pi-zero", "pi-zero-100", "book")
ROWS, RUNS = 1024, 3


def main() -> None:
    """Time all, and print."""
    pixels, labels = map(np.concatenate, zip(*open_dataset(sys.argv[1]).blocks(), strict=True))
    dataset = ArrayDataset(pixels[:ROWS], labels[:ROWS])
    print(json.dumps({name: _time(name, dataset) for name in NAMES}))


def _time(preset: str, dataset: ArrayDataset) -> dict[str, float]:
    """Return each execution's milliseconds a row: the median of some runs in turn."""
    runs = {name: [] for name in EXECUTIONS}
    for _ in range(RUNS):
        for name, milliseconds in runs.items():
            network = Network(784, PRESETS[preset].hidden_nodes, 10, seed=1)
            start = time.process_time()
            train(network, dataset, batch_size=PRESETS[preset].batch_size, execution=name)
            milliseconds.append((time.process_time() - start) * 1000 / len(dataset.labels))
    return {name: statistics.median(milliseconds) for name, milliseconds in runs.items()}


if __name__ == "__main__":
    main()
