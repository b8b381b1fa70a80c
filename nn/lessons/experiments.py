"""Experiments: train a network by given settings, and see how well it reads."""

from collections.abc import Callable, Iterator

import numpy as np

from nn.augment import rotation, rotations, unchanged
from nn.data.dataset import Block, Dataset, FirstRows
from nn.evaluation import evaluate
from nn.network import Network, one_hot, scale_pixels
from nn.presets import Preset
from nn.rules import RULES
from nn.training import train


def measure_accuracy(
    settings: Preset,
    training_set: Dataset,
    test_set: Dataset,
    *,
    seed: int = 1,
    on_rows: Callable[[int], object] = lambda rows: None,
) -> float:
    """Train a new network by a preset's settings and measure its accuracy.

    Parameters
    ----------
    settings : Preset
        ``dataclasses.replace(preset, learning_rate=0.3)`` changes one of them.
    training_set, test_set : Dataset
    seed : int
        Of the first weights.
    on_rows : callable
        Told how many rows of training each block had, as they are done.

    Returns
    -------
    accuracy : float
        Share of the test digits read correctly, 0 to 1.
    """
    network = Network(
        hidden_nodes=settings.hidden_nodes, learning_rate=settings.learning_rate, seed=seed
    )
    degrees = settings.augment_degrees
    train(
        network,
        FirstRows(training_set, settings.samples) if settings.samples else training_set,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        augment=rotations(degrees) if degrees else unchanged,
        on_rows=on_rows,
    )
    return evaluate(network, test_set).accuracy


class TurnedDataset:
    """A dataset whose digits are those of another, turned.

    Parameters
    ----------
    dataset : Dataset
    degrees : float
        Positive turns anticlockwise.
    """

    def __init__(self, dataset: Dataset, degrees: float):
        self.dataset, self.degrees = dataset, degrees
        self._turn = rotation(degrees, fill=0.0)

    def blocks(self) -> Iterator[Block]:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`."""
        for pixels, labels in self.dataset.blocks():
            yield np.rint(self._turn(pixels.astype("float32"))).astype(np.uint8), labels

    def estimate_rows(self) -> int | None:
        """Estimate the number of rows; see `nn.data.dataset.Dataset`."""
        return self.dataset.estimate_rows()


def find_misread(
    network: Network, dataset: Dataset, most: int = 20
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the first digits of a dataset that a network reads wrongly.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    most : int
        How many to find at most.

    Returns
    -------
    pixels : ndarray of uint8, shape (n, 784)
    labels, answers : ndarray of shape (n,)
        What each digit is, and what the network read.
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


def hidden_errors_by_rule(
    network: Network, pixels: np.ndarray, labels: np.ndarray
) -> dict[str, np.ndarray]:
    """Send a network's errors on some digits back by each rule, without learning.

    Parameters
    ----------
    network : Network
    pixels : ndarray of uint8, shape (batch, 784)
    labels : ndarray of uint8, shape (batch,)

    Returns
    -------
    hidden_errors : dict of rule's name to ndarray of shape (batch, hidden_nodes)
    """
    outputs = network.query(scale_pixels(pixels, network.dtype))
    errors = one_hot(labels, network.sizes[2], network.dtype) - outputs
    weights = network.weights_hidden_output
    return {name: rule(errors, weights, outputs) for name, rule in RULES.items()}
