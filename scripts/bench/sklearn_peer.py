"""The book's network with scikit-learn, for `make bench-peers`.

    python -m scripts.bench.sklearn_peer TRAIN.csv TEST.csv HIDDEN EPOCHS SEED

Sizes and inputs are the book's. The rest is scikit-learn's: its nodes have biases, and its outputs
are a softmax with logarithmic loss. Batches of 32 and its default momentum of 0.9 make it fast; the
learning rate of 0.1 applies to the mean over the batch. It prints the accuracy as JSON.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

from nn.presets import Preset

BATCH_SIZE = 32
SEED = 1


def read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return scaled inputs of shape (n, 784), and labels."""
    rows = np.loadtxt(path, delimiter=",", dtype=np.uint8, ndmin=2)
    return rows[:, 1:].astype(np.float32) * np.float32(0.99 / 255) + np.float32(0.01), rows[:, 0]


def main(train_file: Path, test_file: Path, hidden_nodes: int, epochs: int, seed: int) -> None:
    """Train, test, print the accuracy as JSON."""
    # here, because on emulated ARM this module is also imported for sides without scikit-learn
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    inputs, labels = read_csv(train_file)
    classifier = MLPClassifier(
        (hidden_nodes,),
        activation="logistic",
        solver="sgd",
        learning_rate_init=0.1,
        batch_size=min(BATCH_SIZE, len(labels)),
        alpha=0,  # no weight decay
        max_iter=epochs,
        n_iter_no_change=epochs,  # never stop early
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is given
        classifier.fit(inputs, labels)
    inputs, labels = read_csv(test_file)
    print(json.dumps({"accuracy": float(classifier.score(inputs, labels))}))


def run_side(preset: Preset, folder: Path, rows: str) -> None:
    """Do the job on few or many rows, as a side of scripts.bench.side."""
    files = (folder / f"{rows}_train.csv", folder / f"{rows}_test.csv")
    main(*files, preset.hidden_nodes, preset.epochs, SEED)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6]))
