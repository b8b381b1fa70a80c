"""Pictures, looked at by their pixels."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nn.network import Network
from nn.plots import (
    accuracy_sweep,
    confusion_matrix,
    digit_grid,
    learning_curve,
    network_diagram,
    save_figure,
)


def rendered(figure, path):
    """Save a figure and return its grey levels, 0 for black to 1 for white."""
    save_figure(figure, path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("L")) / 255


@pytest.mark.parametrize("titles", [None, ["a", "b", "c"]])
def test_a_grid_shows_each_picture(tmp_path, titles):
    """Three pictures, two in a row: each is half ink, and the fourth place is empty."""
    picture = np.repeat([0.2, 0.8], 392)  # light above, dark below
    grey = rendered(digit_grid(np.array([picture] * 3), titles, columns=2), tmp_path / "grid.png")
    height, width = grey.shape
    quarters = [
        grey[rows, columns]
        for rows in (slice(0, height // 2), slice(height // 2, height))
        for columns in (slice(0, width // 2), slice(width // 2, width))
    ]
    dark = [float((quarter < 0.1).mean()) for quarter in quarters]
    assert all(0.2 < share < 0.5 for share in dark[:3])
    assert dark[3] == 0


def test_a_learning_curve_goes_down_where_the_error_does(tmp_path):
    """The blue line is at the top left and at the bottom right."""
    figure = learning_curve([0, 500, 1000], [1.0, 0.5, 0.0], "title")
    save_figure(figure, tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as picture:
        red, _, blue = np.moveaxis(np.asarray(picture.convert("RGB")).astype(int), 2, 0)
    rows, columns = np.nonzero(blue - red > 80)
    assert np.corrcoef(rows, columns)[0, 1] > 0.99  # rows count downwards


def test_a_confusion_matrix_is_dark_where_the_counts_are(tmp_path):
    """Every 1 read as 7, all others rightly: that square is dark, and so is the diagonal."""
    confusion = np.diag([50] * 10)
    confusion[1] = np.eye(10, dtype=int)[7] * 50
    figure = confusion_matrix(confusion)
    (axis,) = figure.axes
    save_figure(figure, tmp_path / "confusion.png")
    drawn = np.asarray(axis.images[0].cmap(axis.images[0].norm(axis.images[0].get_array())))
    dark = drawn[..., :3].mean(axis=2) < 0.5  # (10, 10)
    assert np.array_equal(dark, confusion > 0)
    assert [text.get_text() for text in axis.texts] == [str(count) for count in confusion.flat]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("the network's answer", "the digit's label")


def test_a_confusion_matrix_may_lack_a_digit(tmp_path):
    """No 9 among the test digits: its row is empty, without a warning."""
    save_figure(confusion_matrix(np.diag([3] * 9 + [0])), tmp_path / "confusion.png")


@pytest.mark.parametrize("logarithmic", [False, True])
def test_an_accuracy_sweep_shows_per_cent_by_value(tmp_path, logarithmic):
    """Three points, given in disorder, are drawn in order."""
    figure = accuracy_sweep({1.0: 0.2, 0.01: 0.5, 0.1: 0.9}, "rate", logarithmic=logarithmic)
    save_figure(figure, tmp_path / "sweep.png")
    (axis,) = figure.axes
    assert axis.lines[0].get_xydata() == pytest.approx(np.array([[0.01, 50], [0.1, 90], [1, 20]]))
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0.01", "0.1", "1"]
    assert [text.get_text() for text in axis.texts] == ["50.0", "90.0", "20.0"]
    assert axis.get_xlabel() == "rate"


def test_a_network_diagram_shows_signals_and_weights(tmp_path):
    """Colour by sign, thickness by size, and each node's signal written in it."""
    network = Network(2, 1, 2, dtype="float64")
    network.weights_input_hidden[:] = [[1.0, -2.0]]
    network.weights_hidden_output[:] = [[0.5], [-0.25]]
    figure = network_diagram(network, np.array([1.0, 0.5]))
    save_figure(figure, tmp_path / "network.png")
    (axis,) = figure.axes
    first, second, third, fourth = axis.lines
    assert [line.get_color() for line in axis.lines] == ["tab:blue", "tab:orange"] * 2
    assert second.get_linewidth() == 2 * first.get_linewidth()
    assert third.get_linewidth() == 2 * fourth.get_linewidth()
    assert first.get_ydata()[0] > second.get_ydata()[0]  # the first node is at the top
    texts = [text.get_text() for text in axis.texts]
    # the hidden sum is 1 × 1 - 2 × 0.5 = 0; 1 / (1 + exp(-0.25)) = 0.562, and so on
    assert texts == ["1.00", "0.50", "inputs", "0.50", "hidden outputs", "0.56", "0.47", "outputs"]


def test_a_notebook_is_given_a_png_of_the_figures_size():
    """By the method that IPython asks for: 7 by 3.5 inches at 100 dots."""
    figure = learning_curve([0, 500], [1.0, 0.5], "title")
    with Image.open(io.BytesIO(figure._repr_png_())) as picture:
        assert (picture.format, picture.size) == ("PNG", (700, 350))


def test_pyplot_is_not_imported():
    """Neither to draw nor to show: a Pi waits long for it."""
    program = (
        "import sys, numpy, nn.plots\n"
        "nn.plots.digit_grid(numpy.eye(28).reshape(1, 784))._repr_png_()\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_failed_save_leaves_the_old_picture(tmp_path):
    """No folder, no change."""
    with pytest.raises(FileNotFoundError):
        save_figure(learning_curve([1], [1.0], ""), tmp_path / "none" / "curve.png")
