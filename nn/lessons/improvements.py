"""The way from the book's loop to this kit's training, one improvement at a time.

Each way reads the same CSV file, starts from the same weights and goes through the digits once.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nn.data.csv_file import read_csv
from nn.data.dataset import Block
from nn.lessons import book_loop
from nn.network import Network, one_hot, scale_pixels
from nn.presets import AUTHOR_MINUTES
from nn.training import train

SEED = 1
BATCH_SIZE = 16

# Of the book's loop with 10 hidden nodes.
PI_ZERO_SECONDS_PER_ROW = AUTHOR_MINUTES * 60 / 60_000

# What `make bench-arm` measured last; nobody types figures into it.
MEASURED = Path(__file__).with_name("measured.json")


def emulated_arm_milliseconds(file: Path = MEASURED) -> dict[str, dict[int, float]]:
    """Read what each way took for a row on emulated ARM without a vector unit.

    Good as ratios alone. `scripts.bench.lesson_figures` measures them.

    Returns
    -------
    milliseconds : dict of str to (dict of int to float)
        Of "the book's loop", and of the parts that replace it, "block parser alone", "batches
        alone" and "sparse pixels alone"; for 10 and 100 hidden nodes.
    """
    ways = json.loads(file.read_text())["emulated_arm_ms_a_row"]
    return {way: {int(nodes): ms for nodes, ms in by.items()} for way, by in ways.items()}


class TextDataset:
    """Digits in a CSV file whose text is parsed at each reading, and never kept packed.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path):
        self.path = path

    def blocks(self) -> Iterator[Block]:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`."""
        for rows in read_csv(self.path):
            yield rows[:, 1:], rows[:, 0]

    def estimate_rows(self) -> None:
        """Know nothing of the number of rows; see `nn.data.dataset.Dataset`."""


def with_the_books_loop(path: Path, hidden_nodes: int) -> Network:
    """Read the whole file as lines, split each, learn by column vectors of float64."""
    return _network(*book_loop.train(book_loop.read_lines(path), hidden_nodes, SEED))


def with_the_block_parser(path: Path, hidden_nodes: int) -> Network:
    """Parse some seventy lines at a time by array arithmetic; learn as before."""
    return _learned_row_by_row(path, hidden_nodes, "float64")


def with_float32(path: Path, hidden_nodes: int) -> Network:
    """As before, with numbers of half the size."""
    return _learned_row_by_row(path, hidden_nodes, "float32")


def with_batches(path: Path, hidden_nodes: int) -> Network:
    """Sum the updates of 16 digits before they are applied, as `nn.training.train` does."""
    return _learned_by_batches(path, hidden_nodes, "dense")


def with_sparse_pixels(path: Path, hidden_nodes: int) -> Network:
    """As before, with sums over the pixels that have ink alone; see `nn.backends.sparse`."""
    return _learned_by_batches(path, hidden_nodes, "sparse")


IMPROVEMENTS: dict[str, Callable[[Path, int], Network]] = {
    "the book's loop": with_the_books_loop,
    "+ block parser": with_the_block_parser,
    "+ float32": with_float32,
    "+ batches of 16": with_batches,
    "+ sparse pixels": with_sparse_pixels,
}


def _learned_row_by_row(path: Path, hidden_nodes: int, dtype: str) -> Network:
    """Learn by the book's column vectors from blocks of parsed rows."""
    weights = book_loop.initial_weights(hidden_nodes, SEED)
    wih, who = (each.astype(dtype) for each in weights)
    for pixels, labels in TextDataset(path).blocks():
        rows = zip(scale_pixels(pixels, dtype), one_hot(labels, dtype=dtype), strict=True)
        for inputs, targets in rows:
            book_loop.learn(wih, who, inputs, targets)
    return _network(wih, who)


def _learned_by_batches(path: Path, hidden_nodes: int, execution: str) -> Network:
    network = Network(hidden_nodes=hidden_nodes, seed=SEED)
    train(network, TextDataset(path), batch_size=BATCH_SIZE, execution=execution)
    return network


def _network(wih: np.ndarray, who: np.ndarray) -> Network:
    """Give weights that were learned elsewhere to a network."""
    network = Network(hidden_nodes=len(wih), dtype=wih.dtype)
    network.weights_input_hidden, network.weights_hidden_output = wih, who
    return network
