"""Signals: pixels and labels as inputs and targets, the sigmoid, and one fast sum.

Shapes in the comments: batch = samples in the call.
"""

import numpy as np

SIDE = 28  # pixels along a picture
PIXELS = SIDE * SIDE

PIXEL_SCALE = 0.99 / 255
PIXEL_OFFSET = 0.01
TARGET_LOW, TARGET_HIGH = 0.01, 0.99

# Limits of one call in `add_product`: with more multiplications OpenBLAS packs its arguments, which
# does not pay off for few rows. A small temporary array does no harm.
_PIECE_MULTIPLICATIONS, _FEWEST_ROWS, _FEW_BYTES = 1_000_000, 64, 64 * 1024

# An array, so that numpy need not convert it at each use: that is a tenth of a small batch's time.
_HALF = np.array(0.5, "float32")


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Squash any signal into (0, 1): 1 / (1 + exp(-x)), by a tanh that cannot overflow."""
    half = np.asarray(np.asarray(x) * _HALF)
    np.tanh(half, out=half)
    half *= _HALF
    half += _HALF
    return half


def logit(y: np.ndarray) -> np.ndarray:
    """Undo the sigmoid: log(y / (1 - y)) for y in (0, 1)."""
    return np.log(y / (1 - y))


def scale_pixels(pixels: np.ndarray, dtype="float32") -> np.ndarray:
    """Turn grey levels 0..255 into inputs 0.01..1.0, as the book does.

    Parameters
    ----------
    pixels : ndarray of uint8 or float, any shape
        Grey levels, 0 for paper and 255 for ink.
    dtype : dtype, default "float32"
        Type of the result.

    Returns
    -------
    inputs : ndarray of the same shape
        ``pixels / 255 * 0.99 + 0.01``: never 0, because an input of 0 would never change a weight.
    """
    inputs = np.multiply(pixels, PIXEL_SCALE, dtype=dtype)
    inputs += PIXEL_OFFSET
    return inputs


def one_hot(
    labels: np.ndarray, output_nodes: int = 10, dtype="float32", low: float = TARGET_LOW
) -> np.ndarray:
    """Turn labels of shape (batch,) into targets of shape (batch, output_nodes).

    The named node's target is 0.99, all others' 0.01: values a sigmoid can reach. `low` replaces
    0.01, and 0.99 by 1 less this.
    """
    targets = np.full((len(labels), output_nodes), low, dtype=dtype)
    targets[np.arange(len(labels)), labels] = 1 - low
    return targets


def add_product(target: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Add ``left @ right`` to `target`, a few rows at a time, without a second array of its size.

    Parameters
    ----------
    target : ndarray of shape (n, m)
    left : ndarray of shape (n, batch)
    right : ndarray of shape (batch, m)
    """
    if target.flags.f_contiguous:  # its transpose has the rows that are contiguous in memory
        target, left, right = target.T, right.T, left.T
    if right.size == 0:
        return
    step = max(-(-len(target) // 2), _FEW_BYTES // target[0].nbytes)
    if (unpacked := _PIECE_MULTIPLICATIONS // right.size) >= _FEWEST_ROWS:
        step = min(step, unpacked)
    product = np.dot if len(right) == 1 else np.matmul  # which is five times as slow there
    for first in range(0, len(target), step):
        rows = slice(first, first + step)
        target[rows] += product(left[rows], right)  # (step, batch) @ (batch, m)
