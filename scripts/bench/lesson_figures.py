"""Time the figures that notebook 08 shows of ARM: the book's loop, and the parts that replace it.

``python -m scripts.bench.lesson_figures ROWS.csv`` prints milliseconds a row as JSON, in processor
time, medians of three runs. `make bench-arm` runs it on emulated ARM and writes the result into
nn/lessons/measured.json.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from nn.data.csv_file import read_csv
from nn.data.dataset import ArrayDataset
from nn.lessons.speed import BATCH_SIZE, MEASURED, with_the_books_loop
from nn.saving.atomic import atomic_write
from scripts.bench.backends import time_backends

HIDDEN_NODES = (10, 100)
RUNS = 3


def main() -> None:
    """Time all, and print."""
    print(json.dumps(measure(Path(sys.argv[1]))))


def measure(rows: Path) -> dict[str, dict[int, float]]:
    """Time each way on this processor.

    Parameters
    ----------
    rows : Path
        A CSV file of digits; all of them are used. Two thousand take three minutes on emulated ARM.

    Returns
    -------
    milliseconds : dict of str to (dict of int to float)
        Of a row, by way and by number of hidden nodes, as `emulated_arm_milliseconds` returns them.
    """
    digits = np.concatenate(list(read_csv(rows)))
    dataset = ArrayDataset(digits[:, 1:], digits[:, 0])
    loop, dense, sparse = {}, {}, {}
    for nodes in HIDDEN_NODES:
        loop[nodes] = _milliseconds(partial(with_the_books_loop, rows, nodes)) / len(digits)
        training = time_backends(dataset, nodes, BATCH_SIZE)  # in microseconds
        dense[nodes], sparse[nodes] = training["dense"] / 1000, training["sparse"] / 1000
    parser = _milliseconds(lambda: sum(map(len, read_csv(rows)))) / len(digits)
    figures = {
        "the book's loop": loop,
        "block parser alone": dict.fromkeys(HIDDEN_NODES, parser),
        "batches alone": dense,
        "sparse pixels alone": sparse,
    }
    return {
        way: {nodes: round(ms, 3) for nodes, ms in by_nodes.items()}
        for way, by_nodes in figures.items()
    }


def write(figures: dict, file: Path = MEASURED) -> None:
    """Keep for the notebook what `measure` returned, or `main` printed, on emulated ARM."""
    text = json.dumps({"emulated_arm_ms_a_row": figures}, indent=2)
    with atomic_write(file) as target:
        target.write(f"{text}\n".encode())


def _milliseconds(action: Callable[[], object]) -> float:
    """Return the processor time that an action takes: the median of some runs."""
    runs = []
    for _ in range(RUNS):
        start = time.process_time()
        action()
        runs.append((time.process_time() - start) * 1000)
    return statistics.median(runs)


if __name__ == "__main__":
    main()
