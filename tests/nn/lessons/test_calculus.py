"""Slopes by differences, against derivatives that are known."""

import math
from fractions import Fraction

import numpy as np
import pytest

from nn.lessons.calculus import (
    angle,
    central_difference,
    measured_slopes,
    one_sided_difference,
    squared_error,
)
from nn.network import Network


def test_fractions_stay_exact():
    """The cube's central difference is 3t² + Δt², its one-sided one 3t² + 3tΔt + Δt²."""
    t, dt = Fraction(5, 3), Fraction(1, 7)
    assert central_difference(lambda x: x**3, t, dt) == 3 * t**2 + dt**2
    assert one_sided_difference(lambda x: x**3, t, dt) == 3 * t**2 + 3 * t * dt + dt**2


def test_arrays_are_taken_number_by_number():
    """The slope of the sine is the cosine."""
    x = np.linspace(0, 6, 9)
    assert central_difference(np.sin, x, 1e-5) == pytest.approx(np.cos(x), abs=1e-9)


def test_the_squared_error_is_half_the_sum():
    """Errors of 0.5 - 1 and 0.5 - 0 of a network without weights: (0.25 + 0.25) / 2."""
    network = Network(2, 2, 2, dtype="float64")
    network.weights_hidden_output[:] = 0
    assert squared_error(network, np.ones(2), np.array([1.0, 0.0])) == pytest.approx(0.25)


def test_measured_slopes_are_those_worked_out_on_paper():
    """One node a layer; and the network is left as it was."""
    network = Network(1, 1, 1, dtype="float64")
    network.weights_input_hidden[:], network.weights_hidden_output[:] = 0.4, -1.5
    hidden = 1 / (1 + math.exp(-0.4 * 0.5))
    output = 1 / (1 + math.exp(1.5 * hidden))
    delta = -(0.9 - output) * output * (1 - output)
    case = {"inputs": np.array([0.5]), "targets": np.array([0.9])}
    last = measured_slopes(network, network.weights_hidden_output, **case)
    first = measured_slopes(network, network.weights_input_hidden, **case)
    assert last == pytest.approx(delta * hidden, rel=1e-8)
    assert first == pytest.approx(delta * -1.5 * hidden * (1 - hidden) * 0.5, rel=1e-8)
    assert network.weights_input_hidden[0, 0] == 0.4
    assert network.weights_hidden_output[0, 0] == -1.5


@pytest.mark.parametrize(
    ("other", "degrees"), [([2, 0], 0), ([3, 3], 45), ([0, 1], 90), ([-1, 0], 180)]
)
def test_angles_between_arrows(other, degrees):
    """Against the x axis; length does not count."""
    assert angle(np.array([[1], [0]]), np.array([other])) == pytest.approx(degrees, abs=1e-5)
