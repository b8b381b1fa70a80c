"""Count how well a network reads digits."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nn.backends import start_execution
from nn.data.dataset import Dataset
from nn.network import Network


@dataclass(frozen=True)
class Evaluation:
    """Answers counted.

    Attributes
    ----------
    confusion : ndarray of int, shape (10, 10)
        How often the digit of the row was read as the digit of the column.
    """

    confusion: np.ndarray

    @property
    def samples(self) -> int:
        """Return how many digits were read."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Return the share read correctly, 0 to 1."""
        return float(np.trace(self.confusion) / self.samples)


def evaluate(
    network: Network,
    dataset: Dataset,
    on_rows: Callable[[int], object] = lambda rows: None,
    *,
    execution: str = "auto",
) -> Evaluation:
    """Read each digit of a dataset and compare the loudest output with the label.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    on_rows : callable
        Told how many rows each block had.
    execution : {"auto", "dense", "sparse"}
        How the answers are worked out; see `nn.backends`.

    Returns
    -------
    evaluation : Evaluation
    """
    classes = network.sizes[2]
    counts = np.zeros(classes * classes, np.int64)
    with contextlib.closing(start_execution(network, execution)) as steps:
        for pixels, labels in dataset.blocks():
            answers = steps.query(pixels).argmax(axis=1)
            places = labels.astype(int) * classes + answers
            counts += np.bincount(places, minlength=classes * classes)
            on_rows(len(labels))
    return Evaluation(counts.reshape(classes, classes))
