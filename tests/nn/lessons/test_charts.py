"""Charts and tables, asked for what was drawn where."""

import numpy as np
import pytest

from nn.lessons.charts import (
    accuracy_sweep,
    bar_chart,
    chords_and_tangent,
    confusion_matrix,
    function_and_slope,
    line_chart,
    markdown_table,
    stacked_bar_chart,
)


def axes_of(figure):
    """Draw a figure, as a notebook does, and return its axes."""
    assert figure._repr_png_().startswith(b"\x89PNG")
    return figure.axes


def test_bars_are_as_long_as_their_values():
    """The first on top; each with its figure."""
    (axis,) = axes_of(bar_chart({"half": 0.5, "many": 4000.4}, "things"))
    assert [bar.get_width() for bar in axis.patches] == [0.5, 4000.4]
    assert axis.yaxis_inverted()
    assert [text.get_text() for text in axis.texts] == ["0.5", "4,000"]
    assert axis.get_xlabel() == "things"


def test_stacked_bars_begin_where_the_part_before_ends():
    """Two bars of two parts."""
    bars = {"a": {"x": 1.0, "y": 2.0}, "b": {"x": 3.0, "y": 1.5}}
    (axis,) = axes_of(stacked_bar_chart(bars, "seconds"))
    places = [(bar.get_x(), bar.get_width()) for bar in axis.patches]
    assert places == [(0, 1), (0, 3), (1, 2), (3, 1.5)]
    assert [text.get_text() for text in axis.get_legend().texts] == ["x", "y"]
    assert [bar.get_hatch() for bar in axis.patches] == ["", "", "//", "//"]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_lines_go_through_their_points(scale):
    """Named in the legend, on the scale asked for; each with a marker of its own."""
    lines = {"up": [1, 2, 3], "down": [3, 2, 1]}
    (axis,) = axes_of(line_chart([1, 2, 4], lines, "x", "y", scale))
    assert [line.get_xydata().tolist() for line in axis.lines] == [
        [[1, 1], [2, 2], [4, 3]],
        [[1, 3], [2, 2], [4, 1]],
    ]
    assert [text.get_text() for text in axis.get_legend().texts] == ["up", "down"]
    assert (axis.get_xscale(), axis.get_yscale()) == (scale, scale)
    assert len({line.get_marker() for line in axis.lines}) == 2


def test_the_legend_hides_no_line():
    """Lines from corner to corner: it is drawn above them, and within the picture."""
    names = ["multiply", "equal", "proportional", "normalised", "gradient"]
    figure = line_chart([1, 2], {name: [0, 1] for name in names}, "x", "y")
    (axis,) = axes_of(figure)
    legend, picture = axis.get_legend().get_window_extent(), figure.bbox
    assert legend.y0 >= axis.get_window_extent().y1
    assert (legend.x0 >= 0, legend.x1 <= picture.width, legend.y1 <= picture.height) == (True,) * 3


@pytest.mark.parametrize("logarithmic", [False, True])
def test_an_accuracy_sweep_shows_per_cent_by_value(logarithmic):
    """Three points, given in disorder, are drawn in order."""
    figure = accuracy_sweep({1.0: 0.2, 0.01: 0.5, 0.1: 0.9}, "rate", logarithmic=logarithmic)
    (axis,) = axes_of(figure)
    assert axis.lines[0].get_xydata() == pytest.approx(np.array([[0.01, 50], [0.1, 90], [1, 20]]))
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0.01", "0.1", "1"]
    assert [text.get_text() for text in axis.texts] == ["50.0", "90.0", "20.0"]
    assert axis.get_xlabel() == "rate"


def test_a_confusion_matrix_is_dark_where_the_counts_are():
    """Every 1 read as 7, all others rightly: that square is dark, and so is the diagonal."""
    confusion = np.diag([50] * 10)
    confusion[1] = np.eye(10, dtype=int)[7] * 50
    (axis,) = axes_of(confusion_matrix(confusion))
    drawn = np.asarray(axis.images[0].cmap(axis.images[0].norm(axis.images[0].get_array())))
    dark = drawn[..., :3].mean(axis=2) < 0.5  # (10, 10)
    assert np.array_equal(dark, confusion > 0)
    assert [text.get_text() for text in axis.texts] == [str(count) for count in confusion.flat]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("the network's answer", "the digit's label")


def test_a_confusion_matrix_may_lack_a_digit():
    """No 9 among the test digits: its row is empty, without a warning."""
    axes_of(confusion_matrix(np.diag([3] * 9 + [0])))


def test_chords_end_on_the_curve_and_the_tangent_touches_it():
    """For the square at 1: chords from 0 to 2 and from 0.5 to 1.5, a tangent of slope 2."""
    (axis,) = axes_of(chords_and_tangent(lambda t: t**2, slope=2, at=1, steps=[1, 0.5]))
    _, long, short, tangent = (line.get_xydata() for line in axis.lines)
    assert long.tolist() == [[0, 0], [2, 4]]
    assert short.tolist() == [[0.5, 0.25], [1.5, 2.25]]
    assert tangent[:, 1] == pytest.approx(2 * tangent[:, 0] - 1)


def test_a_function_stands_above_its_slope():
    """The formula as a line, what was measured as dots."""
    x = np.linspace(0, 1, 5)
    upper, lower = axes_of(function_and_slope(x, x**2, 2 * x, 2 * x + 0.1))
    assert upper.lines[0].get_ydata() == pytest.approx(x**2)
    formula, measured = lower.lines
    assert formula.get_ydata() == pytest.approx(2 * x)
    assert measured.get_ydata() == pytest.approx(2 * x + 0.1)
    assert (measured.get_linestyle(), measured.get_marker()) == ("None", "o")


def test_a_table_has_a_line_for_each_row():
    """Header, rule, rows; numbers as they are."""
    lines = markdown_table(["a", "b", "c"], [["x", 1, 2.5], ["y", "1 %", ""]]).splitlines()
    assert lines == ["| a | b | c |", "|:--|--:|--:|", "| x | 1 | 2.5 |", "| y | 1 % |  |"]
