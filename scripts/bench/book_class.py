"""Time `nn.book` and the book's way of training, side by side: `make bench-book`.

Both learn the same random pictures, from the same first weights, in one process and in turn. Times
are processor times; the best of all turns counts, because other programs only add to them.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy loads

import numpy as np

from nn.book import neuralNetwork
from nn.lessons import book_loop
from scripts.bench.markers import write_between

NODES = (10, 100, 200)
ROWS, TURNS = 200, 10
LEARNING_RATE = 0.1
SEED = 1


def main() -> int:
    """Print the table; return 1 if `nn.book` is slower anywhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", metavar="FILE", help="write the table between its markers")
    arguments = parser.parse_args()
    times = {nodes: compare(nodes) for nodes in NODES}
    text = "\n".join(
        [
            "| hidden nodes | the book's way, per row | `nn.book`, per row | ratio |",
            "|---|---|---|---|",
            *(
                f"| {nodes} | {book * 1e3:.3f} ms | {kit * 1e3:.3f} ms | **{book / kit:.1f}×** |"
                for nodes, (book, kit) in times.items()
            ),
            "",
            f"The best of {TURNS} turns of {ROWS} rows, in processor time, on one "
            f"{platform.machine()} core, numpy {np.__version__}.",
        ]
    )
    print(text)
    if arguments.report:
        write_between(Path(arguments.report), "bench-book", text)
    return int(any(kit > book for book, kit in times.values()))


def compare(nodes: int) -> tuple[float, float]:
    """Return the processor seconds of one row: in the book's way, and in `nn.book`."""
    generator = np.random.default_rng(SEED)
    inputs = generator.uniform(0.01, 1.0, (ROWS, 784))
    targets = [book_loop.targets_of(row % 10) for row in range(ROWS)]
    adapter = neuralNetwork(784, nodes, 10, LEARNING_RATE)
    wih, who = adapter.wih.copy(), adapter.who.copy()

    def book() -> None:
        for row, wanted in zip(inputs, targets, strict=True):
            book_loop.learn(wih, who, row, wanted, LEARNING_RATE)

    def kit() -> None:
        for row, wanted in zip(inputs, targets, strict=True):
            adapter.train(row, wanted)

    turns = [(_seconds(book), _seconds(kit)) for _ in range(TURNS)]
    best_book, best_kit = map(min, zip(*turns, strict=True))
    return best_book / ROWS, best_kit / ROWS


def _seconds(job: Callable[[], None]) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


if __name__ == "__main__":
    raise SystemExit(main())
