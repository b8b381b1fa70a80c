"""What was learned, recounted from the kernel's weights; and each knob's effect."""

import numpy as np
import pytest

from nn.network import Network
from nn.presets import get_preset
from scripts.bench.notebook_runner import executed
from tests.notebooks.oracles import read_digits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed."""
    with executed(kit, "03", mnist_or_sample) as run:
        yield run


@pytest.fixture(scope="module")
def test_digits(kit, mnist_or_sample):
    """The test digits, and what the notebook's network, asked one layer at a time, says."""
    pixels, labels = read_digits(kit, mnist_or_sample, "test")
    return pixels, labels


@pytest.fixture(scope="module")
def answers(run, test_digits):
    """What the kernel's weights say to the test digits, by numpy in float64."""
    hidden, output = (
        np.array(run.value(f"network.{name}"))
        for name in ("weights_input_hidden", "weights_hidden_output")
    )
    signals = test_digits[0] / 255 * 0.99 + 0.01
    for weights in (hidden, output):
        signals = 1 / (1 + np.exp(-signals @ weights.T))
    return signals.argmax(axis=1)


def by_value(run, name):
    """A dict of the kernel's, with its keys as they were."""
    return dict(run.value(f"list({name}.items())"))


def test_accuracy_is_that_of_its_weights(run, test_digits, answers):
    """Counted again; rounding may turn a digit over."""
    right = (answers == test_digits[1]).mean()
    assert run.value("accuracy") == pytest.approx(right, abs=0.001)
    assert run.value("accuracy_before") < 0.25
    assert f"{100 * run.value('accuracy'):.2f} % of {len(answers):,} test digits" in run.texts


def test_accuracy_is_what_the_preset_promises(run, mnist_or_sample):
    """On MNIST within the range that it prints."""
    accuracy = run.value("accuracy")
    if mnist_or_sample:
        _, low, high = get_preset("pi-zero").accuracy
        assert low <= accuracy <= high
    else:
        assert 0.5 < accuracy < 0.75  # ten thousand digits, seen once, by ten nodes


def test_confusion_is_that_of_its_weights(run, test_digits, answers):
    """Square by square, but for what rounding may turn over; the worst pair is the largest."""
    expected = np.zeros((10, 10), int)
    np.add.at(expected, (test_digits[1], answers), 1)
    confusion = np.array(run.value("evaluation.confusion"))
    assert abs(confusion - expected).sum() <= 0.002 * len(answers)
    assert np.array_equal(confusion.sum(axis=1), np.bincount(test_digits[1], minlength=10))
    digit, answer = run.value("[worst_digit, worst_answer]")
    assert digit != answer
    assert confusion[digit, answer] == (confusion * (1 - np.eye(10, dtype=int))).max()


def test_misread_digits_are_misread(run, test_digits, answers):
    """The first twenty test digits whose answer is not their label, with both above them."""
    pixels, labels = test_digits
    wrong = np.flatnonzero(answers != labels)[:20]
    assert run.value("labels") == labels[wrong].tolist()
    assert run.value("answers") == answers[wrong].tolist()
    assert run.value("pixels") == pixels[wrong].tolist()


def test_the_learning_curve_goes_down(run):
    """Well below where it began, over all the digits."""
    seen, errors = run.value("[seen, mean_squared_errors]")
    assert len(seen) >= 30
    assert seen == sorted(seen)
    assert run.value("samples") * 0.95 <= seen[-1] <= run.value("samples")
    assert np.mean(errors[-5:]) < 0.6 * errors[0]


def test_one_setting_measured_four_ways(run):
    """Seed 1 of luck, rate 0.1, the first epoch and a hundred nodes are the same training."""
    accuracies = {
        by_value(run, name)[value]
        for name, value in [
            ("accuracies_by_seed", 1),
            ("accuracies_by_rate", 0.1),
            ("accuracies_by_epoch", 1),
            ("accuracies_by_nodes", 100),
        ]
    }
    assert len(accuracies) == 1


def test_that_setting_by_plain_numpy(run, kit, mnist_or_sample, test_digits):
    """The sums of 16 updates in float64, on as many digits as the text says."""
    pixels, labels = (part[:6000] for part in read_digits(kit, mnist_or_sample, "train"))
    inputs, targets = pixels / 255 * 0.99 + 0.01, np.where(np.eye(10)[labels], 0.99, 0.01)
    first = Network(hidden_nodes=100, seed=1)
    hidden_weights = first.weights_input_hidden.astype(float)
    output_weights = first.weights_hidden_output.astype(float)
    for start in range(0, len(labels), 16):
        x, t = inputs[start : start + 16], targets[start : start + 16]
        h = 1 / (1 + np.exp(-x @ hidden_weights.T))
        o = 1 / (1 + np.exp(-h @ output_weights.T))
        back = (t - o) @ output_weights
        output_weights += 0.1 * ((t - o) * o * (1 - o)).T @ h
        hidden_weights += 0.1 * (back * h * (1 - h)).T @ x
    test_pixels, test_labels = (part[:2000] for part in test_digits)
    hidden = 1 / (1 + np.exp(-(test_pixels / 255 * 0.99 + 0.01) @ hidden_weights.T))
    expected = ((hidden @ output_weights.T).argmax(axis=1) == test_labels).mean()
    assert by_value(run, "accuracies_by_rate")[0.1] == pytest.approx(expected, abs=0.011)


def test_what_is_said_of_the_learning_rate(run):
    """The best rate is neither the smallest nor the largest; the largest is as bad as guessing."""
    accuracies = by_value(run, "accuracies_by_rate")
    rates = sorted(accuracies)
    assert run.value("best_rate") in rates[1:-1]
    assert accuracies[rates[0]] < max(accuracies.values()) - 0.1
    assert accuracies[rates[-1]] < 0.25


def test_what_is_said_of_the_epochs(run):
    """Eight are better than one, and most is won in the first half."""
    accuracies = by_value(run, "accuracies_by_epoch")
    assert sorted(accuracies) == list(range(1, 9))
    assert accuracies[8] > accuracies[1] + 0.02
    assert accuracies[4] - accuracies[1] > accuracies[8] - accuracies[4]


def test_what_is_said_of_the_hidden_nodes(run):
    """Five are far too few; two hundred are no better than a hundred, but for luck."""
    accuracies = by_value(run, "accuracies_by_nodes")
    luck = run.value("luck")
    assert 0 < luck < 0.1
    assert accuracies[5] < accuracies[20] < accuracies[100]
    assert accuracies[200] - accuracies[100] < max(luck, 0.02)
    assert run.value("fewest_nodes") in (20, 50, 100)


def test_pictures_are_drawn_in_little_memory(run):
    """Curve, confusion, misread digits and three sweeps; under 150 MB."""
    assert run.pictures == 6
    assert run.peak_mb < 150
