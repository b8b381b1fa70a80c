"""The learning curve, against sums written out."""

import numpy as np
import pytest

from nn.learning_curve import LearningCurve


def test_the_learning_curve_averages_stretches():
    """Two stretches of 20 digits, the second half as wrong."""
    curve = LearningCurve(stretch=20)
    for error in (1.0, 1.0, 0.5, 0.5, 0.1):
        curve(np.full((10, 3), error))
    assert curve.points() == ([20, 40], [pytest.approx(1.0), pytest.approx(0.25)])


@pytest.mark.parametrize("lengths", [[1000], [7] * 142 + [6], [256, 256, 256, 232]])
def test_stretches_do_not_depend_on_how_the_errors_come(lengths):
    """Blocks of any length give the same points; a curve that goes on from a state, too."""
    errors = np.random.default_rng(0).random((1000, 10))
    curve = LearningCurve(stretch=300)
    for block in np.split(errors, np.cumsum(lengths)[:-1]):
        other = LearningCurve(stretch=300)
        other.restore(curve.state())
        curve = other
        curve(block)
    expected = [(errors[first : first + 300] ** 2).mean() for first in (0, 300, 600)]
    seen, points = curve.points()
    assert seen == [300, 600, 900]
    assert points == pytest.approx(expected)
