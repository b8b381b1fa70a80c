"""Count how well a network reads digits."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nn.backends import start_execution
from nn.data.dataset import Dataset
from nn.network import Network, scale_pixels


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


def find_misread(
    network: Network, dataset: Dataset, most: int = 20
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the first digits of a dataset that a network reads wrongly.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    most : int
        Stop after so many.

    Returns
    -------
    pixels : ndarray of uint8, shape (n, 784)
    labels, answers : ndarray of shape (n,)
        What each digit is, and what it was read as.
    """
    found, missing = [], most
    for pixels, labels in dataset.blocks():
        answers = network.query(scale_pixels(pixels, network.dtype)).argmax(axis=1)
        wrong = np.flatnonzero(answers != labels)[:missing]
        found.append((pixels[wrong], labels[wrong], answers[wrong]))
        missing -= len(wrong)
        if missing == 0:
            break
    pixels, labels, answers = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return pixels, labels, answers
