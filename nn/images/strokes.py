"""Crop a digit, widen strokes that would fade, and fit it into a few pixels.

A drawing needs nothing else of SciPy and Pillow, whose imports take a Pi Zero seconds: numpy does
it here, as they would.
"""

import numpy as np

from nn.signals import SIDE

INK_SIDE = 20  # of the box that the ink is fitted into
SMALL = 2 * SIDE  # pixels: a picture like MNIST's own, of nothing but a digit
_STROKE = 2.4  # of the box's pixels: how wide a stroke is at least, as in most of MNIST's digits


def widened(ink: np.ndarray) -> np.ndarray:
    """Crop ink, and widen strokes that are thinner than in most of MNIST's digits.

    Parameters
    ----------
    ink : ndarray of float, shape (height, width)
        From 0 to 1, not empty.

    Returns
    -------
    ink : ndarray of float32, shape (new_height, new_width)
        Without rows and columns of paper around it.
    """
    ink = _cropped(ink)
    if ink.max() <= 0.5:  # faint all over
        ink = ink / ink.max()
    longest = max(ink.shape)
    missing = (_STROKE * longest / INK_SIDE - _stroke_width(ink > 0.5)) / 2
    if missing <= 0 or longest <= SMALL:  # few pixels say little about a stroke's width
        return ink
    most = int(missing) + 1
    away = distances(np.pad(ink >= 0.5, most), most)
    return _cropped(np.clip(missing - away + 0.5, 0, 1))


def resized(ink: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the means of boxes of pixels, as Pillow's ``resize`` with ``Resampling.BOX``.

    Parameters
    ----------
    ink : ndarray of float, shape (old_height, old_width)
    height, width : int

    Returns
    -------
    small : ndarray of float, shape (height, width)
    """
    return _boxes(ink.shape[0], height) @ ink @ _boxes(ink.shape[1], width).T


def _boxes(count: int, boxes: int) -> np.ndarray:
    """Return by which weights a run of pixels becomes fewer, or more; shape (boxes, count)."""
    size = count / boxes
    longer = max(size, 1)
    places, middles = np.arange(count), (np.arange(boxes)[:, np.newaxis] + 0.5) * size
    first, end = (np.trunc(middles + side * longer / 2 + 0.5) for side in (-1, 1))
    away = (places - middles + 0.5) * (1 / longer)  # at a box's border, rounding decides
    inside = (places >= first) & (places < end) & (away > -0.5) & (away <= 0.5)
    return inside / inside.sum(axis=1, keepdims=True)


def distances(mask: np.ndarray, most: int) -> np.ndarray:
    """Return how far each place is from the mask, as ``scipy.ndimage.distance_transform_edt``.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
    most : int
        Rows or columns up to which to look; what is farther away gets a larger distance than this.

    Returns
    -------
    away : ndarray of float64, shape (height, width)
        Pixels; 0 within the mask.
    """
    rows, far = np.arange(len(mask), dtype=np.int32)[:, np.newaxis], len(mask) + most
    above = np.maximum.accumulate(np.where(mask, rows, -far), axis=0)
    below = np.minimum.accumulate(np.where(mask, rows, 2 * far)[::-1], axis=0)[::-1]
    down = np.minimum(rows - above, below - rows) ** 2
    nearest, across = down.copy(), np.empty_like(down)
    for step in range(1, min(most + 1, mask.shape[1])):
        np.add(down, step**2, out=across)
        np.minimum(nearest[:, step:], across[:, :-step], out=nearest[:, step:])
        np.minimum(nearest[:, :-step], across[:, step:], out=nearest[:, :-step])
    return np.sqrt(nearest)


def _stroke_width(full: np.ndarray) -> float:
    """Estimate a stroke's width: a long one has nearly all of its border along its two sides."""
    around = np.pad(full, 1)
    within = full & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return 2 * full.sum() / max(full.sum() - within.sum(), 1)


def _cropped(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(ink, np.float32)
