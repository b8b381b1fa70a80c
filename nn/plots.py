"""Pictures of digits and of learning: the only module that imports matplotlib."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import figure as matplotlib_figure
from matplotlib.colors import PowerNorm

from nn.network import Network
from nn.saving.atomic import atomic_write


class Figure(matplotlib_figure.Figure):
    """A figure that a notebook shows at the end of a cell, without pyplot.

    A Pi waits long for pyplot, and ``%matplotlib inline`` fails on Debian 12's matplotlib where
    matplotlib-inline is newer.
    """

    def _repr_png_(self) -> bytes:
        """Draw the figure as PNG; IPython asks for it by this name."""
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def digit_grid(
    pictures: np.ndarray, titles: Sequence[str] | None = None, columns: int = 10
) -> Figure:
    """Draw pictures of digits side by side, dark on light.

    Parameters
    ----------
    pictures : ndarray of shape (n, 784)
        Each is stretched over the whole range of grey.
    titles : sequence of str, optional
        One for each picture.
    columns : int
        Pictures in a row.

    Returns
    -------
    figure : Figure
    """
    rows = -(-len(pictures) // columns)
    height = 1.25 if titles else 1.0
    figure = Figure(figsize=(columns, rows * height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, picture in zip(axes, pictures, strict=False):  # the last row may not be full
        axis.imshow(picture.reshape(28, 28), cmap="Greys")
    for axis, title in zip(axes, titles or (), strict=False):
        axis.set_title(title, fontsize=9)
    return figure


def learning_curve(seen: Sequence[int], error: Sequence[float], title: str) -> Figure:
    """Draw the squared error against the digits seen.

    Parameters
    ----------
    seen : sequence of int
        Digits trained on so far, at each point.
    error : sequence of float
        Mean squared error of an output node just before.
    title : str

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axis = figure.subplots()
    axis.plot(seen, error, color="tab:blue", linewidth=1.5)
    axis.set_xlabel("digits seen")
    axis.set_ylabel("mean squared error of an output")
    axis.set_ylim(bottom=0)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.grid(alpha=0.3)
    axis.set_title(title)
    return figure


def confusion_matrix(confusion: np.ndarray) -> Figure:
    """Draw how often each digit was read as which.

    Parameters
    ----------
    confusion : ndarray of int, shape (10, 10)
        As in `nn.evaluation.Evaluation`: rows are digits, columns answers.

    Returns
    -------
    figure : Figure
        The darker a square, the larger its share of its row; faint shares are brought out.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    for (digit, answer), count in np.ndenumerate(confusion):
        colour = "white" if shares[digit, answer] > 0.3 else "black"
        axis.text(answer, digit, f"{count}", ha="center", va="center", color=colour, fontsize=9)
    axis.set_xticks(range(len(confusion)))
    axis.set_yticks(range(len(confusion)))
    axis.set_xlabel("the network's answer")
    axis.set_ylabel("the digit's label")
    return figure


def accuracy_sweep(
    accuracies: Mapping[float, float], parameter: str, *, logarithmic: bool = False
) -> Figure:
    """Draw accuracy against the values that one parameter was given.

    Parameters
    ----------
    accuracies : mapping of float to float
        Accuracy, 0 to 1, by the parameter's value.
    parameter : str
        What the parameter is called.
    logarithmic : bool
        Whether equal steps on paper are equal factors.

    Returns
    -------
    figure : Figure
    """
    values = sorted(accuracies)
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axis = figure.subplots()
    if logarithmic:
        axis.set_xscale("log")
    per_cent = [100 * accuracies[value] for value in values]
    axis.plot(values, per_cent, "o-", color="tab:blue")
    beside = {"textcoords": "offset points", "ha": "center"}
    over_the_line = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for point in zip(values, per_cent, strict=True):
        axis.annotate(f"{point[1]:.1f}", point, (0, 8), bbox=over_the_line, **beside)
    axis.set_xticks(values, [f"{value:g}" for value in values])
    axis.set_xticks([], minor=True)
    axis.set_xlabel(parameter)
    axis.set_ylabel("test digits read correctly, %")
    axis.set_ylim(0, 109)  # room for a number above 100
    axis.grid(alpha=0.3)
    return figure


def network_diagram(network: Network, inputs: np.ndarray) -> Figure:
    """Draw a small network as nodes and lines, with the signals that leave each node.

    Parameters
    ----------
    network : Network
        Of at most some ten nodes a layer.
    inputs : ndarray of shape (input_nodes,)

    Returns
    -------
    figure : Figure
        The thicker a line, the larger its weight; blue ones are positive, orange ones negative.
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


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG; `path` holds the old file or the new, never a half of it.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=110)
