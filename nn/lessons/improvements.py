"""The way from the book's loop to this kit's training, one improvement at a time.

Each way reads the same CSV file, starts from the same weights and goes through the digits once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nn.data.csv_file import read_csv
from nn.data.dataset import Block
from nn.lessons import book_loop
from nn.network import Network, one_hot, scale_pixels
from nn.training import train

SEED = 1
BATCH_SIZE = 16

# A Raspberry Pi Zero took so long for the book's loop: 10 hidden nodes, one epoch of 60,000 digits.
# Reported with the book in 2017.
PI_ZERO_SECONDS_PER_ROW = 25 * 60 / 60_000

# Milliseconds a row on an emulated ARM processor without SIMD, measured for this project (Debian
# armhf's numpy under QEMU's user mode, one run). Good as ratios alone.
EMULATED_ARM_MILLISECONDS = {
    "the book's loop": {10: 3.8, 100: 9.8},
    "block parser alone": {10: 0.11, 100: 0.11},
    "batches alone": {10: 0.22, 100: 1.9},
    "sparse pixels alone": {10: 0.17, 100: 0.56},
}


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
    """As before, with sums over the pixels that have ink alone; see `nn.sparse`."""
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
