"""What `make bench-cache` counts, run in its root: the whole job of one side, or steps alone.

``python3 cache_job.py book PRESET ROWS`` and ``kit PRESET ROWS`` train on the first rows of
/data/train.csv in all epochs of the preset, and test on a sixth as many. ``python3 cache_job.py
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

    train, test = _files(int(rows))
    book_loop.main(train, test, PRESETS[preset].hidden_nodes, PRESETS[preset].epochs, SEED)


def kit(preset: str, rows: str) -> None:
    """Train and test by the command line."""
    from nn.cli import main as run

    train, test = _files(int(rows))
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


def _files(rows: int) -> tuple[Path, Path]:
    """Write the first rows to files of their own: the kit leaves a packed one beside each."""
    files = []
    for name, count in (("train.csv", rows), ("test.csv", rows // 6)):
        lines = Path("/data", name).read_bytes().split(b"\n", count)[:count]
        files.append(Path("/tmp", name))
        files[-1].write_bytes(b"\n".join(lines) + b"\n")
    return tuple(files)


JOBS = {"book": book, "kit": kit, "step": step}

if __name__ == "__main__":
    main()
