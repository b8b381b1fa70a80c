"""The digits that a class drew on the page of its Pi; or digits that stand in for them."""

from contextlib import suppress
from pathlib import Path

import numpy as np

from nn.data.dataset import ArrayDataset, Dataset, open_dataset
from nn.data.drawn_digits import draw_digits
from nn.kit import KIT_FOLDER
from nn.lessons.experiments import TurnedDataset
from nn.page.fetching import NAME, fetch_class_digits

FEWEST = 60
_PLACES = ("mnist_dataset", "collected", ".")
_STAND_INS, _SEED, _LEAN = 300, 12, -25  # digits that the kit draws, and then turns, in degrees


def find_our_digits(folder: Path = KIT_FOLDER) -> tuple[np.ndarray, np.ndarray, str]:
    """Find the class's digits: on this Pi's page, or in a file class_digits.csv of the kit.

    Parameters
    ----------
    folder : Path
        The kit's folder.

    Returns
    -------
    pixels : ndarray of uint8, shape (n, 784)
    labels : ndarray of uint8, shape (n,)
    origin : str
        Where they are from. With fewer than `FEWEST`, the digits are drawn by the kit, and turned:
        a class that writes at a slant.
    """
    with suppress(OSError):  # what was fetched before, or a stand-in, will do
        fetch_class_digits(folder / "mnist_dataset" / NAME)
    for place in _PLACES:
        path = folder / place / NAME
        if path.exists() and path.stat().st_size:
            pixels, labels = joined(open_dataset(path))
            if len(labels) >= FEWEST:
                return pixels, labels, str(path)
    drawn = ArrayDataset(*draw_digits(_STAND_INS, _SEED))
    return *joined(TurnedDataset(drawn, _LEAN)), "the kit, which drew them at a slant"


def joined(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return all pixels and labels of a dataset in two arrays."""
    blocks = list(dataset.blocks())
    return np.concatenate([each for each, _ in blocks]), np.concatenate(
        [each for _, each in blocks]
    )


def mixed(*parts: tuple[np.ndarray, np.ndarray], seed: int = 1) -> ArrayDataset:
    """Put several arrays of pixels and labels into one dataset, in a random order.

    Parameters
    ----------
    *parts : (pixels, labels)
    seed : int
        The same seed gives the same order.
    """
    pixels, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.random.default_rng(seed).permutation(len(labels))
    return ArrayDataset(pixels[order], labels[order])
