"""What `make bench-cache` counts, run in its root: the whole job of one side, or steps alone.

``python3 cache_job.py book PRESET ROWS``, ``kit PRESET ROWS`` and ``idx PRESET ROWS`` train on the
first rows of MNIST in all epochs of the preset, and test on a sixth as many; the last one reads
MNIST's own files. ``python3 cache_job.py
step EXECUTION HIDDEN_NODES BATCH_SIZE ROWS`` trains alone, on rows that are parsed already. It
runs with an older kit, too: it leans on little.
"""

import sys
from pathlib import Path
from types import ModuleType

SEED = 1


def main() -> None:
    """Do one job."""
    JOBS[sys.argv[1]](*sys.argv[2:])


def book(preset: str, rows: str) -> None:
    """Train and test by the book's loop.

    Its expit is three calls of numpy here: scipy.special cannot be imported under valgrind, whose
    long double is too short for it.
    """
    import numpy as np

    sys.modules["scipy.special"] = ModuleType("scipy.special")
    sys.modules["scipy.special"].expit = lambda x: 1 / (1 + np.exp(-x))
    from nn.lessons import book_loop
    from nn.presets import PRESETS

    train, test = _csv_files(rows)
    book_loop.main(train, test, PRESETS[preset].hidden_nodes, PRESETS[preset].epochs, SEED)


def kit(preset: str, rows: str) -> None:
    """Train and test by the command line."""
    _run(preset, *_csv_files(rows))


def idx(preset: str, rows: str) -> None:
    """Do the same on MNIST's own files."""
    _run(preset, *(f"/data/{rows}_{kind}-images-idx3-ubyte.gz" for kind in ("train", "test")))


def _run(preset: str, train: object, test: object) -> None:
    from nn.cli import main as run

    words = ("--preset", preset, "--seed", SEED, "--model", "/tmp/model.npz", "--json")
    if run(["train", *map(str, ("--train", train, "--test", test, *words))]):
        sys.exit(1)


def step(execution: str, hidden_nodes: str, batch_size: str, rows: str) -> None:
    """Train on rows in memory."""
    import nn  # noqa: F401 - before numpy, for its limit of threads

    import numpy as np  # isort: skip

    from nn.data.dataset import ArrayDataset
    from nn.network import Network
    from nn.training import train

    digits = np.fromfile("/data/train.bytes", np.uint8).reshape(-1, 785)[: int(rows)]
    network = Network(hidden_nodes=int(hidden_nodes), seed=SEED)
    dataset = ArrayDataset(digits[:, 1:], digits[:, 0])
    train(network, dataset, batch_size=int(batch_size), execution=execution)


def _csv_files(rows: str) -> list[Path]:
    """Copy the CSV files: the kit leaves a packed one beside each."""
    copies = []
    for name in ("train.csv", "test.csv"):
        copies.append(Path("/tmp", name))
        copies[-1].write_bytes(Path(f"/data/{rows}_{name}").read_bytes())
    return copies


JOBS = {"book": book, "kit": kit, "idx": idx, "step": step}

if __name__ == "__main__":
    main()
