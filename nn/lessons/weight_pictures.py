"""Pictures of what is inside a network: the weights of hidden nodes, and what excites them."""

from collections.abc import Sequence

import numpy as np

from nn.plots import Figure


def weight_grid(
    weights: np.ndarray, titles: Sequence[str] | None = None, columns: int = 5
) -> Figure:
    """Draw the 784 weights that lead to each of some nodes as a picture.

    Parameters
    ----------
    weights : ndarray of shape (n, 784)
        All are drawn to one scale.
    titles : sequence of str, optional
        One for each picture.
    columns : int
        Pictures in a row.

    Returns
    -------
    figure : Figure
        Purple pixels have positive weights, orange ones negative, white ones none.
    """
    rows = -(-len(weights) // columns)
    figure = Figure(figsize=(1.5 * columns, 1.7 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    largest = abs(weights).max()
    image = None
    for axis, picture in zip(axes, weights, strict=False):  # the last row may not be full
        image = axis.imshow(picture.reshape(28, 28), cmap="PuOr", vmin=-largest, vmax=largest)
    for axis, title in zip(axes, titles or (), strict=False):
        axis.set_title(title, fontsize=9)
    figure.colorbar(image, ax=axes.tolist(), label="weight", shrink=0.8)
    return figure


def response_map(responses: np.ndarray, nodes: Sequence[int]) -> Figure:
    """Draw what hidden nodes put out for each digit, on the average.

    Parameters
    ----------
    responses : ndarray of shape (n, 10)
        A row for each node, a column for each digit; from 0 to 1.
    nodes : sequence of int
        What the rows' nodes are called.

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(6.5, 0.4 * len(nodes) + 1.2), layout="constrained")
    axis = figure.subplots()
    rows, digits = (np.arange(size) for size in responses.shape)
    # imshow would enlarge the picture in memory first, which takes 9 MB
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
