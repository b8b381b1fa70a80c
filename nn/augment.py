"""Augmentation: train on each digit rotated a little to either side as well."""

from collections.abc import Callable, Iterator

import numpy as np

from nn.signals import SIDE

Augmentation = Callable[[np.ndarray], Iterator[np.ndarray]]


def unchanged(inputs: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the digits as they are: no augmentation."""
    yield inputs


def rotations(degrees: float, fill: float = 0.01) -> Augmentation:
    """Make an augmentation that yields the digits unchanged, then rotated to either side.

    Parameters
    ----------
    degrees : float
        Angle; positive turns anticlockwise.
    fill : float
        Value of the pixels that enter the picture from outside.

    Returns
    -------
    augment : callable
        Takes inputs of shape (batch, 784); yields three arrays of that shape.
    """
    turns = [rotation(degrees, fill), rotation(-degrees, fill)]

    def augment(inputs: np.ndarray) -> Iterator[np.ndarray]:
        yield inputs
        for turn in turns:
            yield turn(inputs)

    return augment


def rotation(degrees: float, fill: float = 0.01) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function that rotates 28×28 pictures about their middle, by bilinear interpolation.

    The origin of each pixel is computed once, so rotating a batch takes only four look-ups. The
    result equals that of ``scipy.ndimage.rotate(order=1, reshape=False, cval=fill)``.

    Parameters
    ----------
    degrees, fill : float
        See `rotations`.

    Returns
    -------
    turn : callable
        Takes and returns pictures of shape (batch, 784).
    """
    rows, columns = _origins(degrees)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = rows - top, columns - left  # how far between two pixels: 0 to 1
    inside = (rows >= 0) & (rows <= SIDE - 1) & (columns >= 0) & (columns <= SIDE - 1)
    corners = [
        (_pixel(top, left), (1 - down) * (1 - right) * inside),
        (_pixel(top, left + 1), (1 - down) * right * inside),
        (_pixel(top + 1, left), down * (1 - right) * inside),
        (_pixel(top + 1, left + 1), down * right * inside),
    ]

    def turn(pictures: np.ndarray) -> np.ndarray:
        turned = np.where(inside, 0, fill).astype(pictures.dtype) + np.zeros_like(pictures)
        for pixel, weight in corners:
            turned += pictures[:, pixel] * weight.astype(pictures.dtype)
        return turned

    return turn


def _origins(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column, each of shape (784,), from which each rotated pixel comes."""
    middle = (SIDE - 1) / 2
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    rows, columns = rows - middle, columns - middle
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    # rounded, so that no rounding error moves the corners of a quarter turn outside
    return (
        np.round(cosine * rows + sine * columns + middle, 9),
        np.round(-sine * rows + cosine * columns + middle, 9),
    )


def _pixel(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return the index of a pixel; beyond the edge any index will do, since its weight is 0."""
    return np.clip(row, 0, SIDE - 1) * SIDE + np.clip(column, 0, SIDE - 1)
