"""A network's weights as plain text, which any language can read: see `nn.lessons.languages`."""

import os
from pathlib import Path

import numpy as np

from nn.errors import KitError
from nn.kit import command
from nn.saving.atomic import atomic_write


class WeightsTextError(KitError, ValueError):
    """A file does not hold weights as `write_weights` writes them."""


def write_weights(
    path: str | os.PathLike, weights_input_hidden: np.ndarray, weights_hidden_output: np.ndarray
) -> None:
    """Write a line of three sizes, then a line for each hidden node and for each output node.

    Each weight has as many digits as it takes to read exactly the same number back.

    Parameters
    ----------
    path : path-like
        Its folder must exist; an existing file is replaced.
    weights_input_hidden : ndarray of shape (hidden_nodes, input_nodes)
    weights_hidden_output : ndarray of shape (output_nodes, hidden_nodes)

    Raises
    ------
    OSError
        When it cannot be written.
    """
    hidden_nodes, input_nodes = weights_input_hidden.shape
    with atomic_write(path) as file:
        file.write(f"{input_nodes} {hidden_nodes} {len(weights_hidden_output)}\n".encode())
        for weights in (weights_input_hidden, weights_hidden_output):
            for node in weights:
                file.write((" ".join(map(repr, node.tolist())) + "\n").encode())


def read_weights(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read what `write_weights`, or a program in another language, has written.

    Returns
    -------
    weights_input_hidden : ndarray of float64, shape (hidden_nodes, input_nodes)
    weights_hidden_output : ndarray of float64, shape (output_nodes, hidden_nodes)

    Raises
    ------
    WeightsTextError
        When the content is anything else.
    OSError
        When the file cannot be read.
    """
    advice = f"Write it again with {command('weights')}"
    try:
        first, *rest = Path(path).read_text(encoding="ascii").split("\n", 1)
        inputs, hidden, outputs = map(int, first.split())
        numbers = np.array("".join(rest).split(), dtype=float)
    except ValueError:
        raise WeightsTextError(
            f"{path}: expected a line of three sizes, then weights. {advice}"
        ) from None
    expected = hidden * (inputs + outputs)
    if min(inputs, hidden, outputs) < 1 or len(numbers) != expected:
        raise WeightsTextError(f"{path}: expected {expected} weights, got {len(numbers)}. {advice}")
    if not np.isfinite(numbers).all():
        raise WeightsTextError(f"{path}: expected finite weights. {advice}")
    input_hidden, hidden_output = np.split(numbers, [hidden * inputs])
    return input_hidden.reshape(hidden, inputs), hidden_output.reshape(outputs, hidden)
