"""Look inside a network: what its nodes respond to and how much each matters, with pictures."""

from collections.abc import Sequence

import numpy as np

from nn.data.dataset import Dataset
from nn.network import Network
from nn.plots import Figure, picture_grid
from nn.signals import scale_pixels


def mean_digits(dataset: Dataset, classes: int = 10) -> np.ndarray:
    """Average all pictures of each digit.

    Parameters
    ----------
    dataset : Dataset
    classes : int
        Number of classes; labels run from 0.

    Returns
    -------
    pictures : ndarray of float, shape (classes, 784)
        Grey levels 0 to 255; zero for a class without pictures.
    """
    return _mean_by_label(dataset, classes, lambda pixels: pixels)


def mean_hidden_outputs(network: Network, dataset: Dataset) -> np.ndarray:
    """Average the output of each hidden node over all pictures of each digit.

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
    """Sum the absolute weights from each hidden node to the outputs.

    Returns
    -------
    influence : ndarray of shape (hidden_nodes,)
        A node whose weights are all near zero hardly matters, whatever its output.
    """
    return abs(network.weights_hidden_output).sum(axis=0)


def without_nodes(network: Network, nodes: np.ndarray) -> Network:
    """Copy a network and disconnect some hidden nodes from the outputs.

    Parameters
    ----------
    network : Network
        It is not changed.
    nodes : ndarray of int
        The hidden nodes to disconnect.

    Returns
    -------
    copy : Network
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


def weight_grid(
    weights: np.ndarray, titles: Sequence[str] | None = None, columns: int = 5
) -> Figure:
    """Draw each node's 784 weights as a picture.

    Parameters
    ----------
    weights : ndarray of shape (n, 784)
        All share one scale.
    titles, columns
        As for `nn.plots.picture_grid`.

    Returns
    -------
    figure : Figure
        Positive weights are purple, negative ones orange, zero is white.
    """
    largest = abs(weights).max()
    style = {"cmap": "PuOr", "vmin": -largest, "vmax": largest}
    figure = picture_grid(weights, titles, columns, size=(1.5, 1.7), **style)
    axes = figure.axes
    figure.colorbar(axes[0].images[0], ax=axes, label="weight", shrink=0.8)
    return figure


def response_map(responses: np.ndarray, nodes: Sequence[int]) -> Figure:
    """Draw the mean output of hidden nodes for each digit.

    Parameters
    ----------
    responses : ndarray of shape (n, 10)
        A row for each node, a column for each digit; from 0 to 1.
    nodes : sequence of int
        The number of each row's node.

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(6.5, 0.4 * len(nodes) + 1.2), layout="constrained")
    axis = figure.subplots()
    rows, digits = (np.arange(size) for size in responses.shape)
    # not imshow, which takes 9 MB to enlarge the picture first
    mesh = axis.pcolormesh(digits, rows, responses, cmap="cividis", vmin=0, vmax=1)
    axis.invert_yaxis()
    for (row, digit), response in np.ndenumerate(responses):
        colour = "white" if response < 0.5 else "black"
        axis.text(digit, row, f"{response:.2f}", ha="center", va="center", color=colour, fontsize=8)
    axis.set_xticks(digits)
    axis.set_yticks(rows, [f"node {node}" for node in nodes])
    axis.set_xlabel("digit")
    figure.colorbar(mesh, label="mean output of the node")
    return figure


def network_diagram(network: Network, inputs: np.ndarray) -> Figure:
    """Draw a small network as nodes and lines, with the signals that leave each node.

    Parameters
    ----------
    network : Network
        With at most about ten nodes in a layer.
    inputs : ndarray of shape (input_nodes,)

    Returns
    -------
    figure : Figure
        The thicker a line, the larger its weight; blue is positive, orange negative.
    """
    layers = [inputs, *network.forward(inputs)]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    axis.set_axis_off()
    axis.margins(0.12)
    _draw_weights(axis, 0, network.weights_input_hidden)
    _draw_weights(axis, 1, network.weights_hidden_output)
    for column, (name, signals) in enumerate(
        zip(("inputs", "hidden outputs", "outputs"), layers, strict=True)
    ):
        heights = _heights(len(signals))
        axis.scatter([column] * len(signals), heights, 1100, "white", edgecolors="black", zorder=2)
        for height, signal in zip(heights, signals, strict=True):
            axis.text(column, height, f"{signal:.2f}", ha="center", va="center", fontsize=10)
        axis.text(column, 1.0, name, ha="center", va="bottom")
    return figure


def _mean_by_label(dataset: Dataset, classes: int, measure) -> np.ndarray:
    """Average rows of `measure(pixels)` over each label; shape (classes, columns)."""
    sums, counts = 0, np.zeros((classes, 1), np.int64)
    for pixels, labels in dataset.blocks():
        members = labels == np.arange(classes)[:, None]  # (classes, n)
        sums = sums + members.astype(float) @ measure(pixels)
        counts += members.sum(axis=1, keepdims=True)
    return sums / np.maximum(counts, 1)


def _draw_weights(axis, column: int, weights: np.ndarray) -> None:
    """Draw lines from the nodes of a column to those of the next, for weights (n_out, n_in)."""
    ends, starts = (_heights(nodes) for nodes in weights.shape)
    thickness = 6 / abs(weights).max()
    for (end, start), weight in np.ndenumerate(weights):
        axis.plot(
            [column, column + 1],
            [starts[start], ends[end]],
            color="tab:blue" if weight > 0 else "tab:orange",
            linewidth=thickness * abs(weight),
            zorder=1,
        )


def _heights(nodes: int) -> np.ndarray:
    """Spread a layer's nodes over 0..1, the first at the top."""
    return 1 - (np.arange(nodes) + 0.5) / nodes
