"""Notebook 07: the error rules, against pencil and paper, and against another implementation."""

import math

import numpy as np
import pytest

from nn.data.dataset import open_dataset
from nn.data.sources import find_source
from scripts.bench.notebook_runner import executed

pytestmark = pytest.mark.slow

# The small network's weights out of each hidden node, and its outputs s(0) and s(2).
LINKS = [(2, 1), (1, 4), (-3, -1)]
ERRORS = (0.4, -0.2)
SLOPES = (0.25, 1 / (2 + 2 * math.cosh(2)))
DELTAS = [error * slope for error, slope in zip(ERRORS, SLOPES, strict=True)]
BY_HAND = {
    "multiply": [0.6, -0.4, -1.0],
    "equal": [0.2 / 3] * 3,
    "proportional": [0.6 / 3, -0.4 / 5, -1.0 / 4],
    "normalised": [0.2, -0.4 / 3, -1.0 / 3],
    "gradient": [one * DELTAS[0] + two * DELTAS[1] for one, two in LINKS],
}


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed on the sample, and on MNIST where it is."""
    with executed(kit, "07", mnist_or_sample) as run:
        yield run


def learned(source, epochs, rows, hidden_nodes=30, rate=0.1):
    """Learn by the book's rule in plain numpy, float64, and return the share read correctly."""

    def read(path, limit):
        blocks = list(open_dataset(path).blocks())
        pixels, labels = (np.concatenate(each)[:limit] for each in zip(*blocks, strict=True))
        return pixels / 255 * 0.99 + 0.01, labels

    def squash(x):
        return 1 / (1 + np.exp(-x))

    generator = np.random.default_rng(1)
    first = generator.normal(0, 784**-0.5, (hidden_nodes, 784)).T
    last = generator.normal(0, hidden_nodes**-0.5, (10, hidden_nodes)).T
    inputs, labels = read(source.train, rows)
    targets = np.where(np.arange(10) == labels[:, None], 0.99, 0.01)
    for _ in range(epochs):
        for start in range(0, len(labels), 16):
            x, t = inputs[start : start + 16], targets[start : start + 16]
            h = squash(x @ first)
            o = squash(h @ last)
            back = (t - o) @ last.T
            last += rate * h.T @ ((t - o) * o * (1 - o))
            first += rate * x.T @ (back * h * (1 - h))
    inputs, labels = read(source.test, 2000)
    return float((squash(squash(inputs @ first) @ last).argmax(axis=1) == labels).mean())


@pytest.mark.parametrize("rule", BY_HAND)
def test_hidden_errors_are_those_worked_out_on_paper(run, rule):
    """Three hidden nodes, five rules."""
    assert run.value(f"hidden_errors[{rule!r}]") == pytest.approx(BY_HAND[rule])


def test_the_measured_slope_is_the_analytic_one(run):
    """Each hidden node's error by the gradient, times 0.25, times its two inputs 1 and 0.5."""
    expected = [[0.25 * error, 0.125 * error] for error in BY_HAND["gradient"]]
    assert np.array(run.value("downhill")) == pytest.approx(np.array(expected), abs=1e-9)


def test_only_the_gradient_matches_the_measured_slope(run):
    """And the others miss it by far more than rounding."""
    misses = run.value("largest_miss")
    assert misses.pop("gradient") < 1e-9
    assert min(misses.values()) > 0.01
    assert run.value("angles['gradient']") < 1e-3
    assert run.value("angles['equal']") > 90


def test_normalised_is_multiply_at_a_smaller_rate(run):
    """The same direction; and the sizes that the text speaks of."""
    assert run.value("same_direction")
    sizes = run.value("sizes")
    assert sizes["normalised"] == pytest.approx(1 / 30, rel=1e-4)
    assert sizes["gradient"] <= 0.25


def test_the_race_has_the_authors_order(run):
    """Equal stays near guessing; multiply, proportional and gradient learn; normalised is slow."""
    accuracies = run.value("accuracies")
    assert list(accuracies) == list(BY_HAND)
    assert max(accuracies["equal"]) < 0.2
    for rule in ("multiply", "proportional", "gradient"):
        assert accuracies[rule][2] > max(0.7, accuracies["equal"][2])
        assert accuracies["normalised"][0] < accuracies[rule][0]
    assert accuracies["normalised"][0] < accuracies["normalised"][2]


def test_the_race_against_another_implementation(run, mnist_or_sample):
    """The book's rule in plain numpy, after one epoch and after five: within two points."""
    source = find_source(environ={"MNIST_DIR": str(mnist_or_sample or "")}, offline=True)
    for epochs, accuracy in zip((1, 5), run.value("accuracies['multiply'][::2]"), strict=True):
        assert accuracy == pytest.approx(learned(source, epochs, 5000), abs=0.02)


def test_a_rate_of_ones_own_brings_the_rules_together(run):
    """The four that follow the weights lie closer than after one epoch of the race."""
    rules = ["multiply", "proportional", "normalised", "gradient"]
    first = [run.value(f"accuracies[{rule!r}][0]") for rule in rules]
    best = [run.value(f"best[{rule!r}][0]") for rule in rules]
    assert max(best) - min(best) < max(first) - min(first)


def test_the_books_rule_goes_downhill_on_digits(run):
    """Nearly the slope's direction at first; less so later, but below 90 degrees."""
    assert run.value("angle_before") < 10
    assert run.value("angle_before") < run.value("angle_after") < 90


def test_pictures_and_memory(run):
    """Two pictures, within a Pi's memory."""
    assert run.pictures == 2
    assert run.peak_mb < 150
