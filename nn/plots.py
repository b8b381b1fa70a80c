"""Plots of digits and of learning: the only module that imports matplotlib."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import figure as matplotlib_figure
from matplotlib import patches

from nn.answers import Answer
from nn.images import Page
from nn.saving.atomic import atomic_write
from nn.signals import SIDE


class Figure(matplotlib_figure.Figure):
    """A figure that a notebook shows at the end of a cell, without pyplot.

    Importing pyplot is slow on a Pi, and ``%matplotlib inline`` fails with Debian 12's matplotlib
    and a newer matplotlib-inline.
    """

    def _repr_png_(self) -> bytes:
        """Draw the figure as PNG; IPython asks for it by this name."""
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def picture_grid(
    pictures: np.ndarray,
    titles: Sequence[str] | None = None,
    columns: int = 10,
    *,
    size: tuple[float, float] = (1.0, 1.0),
    **style,
) -> Figure:
    """Draw pictures of 28×28 pixels side by side.

    Parameters
    ----------
    pictures : ndarray of shape (n, 784)
    titles : sequence of str, optional
        One for each picture.
    columns : int
        Pictures in a row.
    size : tuple of float
        Width and height of a picture with its margin and title, in inches.
    **style
        How to colour the pictures: arguments of matplotlib's ``imshow``.

    Returns
    -------
    figure : Figure
    """
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, picture in zip(axes, pictures, strict=False):  # the last row may not be full
        axis.imshow(picture.reshape(SIDE, SIDE), **style)
    for axis, title in zip(axes, titles or (), strict=False):
        axis.set_title(title, fontsize=9)
    return figure


def digit_grid(
    pictures: np.ndarray, titles: Sequence[str] | None = None, columns: int = 10
) -> Figure:
    """Draw digits side by side, dark on light.

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
    size = (1.0, 1.25 if titles else 1.0)
    return picture_grid(pictures, titles, columns, size=size, cmap="Greys")


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


def answered_page(page: Page, answers: Sequence[Answer]) -> Figure:
    """Draw a picture beside what the network saw of it, and its ten outputs for each digit.

    Parameters
    ----------
    page : Page
    answers : sequence of Answer
        One for each digit.

    Returns
    -------
    figure : Figure
    """
    columns = 1 if len(page.digits) <= 4 else 3
    rows = -(-len(page.digits) // columns)
    size = (4 + 3.4 * columns, max(3, 1.9 * rows))
    figure = Figure(figsize=size, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(4, 3.4 * columns))
    axis = left.subplots()
    axis.set_axis_off()
    axis.imshow(page.picture)
    cells = right.subplots(rows, 2 * columns, squeeze=False)
    for cell in cells.ravel():
        cell.set_axis_off()
    for number, (digit, answer) in enumerate(zip(page.digits, answers, strict=True)):
        corner, width, height = (
            (digit.left, digit.top),
            digit.right - digit.left,
            digit.bottom - digit.top,
        )
        axis.add_patch(patches.Rectangle(corner, width, height, fill=False, color="tab:red"))
        axis.annotate(answer.name, corner, color="tab:red", va="bottom")
        row, column = divmod(number, columns)
        seen, bars = cells[row, 2 * column : 2 * column + 2]
        seen.imshow(digit.pixels.reshape(SIDE, SIDE), cmap="Greys")
        seen.set_title(str(answer), fontsize=10, loc="left")
        bars.set_axis_on()
        colours = ["tab:gray"] * len(answer.outputs)
        colours[answer.digit] = "tab:blue"
        bars.barh(range(len(answer.outputs)), answer.outputs, color=colours)
        bars.set_yticks(range(len(answer.outputs)), answer.names)
        bars.tick_params(labelsize=6)
        bars.set_xlim(0, 1)
        bars.invert_yaxis()
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG; `path` holds the old file or the new, never half of it.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=110)
