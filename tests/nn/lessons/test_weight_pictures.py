"""Weights and responses as pictures, looked at by their pixels and by what they hold."""

import numpy as np
import pytest
from PIL import Image

from nn.lessons.weight_pictures import response_map, weight_grid
from nn.plots import save_figure


def coloured(figure, path):
    """Save a figure and return its red, green and blue, 0 to 255."""
    save_figure(figure, path)
    with Image.open(path) as picture:
        return np.moveaxis(np.asarray(picture.convert("RGB")).astype(int), 2, 0)


def test_weights_are_purple_above_zero_and_orange_below(tmp_path):
    """A node excited by ink at its left, calmed by ink at its right."""
    weights = np.tile(np.repeat([0.5, -0.5], 14), 28)[None]
    red, _, blue = coloured(weight_grid(weights, ["node 7"], columns=1), tmp_path / "w.png")
    bar = red.shape[1] * 6 // 10  # the colour bar is to the right of it
    purple, orange = np.nonzero(blue - red > 20)[1], np.nonzero(red - blue > 80)[1]
    assert np.median(purple[purple < bar]) < np.median(orange[orange < bar])


def test_weights_of_nothing_are_white(tmp_path):
    """Zero is in the middle of the scale, whatever the largest weight is."""
    weights = np.zeros((2, 784))
    weights[1] = 3
    figure = weight_grid(weights, columns=2)
    save_figure(figure, tmp_path / "w.png")
    assert figure.axes[0].images[0].get_clim() == (-3, 3)


def test_a_response_map_has_a_square_for_each_node_and_digit():
    """Rows downwards in the order given; figures in the squares."""
    responses = np.linspace(0, 1, 20).reshape(2, 10)
    axis = response_map(responses, [41, 3]).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["node 41", "node 3"]
    shown = {text.get_position(): float(text.get_text()) for text in axis.texts}
    assert shown[(9, 1)] == 1
    assert shown[(9, 0)] == pytest.approx(responses[0, 9], abs=0.005)
    assert axis.get_ylim()[0] > axis.get_ylim()[1]
    assert axis.collections[0].get_array().ravel().tolist() == responses.ravel().tolist()
