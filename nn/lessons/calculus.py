r"""Slopes measured by small differences, to check formulas.

References
----------
The central difference :math:`(f(x + \Delta x) - f(x - \Delta x)) / 2\Delta x` has an error
proportional to :math:`\Delta x^2`; the one-sided difference, one proportional to :math:`\Delta x`.
"""

from collections.abc import Callable

import numpy as np

from nn.network import Network


def central_difference(function: Callable, x, dx):
    """Measure a function's slope at x with one step forwards and one step backwards.

    Parameters
    ----------
    function : callable
        Takes and returns a number, or an array element by element.
    x : number or ndarray
        Where to measure. Integers and `fractions.Fraction` stay exact.
    dx : number
        Size of the steps; not 0.

    Returns
    -------
    slope : number or ndarray of the shape of `x`

    Examples
    --------
    >>> central_difference(lambda t: t**3, 2, 1)
    13.0
    """
    return (function(x + dx) - function(x - dx)) / (2 * dx)


def one_sided_difference(function: Callable, x, dx):
    """Measure a function's slope with a step forwards only; see `central_difference`."""
    return (function(x + dx) - function(x)) / dx


def squared_error(network: Network, inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return half the sum of the squared errors, which gradient descent reduces.

    Parameters
    ----------
    network : Network
    inputs : ndarray of shape (batch, input_nodes) or (input_nodes,)
    targets : ndarray of shape (batch, output_nodes) or (output_nodes,)
    """
    return 0.5 * float(np.sum((targets - network.query(inputs)) ** 2))


def measured_slopes(
    network: Network,
    weights: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    dx: float = 1e-5,
) -> np.ndarray:
    """Measure how the squared error changes with each weight, one at a time.

    This uses no formula of the network's learning: it moves each weight a little to both sides and
    queries the network again.

    Parameters
    ----------
    network : Network
        Must be float64: float32 is too coarse for small steps. It is not changed.
    weights : ndarray
        One of the network's two matrices.
    inputs, targets : ndarray
        As for `squared_error`.
    dx : float
        How far to move each weight to either side.

    Returns
    -------
    slopes : ndarray of the shape of `weights`
    """
    slopes = np.empty_like(weights)
    for index in np.ndindex(weights.shape):
        kept = weights[index]

        def error(weight, index=index):
            weights[index] = weight
            return squared_error(network, inputs, targets)

        slopes[index] = central_difference(error, kept, dx)
        weights[index] = kept
    return slopes


def angle(one: np.ndarray, other: np.ndarray) -> float:
    """Return the angle between two arrays seen as vectors, in degrees, from 0 to 180."""
    one, other = one.ravel().astype("float64"), other.ravel().astype("float64")
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
