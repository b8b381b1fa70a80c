"""Charts of numbers: bars, lines, and slopes."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nn.plots import Figure

# Told apart by the colour-blind as well: M. Okabe, K. Ito, "Color Universal Design", 2008.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def bar_chart(values: Mapping[str, float], xlabel: str) -> Figure:
    """Draw a bar across for each value, the first on top, with its figure at its end.

    Parameters
    ----------
    values : mapping of name to number
        From 0 up.
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
    """Draw bars across, each made of the same parts, the first on top.

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
    """Draw named lines over the same places, told apart by colour and marker.

    Parameters
    ----------
    x : sequence of number
    lines : mapping of name to (sequence of number, as long as `x`)
    xlabel, ylabel : str
    scale : {"linear", "log"}
        Of both axes. On "log", a value of 0 is left out.

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
    """Put the legend in a row where it can hide nothing."""
    names = axis.get_legend_handles_labels()[1]
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
    axis.legend(**place, ncols=len(names), frameon=False, columnspacing=1.2)


def chords_and_tangent(
    function: Callable, slope: float, at: float, steps: Sequence[float]
) -> Figure:
    """Draw a curve, chords that reach ever less far to either side of a place, and the tangent.

    Parameters
    ----------
    function : callable
        Of an array, number by number.
    slope : float
        Of the tangent.
    at : float
        The place.
    steps : sequence of float
        How far each chord reaches; the first the farthest.

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
    """Draw a function above its slope: the slope's formula as a line, measured slopes as dots.

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
