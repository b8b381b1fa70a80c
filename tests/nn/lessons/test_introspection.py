"""What is inside a network, worked out again row by row."""

import numpy as np
import pytest

from nn.data.dataset import ArrayDataset
from nn.lessons.introspection import influence, mean_digits, mean_hidden_outputs, without_nodes
from nn.network import Network, scale_pixels


@pytest.fixture
def dataset(digits):
    """700 random digits, in blocks."""
    return ArrayDataset(*digits)


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
