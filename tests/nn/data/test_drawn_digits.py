"""The digits that this kit draws itself."""

import numpy as np
import pytest
from scipy import ndimage

from nn.data.dataset import open_dataset
from nn.data.drawn_digits import DrawnDigits, draw_digits, iter_digits
from nn.data.sources import DATASET_FOLDER


@pytest.fixture(scope="module")
def drawn():
    return draw_digits(300, seed=4)


def test_shape_and_labels(drawn):
    """uint8 as the readers give it; every ten rows hold each digit once."""
    pixels, labels = drawn
    assert pixels.shape == (300, 784)
    assert pixels.dtype == labels.dtype == np.uint8
    assert all(sorted(ten) == list(range(10)) for ten in labels.reshape(-1, 10).tolist())
    assert any(list(ten) != list(range(10)) for ten in labels.reshape(-1, 10))


def test_the_first_digits_do_not_depend_on_how_many_follow(drawn):
    """Nor on the blocks they are drawn in."""
    fewer = draw_digits(37, seed=4)
    assert np.array_equal(fewer[0], drawn[0][:37])
    blocks = [pixels for pixels, _ in iter_digits(37, seed=4, block=5)]
    assert [len(block) for block in blocks] == [5] * 7 + [2]
    assert np.array_equal(np.concatenate(blocks), fewer[0])


def test_another_seed_draws_others(drawn):
    """No picture twice, within a seed or between two."""
    other = draw_digits(300, seed=5)[0]
    assert len(np.unique(np.concatenate([drawn[0], other]), axis=0)) == 600


def test_digits_are_framed_as_mnists_are(drawn):
    """Ink 20 pixels long at most and nearly, centre of mass in the middle, a fifth inked."""
    pixels = drawn[0].reshape(-1, 28, 28)
    for picture in pixels:
        rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        assert ndimage.center_of_mass(picture) == pytest.approx((13.5, 13.5), abs=0.51)
    assert np.count_nonzero(pixels) / pixels.size == pytest.approx(0.19, abs=0.02)
    assert pixels.max() == 255


@pytest.mark.parametrize(
    ("name", "rows", "seed"),
    [
        pytest.param("train.csv.gz", 10_000, 1, marks=pytest.mark.slow),
        *(("test.csv.gz", 1000, 2), ("train_100.csv", 100, 1), ("test_10.csv", 10, 2)),
    ],
)
def test_the_bundled_sample_is_what_the_script_draws(name, rows, seed):
    """`make sample` again; another C library may round one grey level in a thousand otherwise."""
    blocks = list(open_dataset(DATASET_FOLDER / f"sample_{name}").blocks())
    pixels, labels = (np.concatenate(part) for part in zip(*blocks, strict=True))
    expected_pixels, expected_labels = draw_digits(rows, seed)
    assert np.array_equal(labels, expected_labels)
    difference = np.abs(pixels.astype(int) - expected_pixels)
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= pixels.size / 1000


def test_as_a_dataset(drawn):
    """Read twice, the same digits; the length is known."""
    dataset = DrawnDigits(300, seed=4)
    for _ in range(2):
        assert np.array_equal(np.concatenate([block[0] for block in dataset.blocks()]), drawn[0])
    assert dataset.estimate_rows() == 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "expected n_samples of at least 1, got 0"),
        ((1, -1), "expected seed of at least 0, got -1"),
        ((1, 0, 0), "expected block of at least 1, got 0"),
    ],
)
def test_bad_arguments(arguments, message):
    """What was expected and what it got."""
    with pytest.raises(ValueError, match=message):
        iter_digits(*arguments)
