"""The error rules, each against an example worked by hand."""

import numpy as np
import pytest

from nn.network import Network
from nn.rules import RULES, UnknownNameError, get_rule

# Two hidden nodes, two output nodes. Links into output 1: 3 and 1; into output 2: 2 and -4.
WEIGHTS = np.array([[3.0, 1.0], [2.0, -4.0]])
ERRORS = np.array([[0.8, 0.5]])
OUTPUTS = np.array([[0.2, 0.6]])

BY_HAND = {
    "multiply": [3 * 0.8 + 2 * 0.5, 1 * 0.8 - 4 * 0.5],  # 3.4, -1.2
    "equal": [(0.8 + 0.5) / 2, (0.8 + 0.5) / 2],  # 0.65 each
    "proportional": [3.4 / (3 + 2), -1.2 / (1 + 4)],  # 0.68, -0.24
    "normalised": [3.4 / 2, -1.2 / 2],  # two hidden nodes
    # o (1 - o) is 0.16 and 0.24, so that the deltas are 0.128 and 0.12
    "gradient": [3 * 0.128 + 2 * 0.12, 1 * 0.128 - 4 * 0.12],  # 0.624, -0.352
}


@pytest.mark.parametrize("name", RULES)
def test_rule_matches_the_example_worked_by_hand(name):
    """Each rule gives what pencil and paper gave."""
    assert RULES[name](ERRORS, WEIGHTS, OUTPUTS) == pytest.approx(np.array([BY_HAND[name]]))


@pytest.mark.parametrize("name", RULES)
def test_rule_takes_each_row_for_itself(name):
    """A batch gives the rows that each sample gives alone."""
    generator = np.random.default_rng(3)
    errors, outputs = generator.normal(size=(5, 2)), generator.random((5, 2))
    alone = [RULES[name](errors[i : i + 1], WEIGHTS, outputs[i : i + 1]) for i in range(5)]
    assert RULES[name](errors, WEIGHTS, outputs) == pytest.approx(np.concatenate(alone))


def numerical_slope(network, inputs, targets, weights, step=1e-6):
    """Slope of half the squared error by each weight, by central differences."""
    slope = np.zeros_like(weights)
    for index in np.ndindex(weights.shape):
        kept = weights[index]
        errors = []
        for moved in (kept + step, kept - step):
            weights[index] = moved
            errors.append(0.5 * np.sum((targets - network.query(inputs)) ** 2))
        weights[index] = kept
        slope[index] = (errors[0] - errors[1]) / (2 * step)
    return slope


def updates_and_slopes(rule):
    """Train once; return what was added to both matrices, and minus the slope times the rate."""
    generator = np.random.default_rng(11)
    network = Network(6, 5, 4, rule=rule, learning_rate=0.3, seed=2, dtype="float64")
    inputs, targets = generator.random((3, 6)), generator.random((3, 4))
    matrices = network.weights_input_hidden, network.weights_hidden_output
    expected = [-0.3 * numerical_slope(network, inputs, targets, matrix) for matrix in matrices]
    before = [matrix.copy() for matrix in matrices]
    network.train(inputs, targets)
    return [m - b for m, b in zip(matrices, before, strict=True)], expected


def test_gradient_is_the_slope_of_the_squared_error():
    """Both updates are those of gradient descent, held against central differences."""
    updates, expected = updates_and_slopes("gradient")
    for update, slope in zip(updates, expected, strict=True):
        assert update == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"gradient"}))
def test_the_heuristics_are_not_the_slope(rule):
    """The other rules agree with gradient descent in the last layer only."""
    updates, expected = updates_and_slopes(rule)
    assert updates[1] == pytest.approx(expected[1], rel=1e-6, abs=1e-9)
    assert updates[0] != pytest.approx(expected[0], rel=1e-2)


def test_unknown_rule_is_refused_by_name():
    """The message says what there is to choose from."""
    with pytest.raises(UnknownNameError, match=r"unknown error rule 'magic'.*multiply.*gradient"):
        get_rule("magic")
