"""What is inside a network, worked out again row by row; and its pictures."""

import numpy as np
import pytest
from PIL import Image

from nn.data.dataset import ArrayDataset
from nn.lessons.introspection import (
    influence,
    mean_digits,
    mean_hidden_outputs,
    network_diagram,
    response_map,
    weight_grid,
    without_nodes,
)
from nn.network import Network
from nn.plots import save_figure
from nn.signals import scale_pixels


@pytest.fixture
def dataset(digits):
    """700 random digits, in blocks."""
    return ArrayDataset(*digits)


def coloured(figure, path):
    """Save a figure and return its red, green and blue, 0 to 255."""
    save_figure(figure, path)
    with Image.open(path) as picture:
        return np.moveaxis(np.asarray(picture.convert("RGB")).astype(int), 2, 0)


def test_the_average_digit_is_the_mean_over_its_pictures(dataset):
    """For each label; across blocks."""
    expected = [dataset.pixels[dataset.labels == digit].mean(axis=0) for digit in range(10)]
    assert mean_digits(dataset) == pytest.approx(np.array(expected))


def test_a_digit_that_is_not_there_has_an_empty_average(dataset):
    """No division by zero."""
    dataset.labels[dataset.labels == 3] = 4
    assert not mean_digits(dataset)[3].any()


def test_mean_hidden_outputs_are_those_of_forward(dataset):
    """One row at a time, averaged."""
    network = Network(hidden_nodes=5, seed=1)
    rows = [network.forward(scale_pixels(row))[0] for row in dataset.pixels]
    for digit in range(10):
        wanted = np.mean(np.array(rows)[dataset.labels == digit], axis=0)
        assert mean_hidden_outputs(network, dataset)[:, digit] == pytest.approx(wanted, abs=1e-5)


def test_influence_is_the_sum_of_sizes():
    """By hand."""
    network = Network(3, 2, 2)
    network.weights_hidden_output[:] = [[1, -2], [-3, 0.5]]
    assert influence(network).tolist() == [4, 2.5]


def test_a_cut_node_has_no_say_and_the_original_keeps_it():
    """The copy answers as if the node put out 0; nothing else is changed."""
    network = Network(4, 3, 2, seed=1)
    inputs = np.array([0.1, 0.9, 0.5, 0.01], dtype="float32")
    before = network.query(inputs)
    hidden_outputs, _ = network.forward(inputs)
    hidden_outputs[1] = 0
    expected = 1 / (1 + np.exp(-network.weights_hidden_output @ hidden_outputs))
    assert without_nodes(network, np.array([1])).query(inputs) == pytest.approx(expected, abs=1e-6)
    assert network.query(inputs).tolist() == before.tolist()


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


def test_a_network_diagram_shows_signals_and_weights():
    """Colour by sign, thickness by size, and each node's signal written in it."""
    network = Network(2, 1, 2, dtype="float64")
    network.weights_input_hidden[:] = [[1.0, -2.0]]
    network.weights_hidden_output[:] = [[0.5], [-0.25]]
    figure = network_diagram(network, np.array([1.0, 0.5]))
    assert figure._repr_png_()
    (axis,) = figure.axes
    first, second, third, fourth = axis.lines
    assert [line.get_color() for line in axis.lines] == ["tab:blue", "tab:orange"] * 2
    assert second.get_linewidth() == 2 * first.get_linewidth()
    assert third.get_linewidth() == 2 * fourth.get_linewidth()
    assert first.get_ydata()[0] > second.get_ydata()[0]  # the first node is at the top
    texts = [text.get_text() for text in axis.texts]
    # the hidden sum is 1 × 1 - 2 × 0.5 = 0; 1 / (1 + exp(-0.25)) = 0.562, and so on
    assert texts == ["1.00", "0.50", "inputs", "0.50", "hidden outputs", "0.56", "0.47", "outputs"]
