"""Charts and tables of numbers: bars, lines, confusion, slopes."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from nn.plots import Figure

# Also distinct for colour-blind people: M. Okabe, K. Ito, "Color Universal Design", 2008.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def bar_chart(values: Mapping[str, float], xlabel: str) -> Figure:
    """Draw a horizontal bar for each value, the first at the top, with the value at its end.

    Parameters
    ----------
    values : mapping of name to number
        Not negative.
    xlabel : str

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(7, 0.6 + 0.45 * len(values)), layout="constrained")
    axis = figure.subplots()
    bars = axis.barh(list(values), list(values.values()), color=COLOURS[0])
    labels = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values.values()]
    axis.bar_label(bars, labels, padding=4)
    axis.margins(x=0.12)
    axis.invert_yaxis()
    axis.set_xlabel(xlabel)
    return figure


def stacked_bar_chart(bars: Mapping[str, Mapping[str, float]], xlabel: str) -> Figure:
    """Draw horizontal bars, each made of the same parts, the first on top.

    Parameters
    ----------
    bars : mapping of name to (mapping of part to number)
    xlabel : str

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(7, 1.3 + 0.45 * len(bars)), layout="constrained")
    axis = figure.subplots()
    starts = np.zeros(len(bars))
    parts = list(next(iter(bars.values())))
    for part, colour, hatch in zip(parts, COLOURS, ("", "//", "..", "xx", "--"), strict=False):
        widths = [bar[part] for bar in bars.values()]
        style = {"color": colour, "edgecolor": "white", "hatch": hatch}
        axis.barh(list(bars), widths, left=starts, label=part, **style)
        starts += widths
    axis.invert_yaxis()
    axis.set_xlabel(xlabel)
    _legend_above(axis)
    return figure


def line_chart(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    scale: str = "linear",
) -> Figure:
    """Draw named lines over the same x, each with its own colour and marker.

    Parameters
    ----------
    x : sequence of number
    lines : mapping of name to (sequence of number, as long as `x`)
    xlabel, ylabel : str
    scale : {"linear", "log"}
        Scale of both axes. "log" omits values of 0.

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axis = figure.subplots()
    for (name, y), colour, marker in zip(lines.items(), COLOURS, "osD^vX", strict=False):
        axis.plot(x, y, color=colour, marker=marker, markersize=5, linewidth=1.5, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, xscale=scale, yscale=scale)
    if scale == "linear":
        axis.set_xticks(x)
    axis.grid(alpha=0.3)
    _legend_above(axis)
    return figure


def _legend_above(axis) -> None:
    """Put the legend in a row above the axis, where it hides nothing."""
    names = axis.get_legend_handles_labels()[1]
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
    axis.legend(**place, ncols=len(names), frameon=False, columnspacing=1.2)


def accuracy_sweep(
    accuracies: Mapping[float, float], parameter: str, *, logarithmic: bool = False
) -> Figure:
    """Draw accuracy against the values of one parameter.

    Parameters
    ----------
    accuracies : mapping of float to float
        Accuracy, 0 to 1, by the parameter's value.
    parameter : str
        The parameter's name.
    logarithmic : bool
        Whether the parameter's axis is logarithmic.

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


def confusion_matrix(confusion: np.ndarray) -> Figure:
    """Draw how often each digit was read as each answer.

    Parameters
    ----------
    confusion : ndarray of int, shape (10, 10)
        As in `nn.training.Evaluation`: rows are digits, columns answers.

    Returns
    -------
    figure : Figure
        The darker a square, the larger its share of its row; small shares are made visible.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axis = figure.subplots()
    axis.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)  # the root darkens faint shares
    for (digit, answer), count in np.ndenumerate(confusion):
        colour = "white" if shares[digit, answer] > 0.3 else "black"
        axis.text(answer, digit, f"{count}", ha="center", va="center", color=colour, fontsize=9)
    axis.set_xticks(range(len(confusion)))
    axis.set_yticks(range(len(confusion)))
    axis.set_xlabel("the network's answer")
    axis.set_ylabel("the digit's label")
    return figure


def chords_and_tangent(
    function: Callable, slope: float, at: float, steps: Sequence[float]
) -> Figure:
    """Draw a curve, ever shorter chords around one of its points, and the tangent.

    Parameters
    ----------
    function : callable
        Takes and returns an array, element by element.
    slope : float
        Slope of the tangent.
    at : float
        The t of the point.
    steps : sequence of float
        How far each chord extends to either side, in decreasing order.

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    t = np.linspace(at - 1.2 * steps[0], at + 1.2 * steps[0], 200)
    axis.plot(t, function(t), color="black", linewidth=2, label="the curve")
    for step, colour, marker in zip(steps, COLOURS, "osD^vX", strict=False):
        ends = np.array([at - step, at + step])
        style = {"color": colour, "marker": marker, "linewidth": 1.2}
        axis.plot(ends, function(ends), label=f"chord, Δ = {step:g}", **style)
    axis.plot(t, function(at) + slope * (t - at), "--", color=COLOURS[5], label="tangent")
    axis.set(xlabel="t", ylabel="f(t)")
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


def function_and_slope(
    x: np.ndarray, values: np.ndarray, formula: np.ndarray, measured: np.ndarray
) -> Figure:
    """Draw a function above its slope: the formula's slope as a line, measured slopes as dots.

    Parameters
    ----------
    x, values, formula, measured : ndarray of shape (n,)

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(x, values, color=COLOURS[0], linewidth=2)
    upper.set_ylabel("value")
    lower.plot(x, formula, color=COLOURS[1], linewidth=2, label="by the formula")
    lower.plot(x, measured, "o", color="black", markersize=4, label="by central differences")
    lower.set(xlabel="x", ylabel="slope")
    lower.legend()
    for axis in (upper, lower):
        axis.grid(alpha=0.3)
    return figure


def markdown_table(header: Sequence[str], rows: Iterable[Sequence]) -> str:
    """Write a table in Markdown, its first column aligned left, the others right.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequences
        Each as long as the header; cells are written by `str`.

    Returns
    -------
    text : str
        For `IPython.display.Markdown`.

    Examples
    --------
    >>> print(markdown_table(["rule", "error"], [["equal", 0.5]]))
    | rule | error |
    |:--|--:|
    | equal | 0.5 |
    """
    lines = [_line(header), "|:--|" + "--:|" * (len(header) - 1)]
    return "\n".join(lines + [_line(row) for row in rows])


def _line(cells: Sequence) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
