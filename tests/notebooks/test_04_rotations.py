"""Notebook 04: digits turned as scipy turns them, and accuracies counted again from the weights."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import expit

from scripts.bench.notebook_runner import executed
from tests.notebooks.oracles import read_digits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed."""
    with executed(kit, "04", mnist_or_sample) as run:
        yield run


@pytest.fixture(scope="module")
def test_digits(kit, mnist_or_sample):
    """The first 2,000 test digits."""
    pixels, labels = read_digits(kit, mnist_or_sample, "test")
    return pixels[:2000], labels[:2000]


def turned(pixels, degrees):
    """Turn digits by scipy."""
    sheets = pixels.reshape(-1, 28, 28).astype(float)
    return ndimage.rotate(sheets, degrees, axes=(2, 1), reshape=False, order=1, cval=0)


def test_the_digits_are_turned_as_scipy_turns_them(run, test_digits):
    """Three digits at seven angles: anticlockwise, as numpy's quarter turn is."""
    angles = run.value("angles")
    assert angles == [-30, -20, -10, 0, 10, 20, 30]
    pictures = np.array(run.value("pictures")).reshape(3, 7, 28, 28)
    expected = [
        ndimage.rotate(sheet, angle, reshape=False, order=1, cval=0)
        for sheet in test_digits[0][:3].reshape(3, 28, 28).astype(float)
        for angle in angles
    ]
    assert pictures.reshape(21, 28, 28) == pytest.approx(np.array(expected), abs=0.51)
    quarter = ndimage.rotate(expected[0], 90, reshape=False, order=1)
    assert quarter == pytest.approx(np.rot90(expected[0]), abs=1e-6)


@pytest.mark.parametrize("network", ["upright", "longer", "rotated"])
def test_the_accuracies_are_those_of_the_weights(run, test_digits, network):
    """On digits upright and turned, by scipy and plain arithmetic; rounding may turn a few over."""
    name = dict(zip(["upright", "longer", "rotated"], run.value("names"), strict=True))[network]
    input_hidden = np.array(run.value(f"{network}.weights_input_hidden"))
    hidden_output = np.array(run.value(f"{network}.weights_hidden_output"))
    pixels, labels = test_digits
    for angle, accuracy in zip(run.value("angles"), run.value("by_angle")[name], strict=True):
        sheets = np.array([turned(row[None], angle)[0].ravel() for row in pixels])
        signals = expit((sheets / 255 * 0.99 + 0.01) @ input_hidden.T)
        answers = expit(signals @ hidden_output.T).argmax(axis=1)
        assert accuracy == pytest.approx((answers == labels).mean(), abs=0.006)
    assert run.value("accuracies")[name] == run.value("by_angle")[name][3]


def test_the_comparison_is_of_equal_training(run):
    """The third network has seen as many pictures as the second, thrice those of the first."""
    rows, epochs = run.value("rows"), run.value("epochs")
    assert 8_000 <= rows * epochs <= 10_000
    gains = np.subtract(*(run.value("by_angle")[run.value("names")[which]] for which in (2, 1)))
    assert run.value("gains_by_angle") == pytest.approx(gains.tolist())
    assert f"{100 * run.value('gain_over_longer'):+.1f} points" in run.texts


def test_turning_helps_where_digits_are_turned(run, mnist_or_sample):
    """At 30 degrees to either side, by more than chance explains."""
    gains = run.value("gains_by_angle")
    assert min(gains[0], gains[-1]) > (0.04 if mnist_or_sample else 0.025)
    assert abs(run.value("gain_over_longer")) < 0.1


def test_the_standard_error_is_that_of_a_share(run, test_digits):
    """By drawing the test a thousand times from a world with this share."""
    share, samples = run.value("share"), len(test_digits[1])
    drawn = np.random.default_rng(1).binomial(samples, share, 1000) / samples
    assert run.value("standard_error") == pytest.approx(drawn.std(), rel=0.1)


def test_distorted_digits_are_other_digits_of_the_same_kind(run):
    """Seven epochs show seven pictures of each digit; they are alike, but never the same."""
    pictures = np.array(run.value("pictures_seen")).reshape(3, 7, 784)
    for seen in pictures:
        assert len(np.unique(seen, axis=0)) == 7
        assert np.corrcoef(seen)[0].min() > 0.2


@pytest.mark.parametrize("number", [0, 1])
def test_the_gain_from_distortions_is_counted_from_the_weights(run, test_digits, number):
    """By plain arithmetic, against the network that trained as long."""
    name = list(run.value("gains"))[number]
    weights = [
        np.array(run.value(f"list(distorted.values())[{number}].{matrix}"))
        for matrix in ("weights_input_hidden", "weights_hidden_output")
    ]
    pixels, labels = test_digits
    signals = expit((pixels / 255 * 0.99 + 0.01) @ weights[0].T)
    accuracy = (expit(signals @ weights[1].T).argmax(axis=1) == labels).mean()
    accuracies = run.value("accuracies")
    assert accuracies[name] == pytest.approx(accuracy, abs=0.002)
    gain = accuracies[name] - accuracies[run.value("names")[1]]
    assert run.value("gains")[name] == pytest.approx(gain)


def test_three_pictures_and_little_memory(run):
    """The turned digits, the curves and the distorted digits."""
    assert run.pictures == 3
    assert run.peak_mb < 150
