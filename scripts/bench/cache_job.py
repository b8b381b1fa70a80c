"""The jobs that `make bench-cache` counts: the complete job of one side, or steps alone.

- ``python3 cache_job.py book PRESET ROWS`` trains and tests with the book's loop: on the first rows
  of MNIST, in all epochs of the preset, and on a sixth as many test rows.
- ``kit PRESET ROWS`` does the same with the command line; ``idx PRESET ROWS``, on MNIST's own
  files.
- ``step FILE BACKEND HIDDEN_NODES BATCH_SIZE ROWS`` only trains, on rows that are already parsed.
  It uses so little of the kit that it also runs with older versions.
- ``without PART FILE BACKEND HIDDEN_NODES BATCH_SIZE ROWS`` is a step that leaves out a part, to
  measure the cost of that part.
- ``awake`` starts the page to draw on, and ends when it has loaded all that an answer needs.
"""

import sys
from inspect import signature
from pathlib import Path
from types import ModuleType, SimpleNamespace

SEED = 1


def main() -> None:
    """Do one job."""
    JOBS[sys.argv[1]](*sys.argv[2:])


def book(preset: str, rows: str) -> None:
    """Train and test with the book's loop.

    Its expit is replaced by three numpy calls: scipy.special cannot be imported under valgrind,
    whose long double is too short for it.
    """
    import numpy as np

    sys.modules["scipy.special"] = ModuleType("scipy.special")
    sys.modules["scipy.special"].expit = lambda x: 1 / (1 + np.exp(-x))
    from nn.lessons import book_loop
    from nn.presets import PRESETS

    train, test = _csv_files(rows)
    book_loop.main(train, test, PRESETS[preset].hidden_nodes, PRESETS[preset].epochs, SEED)


def kit(preset: str, rows: str) -> None:
    """Train and test with the command line."""
    _run(preset, *_csv_files(rows))


def idx(preset: str, rows: str) -> None:
    """Do the same on MNIST's own files."""
    _run(preset, *(f"/data/{rows}_{kind}-images-idx3-ubyte.gz" for kind in ("train", "test")))


def _run(preset: str, train: object, test: object) -> None:
    from nn.cli import main as run

    words = ("--preset", preset, "--seed", SEED, "--model", "/tmp/model.npz", "--json")
    if run(["train", *map(str, ("--train", train, "--test", test, *words))]):
        sys.exit(1)


def step(file: str, backend: str, hidden_nodes: str, batch_size: str, rows: str) -> None:
    """Train on rows in memory."""
    import nn  # noqa: F401 - before numpy, for its limit of threads

    import numpy as np  # isort: skip

    from nn.data.dataset import ArrayDataset
    from nn.network import Network
    from nn.training import train

    digits = np.fromfile(f"/data/{file}", np.uint8).reshape(-1, 785)[: int(rows)]
    network = Network(hidden_nodes=int(hidden_nodes), seed=SEED)
    dataset = ArrayDataset(digits[:, 1:], digits[:, 0])
    word = "backend" if "backend" in signature(train).parameters else "execution"  # until 0.2
    train(network, dataset, batch_size=int(batch_size), **{word: backend})


def without(part: str, *words: str) -> None:
    """Run steps that leave out a part; what they learn is meaningless."""
    import nn  # noqa: F401

    import numpy as np  # isort: skip

    from nn import network
    from nn.backends import sparse

    tools, compress = sparse.sparse_tools(), sparse.compress
    if part == "products":
        nothing = SimpleNamespace(csr_tocsc=tools.csr_tocsc)
        nothing.csr_matvecs = nothing.csc_matvecs = lambda *arguments: None
        sparse.sparse_tools = lambda: nothing
    elif part == "compressing":
        first = []

        def once(*arguments):
            first[:] = first or [compress(*arguments)]
            return first[0]

        sparse.compress = once
    elif part == "output layer":
        errors, deltas = np.zeros((16, 10), "float32"), np.full((16, 1000), 1e-3, "float32")

        def train_outputs(self, hidden_outputs, targets):
            rows, nodes = hidden_outputs.shape
            return errors[:rows], deltas.ravel()[: rows * nodes].reshape(rows, nodes)

        network.Network.train_outputs = train_outputs
    step(*words)


def awake() -> None:
    """Offer the page, with the models in /data/models; end it when it is awake."""
    from nn.cli import draw
    from nn.cli import main as run

    load_page = draw.load_page

    async def no_visitor(listening: object) -> None:
        pass

    def load_and_leave(*words: object) -> object:
        page = load_page(*words)
        page.serve = no_visitor
        return page

    draw.load_page = load_and_leave
    if run(["draw", "--port", "8765", "--models", "/data/models"]):
        sys.exit(1)


def _csv_files(rows: str) -> list[Path]:
    """Copy the CSV files, because the kit writes a packed file beside each."""
    copies = []
    for name in ("train.csv", "test.csv"):
        copies.append(Path("/tmp", name))
        copies[-1].write_bytes(Path(f"/data/{rows}_{name}").read_bytes())
    return copies


JOBS = {"book": book, "kit": kit, "idx": idx, "step": step, "without": without, "awake": awake}

if __name__ == "__main__":
    main()
