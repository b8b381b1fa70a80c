"""The 3-3-3 network, against plain Python and central differences."""

import math
from itertools import pairwise

import numpy as np
import pytest

from scripts.bench.notebook_runner import executed

INPUTS, TARGETS, RATE = [1.0, 0.5, 0.1], [0.99, 0.01, 0.01], 0.3


@pytest.fixture(scope="module")
def run(kit):
    """The notebook, executed; it needs no data."""
    with executed(kit, "02") as run:
        yield run


@pytest.fixture(scope="module")
def weights(run):
    """The first weights: input to hidden, hidden to output, as lists of rows."""
    return run.value("[weights_input_hidden, weights_hidden_output]")


def layer(weights, signals):
    """Send signals through one layer, node by node, in plain Python."""
    sums = [sum(w * s for w, s in zip(row, signals, strict=True)) for row in weights]
    return [1 / (1 + math.exp(-each)) for each in sums]


def cost(weights_hidden_output, hidden_outputs):
    """Half the squared error of the outputs, whose slope the update follows."""
    outputs = layer(weights_hidden_output, hidden_outputs)
    return sum((t - o) ** 2 for t, o in zip(TARGETS, outputs, strict=True)) / 2


def test_signals_are_those_of_plain_python(run, weights):
    """Layer by layer, and the notebook found the kit to agree."""
    hidden_outputs = layer(weights[0], INPUTS)
    assert run.value("first_sum") == pytest.approx(math.log(1 / (1 / hidden_outputs[0] - 1)))
    assert run.value("hidden_outputs") == pytest.approx(hidden_outputs)
    assert run.value("outputs") == pytest.approx(layer(weights[1], hidden_outputs))
    assert run.value("forward_difference") < 1e-15


def test_weight_updates_of_the_worked_example(run):
    """2.0 goes to about 2.005 with error 1.5, as published, and to 2.00265 with 0.8."""
    by_hand, by_kit = run.value("[list(updated_weights.values()), list(kit_weights.values())]")
    output = 1 / (1 + math.exp(-2.3))
    for found in (by_hand, by_kit):
        assert found == pytest.approx([2.005, 2.00265], abs=5e-5)
        assert found == pytest.approx(
            [2 + 0.1 * error * output * (1 - output) * 0.4 for error in (1.5, 0.8)]
        )
    assert "to 2.00497" in run.texts
    assert "to 2.00265" in run.texts


def test_output_weights_follow_the_slope(run, weights):
    """Each update is the rate times the slope, by a central difference."""
    hidden_outputs = layer(weights[0], INPUTS)
    for (k, j), new in np.ndenumerate(np.array(run.value("new_weights_hidden_output"))):
        shifted = []
        for shift in (1e-5, -1e-5):
            moved = np.array(weights[1])
            moved[k, j] += shift
            shifted.append(cost(moved.tolist(), hidden_outputs))
        slope = (shifted[0] - shifted[1]) / 2e-5
        assert new - weights[1][k][j] == pytest.approx(-RATE * slope, rel=1e-6)


def test_hidden_weights_are_updated_by_the_errors_that_came_back(run, weights):
    """The sum over links written out, weight by weight."""
    hidden_outputs = layer(weights[0], INPUTS)
    errors = [t - o for t, o in zip(TARGETS, layer(weights[1], hidden_outputs), strict=True)]
    for (j, i), new in np.ndenumerate(np.array(run.value("new_weights_input_hidden"))):
        error = sum(weights[1][k][j] * errors[k] for k in range(3))
        step = RATE * error * hidden_outputs[j] * (1 - hidden_outputs[j]) * INPUTS[i]
        assert new == pytest.approx(weights[0][j][i] + step)
    assert run.value("train_difference") < 1e-15


def test_training_brings_the_error_down(run):
    """It falls all the way, and the outputs end near their targets."""
    errors = run.value("squared_errors")
    assert all(after < before for before, after in pairwise(errors))
    assert errors[-1] < 0.001
    assert run.value("network.query(inputs)") == pytest.approx(TARGETS, abs=0.02)


def test_what_is_said_of_the_trained_weights(run):
    """Blue to the first output, orange to the others; and it says the same to anything."""
    assert (
        run.value("(network.weights_hidden_output > 0).tolist()")
        == [[True] * 3] + [[False] * 3] * 2
    )
    answers = run.value("network.query(np.random.default_rng(1).random((100, 3)))")
    assert np.argmax(answers, axis=1).tolist() == [0] * 100
    assert np.min(np.array(answers)[:, 0]) > 0.85


def test_pictures_are_drawn_in_little_memory(run):
    """The network before and after, and the sigmoid; under 150 MB."""
    assert run.pictures == 3
    assert run.peak_mb < 150
