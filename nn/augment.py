"""Augmentation: train on digits that are rotated or distorted a little, made as they are read.

Each pixel of a variant has its origin somewhere between the old pixels. Rotations mix the four
around it, each by its nearness. Distortions take the nearest: a quarter of the work, and no blank
pixel gets ink from its neighbours, which would make each training step longer.
"""

from collections.abc import Callable, Iterator

import numpy as np

from nn.signals import SIDE

# Takes inputs of shape (batch, 784), and their place: the epoch, counted from 0, and the number of
# rows before them. The same place always gives the same variants, so a training can be resumed.
Augmentation = Callable[[np.ndarray, tuple[int, int]], Iterator[np.ndarray]]

FIELD_ROWS = 32  # that share a distortion: to draw one takes as long as to apply it to a hundred
# The largest distortions of strength 1, in both directions
AFFINE_DEGREES, AFFINE_STRETCH, AFFINE_SLANT, AFFINE_SHIFT = 8.0, 0.1, 0.1, 1.0
ELASTIC_SMOOTHNESS = 4.0  # pixels: how far apart two origins must be to move independently
_MIDDLE = (SIDE - 1) / 2
_ROWS, _COLUMNS = np.divmod(np.arange(SIDE * SIDE), SIDE) - np.array(_MIDDLE)


def unchanged(inputs: np.ndarray, place: tuple[int, int] = (0, 0)) -> Iterator[np.ndarray]:
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

    def augment(inputs: np.ndarray, place: tuple[int, int] = (0, 0)) -> Iterator[np.ndarray]:
        yield inputs
        for turn in turns:
            yield turn(inputs)

    return augment


def distortions(affine: float, elastic: float, seed: int, fill: float = 0.01) -> Augmentation:
    """Make an augmentation that yields the digits distorted at random, and not as they are.

    Parameters
    ----------
    affine : float
        Strength of shifts, turns, stretches and slants. With 1, each is drawn evenly up to the
        largest: one pixel, 8 degrees, a tenth, and a tenth of a pixel per row.
    elastic : float
        How far pixels move, each a little differently from its neighbours: the root mean square of
        their shifts, in pixels.
    seed : int
        Seed of the distortions.
    fill : float
        See `rotations`.

    Returns
    -------
    augment : callable
        Takes inputs of shape (batch, 784) and their place; yields one array of that shape. Of 256
        digits, each eighth is distorted alike.

    References
    ----------
    P. Simard, D. Steinkraus and J. Platt, "Best Practices for Convolutional Neural Networks Applied
    to Visual Document Analysis", 2003.
    """

    def augment(inputs: np.ndarray, place: tuple[int, int] = (0, 0)) -> Iterator[np.ndarray]:
        random = np.random.default_rng((seed, *place))
        fields = -(-len(inputs) // FIELD_ROWS)
        rows, columns = affine_origins(*affine * random.uniform(-1, 1, (6, fields, 1)))
        shifts = elastic * smooth_noise(random, fields)
        pixels, inside = nearest(rows + shifts[0], columns + shifts[1])  # (fields, 784) each
        distorted = np.empty_like(inputs)
        for field in range(fields):
            rows_of_field = slice(field, None, fields)  # so that a batch has digits of several
            fetched = inputs[rows_of_field].take(pixels[field], axis=1)
            fetched[:, ~inside[field]] = fill
            distorted[rows_of_field] = fetched
        yield distorted

    return augment


def affine_origins(
    turn: float, taller: float, wider: float, slant: float, down: float, right: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column, each of shape (784,), from which each pixel comes.

    Parameters
    ----------
    turn, taller, wider, slant, down, right : float
        From -1 to 1: a share of the largest turn, stretches, slant and shifts.
    """
    tall = _ROWS * (1 + AFFINE_STRETCH * taller)
    wide = (_COLUMNS + AFFINE_SLANT * slant * _ROWS) * (1 + AFFINE_STRETCH * wider)
    rows, columns = _turned(tall, wide, AFFINE_DEGREES * turn)
    return (
        rows + (_MIDDLE + AFFINE_SHIFT * down),
        columns + (_MIDDLE + AFFINE_SHIFT * right),
    )


def smooth_noise(random: np.random.Generator, fields: int) -> np.ndarray:
    """Return normal random numbers of shape (2, fields, 784), each similar to its neighbours."""
    noise = random.standard_normal((2, fields, SIDE, SIDE), dtype="float32")
    return (_SMOOTHING @ noise @ _SMOOTHING.T).reshape(2, fields, -1)  # down columns, along rows


def _smoothing() -> np.ndarray:
    """Return the matrix, (28, 28), of a moving weighted mean that keeps the variance of noise."""
    distances = np.subtract.outer(np.arange(SIDE), np.arange(SIDE))
    weights = np.exp(-((distances / ELASTIC_SMOOTHNESS) ** 2) / 2)
    return (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))).astype("float32")


_SMOOTHING = _smoothing()


def nearest(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the pixel nearest to each origin, and whether that is inside.

    Both are of the shape of `rows` and `columns`; an index outside is that of some other pixel.
    """
    edge = SIDE - 1
    inside = (rows >= 0) & (rows <= edge) & (columns >= 0) & (columns <= edge)
    row, column = (np.rint(np.clip(each, 0, edge)).astype(np.intp) for each in (rows, columns))
    return row * SIDE + column, inside


def rotation(degrees: float, fill: float = 0.01) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function that rotates 28×28 pictures about their middle, by bilinear interpolation.

    The result equals that of ``scipy.ndimage.rotate(order=1, reshape=False, cval=fill)``.

    Parameters
    ----------
    degrees, fill : float
        See `rotations`.

    Returns
    -------
    turn : callable
        Takes and returns pictures of shape (batch, 784).
    """
    rows, columns = _turned(_ROWS, _COLUMNS, degrees)
    # rounded, so that no rounding error moves the corners of a quarter turn outside
    origins = np.round(rows + _MIDDLE, 9), np.round(columns + _MIDDLE, 9)
    return interpolation(*origins, fill)


def _turned(rows: np.ndarray, columns: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn places about the origin; returns rows and columns."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return cosine * rows + sine * columns, -sine * rows + cosine * columns


def interpolation(
    rows: np.ndarray, columns: np.ndarray, fill: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function that mixes the four pixels around each origin.

    Parameters
    ----------
    rows, columns : ndarray of shape (784,)
        The origin of each pixel.
    fill : float
        Value of the pixels with an origin outside.

    Returns
    -------
    mix : callable
        Takes and returns pictures of shape (batch, 784).
    """
    top, left = np.floor(rows), np.floor(columns)
    down, right = rows - top, columns - left  # how far between two pixels: 0 to 1
    first = (top * SIDE + left).astype(np.intp)
    corners = [  # beyond the edge, any other pixel will do: its weight is 0
        (first, (1 - down) * (1 - right)),
        (first + 1, (1 - down) * right),
        (first + SIDE, down * (1 - right)),
        (first + SIDE + 1, down * right),
    ]
    _, inside = nearest(rows, columns)

    def mix(pictures: np.ndarray) -> np.ndarray:
        mixed = np.zeros_like(pictures)
        for pixels, weights in corners:
            mixed += pictures.take(pixels, axis=1, mode="clip") * weights.astype(pictures.dtype)
        mixed[:, ~inside] = fill
        return mixed

    return mix
