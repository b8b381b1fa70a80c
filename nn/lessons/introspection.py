"""Look inside a trained network: what its hidden nodes answer to, and how much each one matters."""

import numpy as np

from nn.data.dataset import Dataset
from nn.network import Network, scale_pixels


def mean_digits(dataset: Dataset, classes: int = 10) -> np.ndarray:
    """Average all pictures of each digit.

    Parameters
    ----------
    dataset : Dataset
    classes : int
        Labels run from 0 to one less.

    Returns
    -------
    pictures : ndarray of float, shape (classes, 784)
        Grey levels 0 to 255; zero where there is no picture of a class.
    """
    return _mean_by_label(dataset, classes, lambda pixels: pixels)


def mean_hidden_outputs(network: Network, dataset: Dataset) -> np.ndarray:
    """Average what leaves each hidden node, over all pictures of each digit.

    Returns
    -------
    means : ndarray of float, shape (hidden_nodes, output_nodes)
        A row for each hidden node, a column for each digit.
    """
    return _mean_by_label(
        dataset,
        network.sizes[2],
        lambda pixels: network.forward(scale_pixels(pixels, network.dtype))[0],
    ).T


def influence(network: Network) -> np.ndarray:
    """Add up the sizes of the weights by which each hidden node reaches the outputs.

    Returns
    -------
    influence : ndarray of shape (hidden_nodes,)
        A node whose weights are all near zero has next to no say, whatever it puts out.
    """
    return abs(network.weights_hidden_output).sum(axis=0)


def without_nodes(network: Network, nodes: np.ndarray) -> Network:
    """Copy a network and cut what leads from some hidden nodes to the outputs.

    Parameters
    ----------
    network : Network
        It is left as it is.
    nodes : ndarray of int
        Which hidden nodes.
    """
    input_nodes, hidden_nodes, output_nodes = network.sizes
    copy = Network(
        input_nodes,
        hidden_nodes,
        output_nodes,
        learning_rate=network.learning_rate,
        rule=network.rule,
    )
    copy.weights_input_hidden = network.weights_input_hidden.copy()
    copy.weights_hidden_output = network.weights_hidden_output.copy()
    copy.weights_hidden_output[:, nodes] = 0
    return copy


def _mean_by_label(dataset: Dataset, classes: int, measure) -> np.ndarray:
    """Average rows of `measure(pixels)` over each label; shape (classes, columns)."""
    sums, counts = 0, np.zeros((classes, 1), np.int64)
    for pixels, labels in dataset.blocks():
        members = labels == np.arange(classes)[:, None]  # (classes, n)
        sums = sums + members.astype(float) @ measure(pixels)
        counts += members.sum(axis=1, keepdims=True)
    return sums / np.maximum(counts, 1)
