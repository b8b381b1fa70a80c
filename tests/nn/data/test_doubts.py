"""Digits that cannot be right, or may not be: seen in the first rows of a file."""

from pathlib import Path

import numpy as np
import pytest

from nn.data.dataset import check_plausible, open_dataset
from nn.data.doubts import doubts, labels_are_last
from nn.data.drawn_digits import DrawnDigits
from nn.data.labels import Labels, numbered
from nn.data.streams import DatasetError
from tests.conftest import csv_text, write_idx


@pytest.fixture(scope="module")
def drawn():
    """Sixty digits that the kit drew: pixels and labels."""
    return next(DrawnDigits(60, seed=4).blocks())


def turned(pixels, way):
    """Turn or mirror each digit."""
    return way(pixels.reshape(-1, 28, 28)).reshape(-1, 784)


def transpose(pictures):
    return pictures.transpose(0, 2, 1)


def one_doubt(pixels, labels, *known):
    (doubt,) = doubts(pixels, labels, *known)
    return doubt


@pytest.mark.parametrize("count", [1, 5, 10, 60])
def test_nothing_is_wrong_with_digits(drawn, count):
    """However few."""
    pixels, labels = drawn
    assert doubts(pixels[:count], labels[:count]) == []
    assert doubts(pixels[:count], None) == []
    assert doubts(pixels[:0], labels[:0]) == []


def test_labels_in_the_last_column(drawn):
    """What a reader takes for labels is always 0, and the last pixel holds labels."""
    pixels, labels = drawn
    rows = np.column_stack([pixels, labels])
    doubt = one_doubt(rows[:, 1:], rows[:, 0])
    assert doubt.certain
    assert "column 1 is always 0 and column 785 holds 0 to 9" in doubt.seen
    assert doubt.flags == ""


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ([0, 0, 0], [5, 0, 4], True),
        ([0], [5], True),
        ([0], [0], False),
        ([0, 0], [7, 7], False),  # as an inked corner would be
        ([0, 1], [5, 4], False),
        ([0, 0], [5, 255], False),
        ([0, 0], [0.5, 1.0], False),
    ],
)
def test_which_column_has_the_labels(first, last, expected):
    """Only where the first is blank and the last could be labels."""
    assert labels_are_last(np.array(first), np.array(last)) == expected


def test_one_label_alone_may_be_right(drawn):
    """As in a file that is sorted: it is said, not refused."""
    doubt = one_doubt(drawn[0], np.full(60, 3))
    assert not doubt.certain
    assert doubt.seen == "the first 60 digits all have the label 3"
    assert "Shuffle" in doubt.advice
    order = np.argsort(drawn[1])
    doubt = one_doubt(drawn[0][order], drawn[1][order])
    assert doubt.seen == "the first 60 digits are sorted by label, from 0 to 9"
    assert "Shuffle" in doubt.advice
    assert "label C" in one_doubt(drawn[0], np.full(60, 2), Labels(("A", "B", "C"))).seen


def test_pixels_of_no_and_one(drawn):
    """Nothing is above 1, so that a network sees next to nothing."""
    pixels, labels = drawn
    doubt = one_doubt((pixels > 127).astype(np.uint8), labels)
    assert doubt.certain
    assert "no pixel above 1: expected 0 (paper) to 255 (ink)" in doubt.seen
    assert not one_doubt(pixels // 8, labels).certain
    assert "no pixel above 31" in one_doubt(pixels // 8, labels).seen


def test_blank_digits(drawn):
    """May be right, if there are more behind them."""
    assert one_doubt(np.zeros_like(drawn[0]), drawn[1]).seen == "the first 60 digits are blank"


def test_light_on_dark(drawn):
    """Inverted pixels are refused, with the flag that mends them."""
    doubt = one_doubt(255 - drawn[0], drawn[1])
    assert doubt.certain
    assert doubt.flags == "--invert"
    assert "light on a dark ground" in doubt.seen


def test_ink_at_the_border(drawn):
    """Digits that fill their picture."""
    pixels = drawn[0].copy().reshape(-1, 28, 28)
    pixels[:40, :, 0] = 255
    doubt = one_doubt(pixels.reshape(-1, 784), drawn[1])
    assert "ink at the border" in doubt.seen
    assert not doubt.certain


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [30, 128])
def test_transposed_digits(seed, count):
    """As EMNIST's files have them: the strokes make sense only with rows as columns."""
    pixels, labels = next(DrawnDigits(count, seed=seed).blocks())
    doubt = one_doubt(turned(pixels, transpose), labels)
    assert "look transposed" in doubt.seen
    assert (doubt.certain, doubt.flags) == (False, "--transpose")
    assert doubts(pixels, labels) == []


@pytest.mark.parametrize(
    "way",
    [lambda p: p[:, :, ::-1], lambda p: np.rot90(p, 1, (1, 2)), lambda p: np.rot90(p, 3, (1, 2))],
)
def test_turned_or_mirrored_digits(way):
    """No flag mends them: the user is told to look."""
    pixels, labels = next(DrawnDigits(128, seed=1).blocks())
    doubt = one_doubt(turned(pixels, way), labels)
    assert "turned or mirrored" in doubt.seen
    assert doubt.flags is None
    assert "data info 'my digits.csv' --picture" in doubt.told_of(Path("my digits.csv"))


def test_other_labels_say_nothing_of_how_digits_look(drawn):
    """Letters, or labels that do not fit the digits."""
    pixels, labels = drawn
    sideways = turned(pixels, transpose)
    letters = Labels(tuple("ABCDEFGHIJ"))
    assert doubts(pixels, labels, letters) == []
    assert doubts(sideways, np.random.default_rng(1).integers(0, 10, 60)) == []
    assert len(doubts(sideways, labels, numbered(0, 46))) == 1  # EMNIST's balanced set


def test_letters_on_their_sides_are_wider_than_high(drawn):
    """What is no digit is known by its height alone."""
    pixels, labels = drawn
    for letters in (Labels(tuple("ABCDEFGHIJ")), numbered(1, 26), numbered(0, 25)):
        assert doubts(pixels, labels, letters) == []
        assert one_doubt(turned(pixels, transpose), labels, letters).flags == "--transpose"


def test_real_digits_look_right(mnist):
    """None of MNIST's rows is doubted, and each transposed block is."""
    pixels, labels = mnist[1].pixels, mnist[1].labels
    for first in range(0, 10_000, 128):
        block = slice(first, first + 128)
        assert doubts(pixels[block], labels[block]) == []
        assert one_doubt(turned(pixels[block], transpose), labels[block]).flags == "--transpose"


@pytest.mark.parametrize("form", ["csv", "idx"])
def test_a_file_is_refused_or_said_to_be_doubted(tmp_path, drawn, form):
    """The message names the file and the command."""
    pixels, labels = drawn

    def opened(pixels):
        if form == "idx":
            return open_dataset(write_idx(tmp_path, pixels, labels))
        (tmp_path / "train-images.csv").write_bytes(csv_text(pixels, labels))
        return open_dataset(tmp_path / "train-images.csv")

    with pytest.raises(DatasetError, match=r"train-images.*: the first 60 .*data convert .*invert"):
        check_plausible(opened(255 - pixels), print)
    said = []
    check_plausible(opened(turned(pixels, transpose)), said.append)
    assert len(said) == 1
    assert said[0].startswith(f"Warning: {tmp_path}/train-images")
    assert said[0].endswith("--transpose")
    said.clear()
    check_plausible(opened(pixels), said.append)
    assert said == []
