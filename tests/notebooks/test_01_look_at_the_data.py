"""A row of numbers and all of them, against what the csv module and MNIST's own files say."""

import numpy as np
import pytest

from scripts.bench.notebook_runner import executed
from tests.notebooks.oracles import read_digits


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed."""
    with executed(kit, "01", mnist_or_sample) as run:
        yield run


@pytest.fixture(scope="module")
def first_digit(kit):
    """The sample's first digit: pixels (784,) and label."""
    pixels, labels = read_digits(kit, None, "train")
    return pixels[0], int(labels[0])


@pytest.fixture(scope="module")
def digits(kit, mnist_or_sample):
    """All training digits: pixels (n, 784) and labels (n,)."""
    return read_digits(kit, mnist_or_sample, "train")


def test_the_row_is_split_into_label_and_pixels(run, first_digit):
    """Plain Python finds what the csv module finds."""
    pixels, label = first_digit
    assert run.value("values") == [label, *pixels]
    assert run.value("label") == label
    assert run.value("pixels") == [pixels.tolist()]


def test_the_digit_is_drawn_in_characters(run, first_digit):
    """28 lines of 28, blank where there is paper and # where the ink is blackest."""
    pixels, _ = first_digit
    (cell,) = [cell for cell in run.notebook.cells if cell.id == "draw-with-characters"]
    drawn = np.array([list(line) for line in cell.outputs[0].text.splitlines()])
    assert drawn.shape == (28, 28)
    assert np.array_equal(drawn == "#", pixels.reshape(28, 28) >= 208)
    assert np.array_equal(drawn == " ", pixels.reshape(28, 28) < 52)


def test_inputs_and_targets(run, first_digit):
    """The formula of the text, in float64; one target high."""
    pixels, label = first_digit
    inputs = np.array(run.value("inputs"))
    assert inputs == pytest.approx(pixels[np.newaxis] / 255 * 0.99 + 0.01, abs=1e-6)
    assert run.value("targets")[0] == pytest.approx(
        [0.99 if digit == label else 0.01 for digit in range(10)]
    )


def test_labels_and_ink_are_counted(run, digits):
    """Against numpy on the whole file at once."""
    pixels, labels = digits
    assert run.value("label_counts") == [int((labels == digit).sum()) for digit in range(10)]
    assert run.value("ink_share") == pytest.approx((pixels > 0).mean())
    assert run.value("round(ink_share, 2)") == 0.19  # of MNIST and of the sample alike


def test_average_pictures(run, digits):
    """The mean of all pictures of a digit."""
    pixels, labels = digits
    for digit in (0, 9):
        average = run.value(f"average_pictures[{digit}]")
        assert average == pytest.approx(pixels[labels == digit].mean(axis=0))


def test_pictures_are_drawn_in_little_memory(run):
    """One digit, twenty, ten averages; under 150 MB."""
    assert run.pictures == 3
    assert run.peak_mb < 150
