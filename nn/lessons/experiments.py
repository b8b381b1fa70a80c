"""Experiments: networks to try, digits to try them on, and the digits they misread."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nn.augment import rotation
from nn.data.dataset import Block, Dataset, FirstRows
from nn.data.sources import MNIST_NAME
from nn.data.streams import BLOCK_ROWS
from nn.kit import KIT_FOLDER
from nn.network import Network
from nn.presets import Preset
from nn.rules import RULES
from nn.saving.model_file import OWN_DATASET, ModelError, load_model
from nn.saving.shipped import SHIPPED_MODEL
from nn.signals import PIXELS, one_hot, scale_pixels
from nn.training import evaluate, train

MODELS_FOLDER = KIT_FOLDER / "models"


def measure_accuracy(
    preset: Preset,
    training_set: Dataset,
    test_set: Dataset,
    *,
    seed: int = 1,
    on_rows: Callable[[int], object] = lambda rows: None,
) -> float:
    """Train a new network with a preset's settings and measure its accuracy.

    Parameters
    ----------
    preset : Preset
        ``dataclasses.replace(preset, learning_rate=0.3)`` changes one setting.
    training_set, test_set : Dataset
    seed : int
        Seed of the initial weights.
    on_rows : callable
        Called with the number of rows after each block of training.

    Returns
    -------
    accuracy : float
        Share of the test digits read correctly, 0 to 1.
    """
    network = dataclasses.replace(preset, seed=seed).network()
    train(
        network,
        FirstRows(training_set, preset.samples) if preset.samples else training_set,
        **preset.training(),
        on_rows=on_rows,
    )
    return evaluate(network, test_set).accuracy


def best_model(folder: Path = MODELS_FOLDER) -> tuple[Network, str]:
    """Load the digit reader with the best test accuracy; those trained on MNIST come first.

    Before all of them comes one that the reader trained with the book's class and saved, the newest
    of several. Files that are not models with 784 inputs and 10 outputs are skipped. If there is no
    digit reader, it is the model that comes with the kit.

    Parameters
    ----------
    folder : Path
        Where to look for models; by default models/ in the kit's folder, where `make train-pi`
        puts them.

    Returns
    -------
    network : Network
    origin : str
        A sentence that says where the network is from.
    """
    readers = []
    for path in sorted(folder.glob("*.npz")):
        try:
            network = load_model(path)
        except (ModelError, OSError):
            continue
        if (network.sizes[0], network.sizes[2]) == (PIXELS, 10):
            readers.append((path, network))

    def merit(reader):
        path, about = reader[0], reader[1].about
        own = path.stat().st_mtime_ns if about.get("dataset") == OWN_DATASET else 0
        return own, about.get("dataset") == MNIST_NAME, about.get("accuracy") or 0.0

    if readers:
        path, network = max(readers, key=merit)
        origin = f"loaded from models/{path.name}"
    else:
        network = load_model(SHIPPED_MODEL)
        origin = f"{SHIPPED_MODEL.stem}, which comes with the kit"
    origin += f": {network.sizes[1]} hidden nodes"
    if dataset := network.about.get("dataset"):
        origin += f", trained on: {dataset}"
    if accuracy := network.about.get("accuracy"):
        origin += f"; it read {accuracy:.1%} of its test digits"
    return network, origin


class TurnedDataset:
    """The digits of another dataset, rotated.

    Parameters
    ----------
    dataset : Dataset
    degrees : float
        Positive turns anticlockwise.
    """

    def __init__(self, dataset: Dataset, degrees: float):
        self.dataset, self.degrees = dataset, degrees
        self._turn = rotation(degrees, fill=0.0)

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`."""
        for pixels, labels in self.dataset.blocks(rows):
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
    """Send a network's errors on some digits back with each rule, without learning.

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
