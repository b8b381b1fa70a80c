r"""Rules that send the output error back to the hidden nodes.

The error of output node k is :math:`e_k = t_k - o_k`. What is the error of hidden node j, which has
no target of its own? Each rule is one answer, as a function of the output errors, the weights
:math:`w_{kj}` between the two layers, and the outputs. The book uses `multiply`; only `gradient`
follows the slope of the squared error.

References
----------
T. Rashid, "Error Backpropagation Revisited", makeyourownneuralnetwork.blogspot.com, July 2016,
compares the first four.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nn.errors import UnknownNameError

if TYPE_CHECKING:  # on a Pi, --help, which lists the rules, must not wait for numpy
    import numpy as np

    Rule = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def multiply(output_errors, weights, outputs):
    r"""Multiply each error by the weight it came through: :math:`e_j = \sum_k w_{kj} e_k`."""
    return output_errors @ weights  # (batch, outputs) @ (outputs, hidden) -> (batch, hidden)


def equal(output_errors, weights, outputs):
    r"""Split each error equally over the hidden nodes: :math:`e_j = \sum_k e_k / n_{hidden}`."""
    hidden_nodes = weights.shape[1]
    share = output_errors.sum(axis=-1, keepdims=True) / hidden_nodes  # (batch, 1)
    return share.repeat(hidden_nodes, axis=-1)  # (batch, hidden)


def proportional(output_errors, weights, outputs):
    r"""Share in each error by weight: :math:`e_j = \sum_k w_{kj} e_k / \sum_k |w_{kj}|`.

    The sum is of absolute values: a sum of signed weights can be zero, and then nothing is learned.
    """
    shares = weights / abs(weights).sum(axis=0)  # (outputs, hidden), sizes sum to 1 a node
    return output_errors @ shares


def normalised(output_errors, weights, outputs):
    r"""Multiply, then divide by the hidden nodes: :math:`e_j = \sum_k w_{kj} e_k / n_{hidden}`."""
    return output_errors @ weights / weights.shape[1]


def gradient(output_errors, weights, outputs):
    r"""Follow the slope of the squared error: :math:`e_j = \sum_k w_{kj} e_k o_k (1 - o_k)`."""
    return (output_errors * outputs * (1 - outputs)) @ weights


RULES: dict[str, Rule] = {
    "multiply": multiply,
    "equal": equal,
    "proportional": proportional,
    "normalised": normalised,
    "gradient": gradient,
}


def get_rule(name: str) -> Rule:
    """Look up an error rule.

    Parameters
    ----------
    name : str
        A key of `RULES`.

    Returns
    -------
    rule : callable
        Takes the output errors (batch, outputs), the weights (outputs, hidden) and the outputs
        (batch, outputs); returns the hidden errors (batch, hidden).

    Raises
    ------
    UnknownNameError
        When no rule has this name.
    """
    if name not in RULES:
        raise UnknownNameError("error rule", name, RULES)
    return RULES[name]
