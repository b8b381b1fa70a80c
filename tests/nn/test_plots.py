"""Pictures, looked at by their pixels."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nn.plots import digit_grid, learning_curve, save_figure


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
