"""Comparisons, against training and evaluating by hand."""

import numpy as np
import pytest

from nn.comparison import accuracy_after, hidden_errors_by_rule
from nn.data.dataset import ArrayDataset
from nn.evaluation import evaluate
from nn.network import Network
from nn.rules import RULES
from nn.training import train


def test_accuracy_is_that_of_training_so_many_epochs(digits):
    """After 1 and 3 epochs, each the same as a training of that length; rows are counted."""
    dataset, rows = ArrayDataset(*digits), []
    network = Network(hidden_nodes=8, seed=1)
    accuracies = accuracy_after(network, dataset, dataset, [1, 3], on_rows=rows.append)
    assert sum(rows) == 3 * 700
    for epochs, accuracy in zip((1, 3), accuracies, strict=True):
        alone = Network(hidden_nodes=8, seed=1)
        train(alone, dataset, epochs=epochs)
        assert evaluate(alone, dataset).accuracy == accuracy


def test_hidden_errors_are_sent_back_by_each_rule():
    """One digit through two hidden nodes, by hand; and nothing is learned."""
    network = Network(hidden_nodes=2, seed=1, dtype="float64")
    network.weights_hidden_output[:] = np.outer(np.arange(10), [0.1, -0.2])
    before = network.weights_hidden_output.copy()
    pixels = np.zeros((1, 784), "uint8")
    hidden = 1 / (1 + np.exp(-0.01 * network.weights_input_hidden.sum(axis=1)))
    outputs = 1 / (1 + np.exp(-before @ hidden))
    errors = np.where(np.arange(10) == 3, 0.99, 0.01) - outputs
    sent = hidden_errors_by_rule(network, pixels, np.array([3], "uint8"))
    assert list(sent) == list(RULES)
    assert sent["multiply"] == pytest.approx((before.T @ errors)[np.newaxis])
    assert sent["equal"] == pytest.approx(np.full((1, 2), errors.sum() / 2))
    assert np.array_equal(network.weights_hidden_output, before)
