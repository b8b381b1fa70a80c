"""The book's loop, by hand and with a clock."""

import numpy as np
import pytest
from scipy.special import expit

from nn.lessons import book_loop
from tests.conftest import csv_text


def test_the_books_loop_learns_by_hand():
    """One step on one sample, its updates written out element by element."""
    wih, who = np.array([[0.3, -0.2]]), np.array([[0.5], [-1.0]])
    inputs, targets = np.array([0.4, 0.9]), np.array([0.99, 0.01])
    hidden = expit(0.3 * 0.4 - 0.2 * 0.9)
    outputs = [expit(0.5 * hidden), expit(-1.0 * hidden)]
    errors = [0.99 - outputs[0], 0.01 - outputs[1]]
    back = 0.5 * errors[0] - 1.0 * errors[1]
    expected = [
        [
            0.3 + 0.1 * back * hidden * (1 - hidden) * 0.4,
            -0.2 + 0.1 * back * hidden * (1 - hidden) * 0.9,
        ]
    ]
    book_loop.learn(wih, who, inputs, targets)
    assert wih == pytest.approx(np.array(expected))
    steps = [0.1 * e * o * (1 - o) * hidden for e, o in zip(errors, outputs, strict=True)]
    assert who == pytest.approx(np.array([[0.5 + steps[0]], [-1.0 + steps[1]]]))


def test_the_books_loop_is_the_same_with_a_clock(digits):
    """A profile has four parts, and learns what the loop learns."""
    pixels, labels = digits
    lines = csv_text(pixels[:300], labels[:300]).decode().splitlines()
    seconds, (wih, who) = book_loop.profile(lines, 12, seed=1)
    assert list(seconds) == ["parsing", "forward", "error", "update"]
    assert min(seconds.values()) > 0
    expected = book_loop.train(lines, 12, seed=1)
    assert np.array_equal(wih, expected[0])
    assert np.array_equal(who, expected[1])
