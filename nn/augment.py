"""More digits out of the same ones: each turned a little to either side."""

from collections.abc import Callable, Iterator

import numpy as np

from nn.signals import SIDE

Augmentation = Callable[[np.ndarray], Iterator[np.ndarray]]


def unchanged(inputs: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the digits as they are: no augmentation."""
    yield inputs


def rotations(degrees: float, fill: float = 0.01) -> Augmentation:
    """Make an augmentation that yields the digits as they are, then turned to either side.

    Parameters
    ----------
    degrees : float
        Angle; positive turns anticlockwise.
    fill : float
        Value of what turns into the picture from outside.

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
    """Make a function that turns 28×28 pictures about their middle, by bilinear interpolation.

    Where each pixel comes from is worked out once, so that a batch is turned by four look-ups.
    The result is that of ``scipy.ndimage.rotate(order=1, reshape=False, cval=fill)``.

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
    """Tell the row and column, each of shape (784,), that every turned pixel comes from."""
    middle = (SIDE - 1) / 2
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    rows, columns = rows - middle, columns - middle
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    # rounded, for a quarter turn's corners must not fall outside by a rounding
    return (
        np.round(cosine * rows + sine * columns + middle, 9),
        np.round(-sine * rows + cosine * columns + middle, 9),
    )


def _pixel(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Index of a pixel; one beyond the edge has weight 0, so any index does."""
    return np.clip(row, 0, SIDE - 1) * SIDE + np.clip(column, 0, SIDE - 1)
