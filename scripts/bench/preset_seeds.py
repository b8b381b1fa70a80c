"""Train a preset with many seeds in one process, for `make measure-presets`.

``python -m scripts.bench.preset_seeds PRESET SEEDS BACKEND FOLDER`` trains on MNIST, in a folder,
with seeds from 1 up, and prints the accuracy of each as JSON.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from nn.data.dataset import ArrayDataset, open_dataset
from nn.data.download import FILES
from nn.presets import PRESETS, Preset
from nn.training import evaluate, train


def main() -> None:
    """Train with each seed, and print."""
    name, seeds, backend, folder = sys.argv[1:]
    training_set, test_set = (
        load(Path(folder, file.name)) for file in FILES if "images" in file.name
    )
    preset = PRESETS[name]
    rows = slice(preset.samples)
    training_set = ArrayDataset(training_set.pixels[rows], training_set.labels[rows])
    accuracies = [
        measure(replace(preset, seed=seed), training_set, test_set, backend)
        for seed in range(1, int(seeds) + 1)
    ]
    print(json.dumps(accuracies))


def load(path: Path) -> ArrayDataset:
    """Read a file of digits into memory."""
    return ArrayDataset(*map(np.concatenate, zip(*open_dataset(path).blocks(), strict=True)))


def measure(
    preset: Preset, training_set: ArrayDataset, test_set: ArrayDataset, backend: str
) -> float:
    """Return the accuracy after a training, as `pi-nn train` does it."""
    network = preset.network()
    train(
        network,
        training_set,
        backend=backend,
        **preset.training(),
    )
    return evaluate(network, test_set).accuracy


if __name__ == "__main__":
    main()
