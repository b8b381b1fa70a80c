"""Rotations and distortions, against scipy's."""

import numpy as np
import pytest
from scipy import ndimage

from nn.augment import (
    affine_origins,
    distortions,
    rotation,
    rotations,
    smooth_noise,
    unchanged,
)


@pytest.mark.parametrize("degrees", [10, -10, 3.5, 45, 90, 180, 0])
def test_a_turn_is_scipys_bilinear_rotation(degrees):
    """Pixel by pixel, also where the edge turns into the picture."""
    pictures = np.random.default_rng(0).random((3, 784))
    expected = [
        ndimage.rotate(p.reshape(28, 28), degrees, reshape=False, order=1, cval=0.01).ravel()
        for p in pictures
    ]
    assert rotation(degrees)(pictures) == pytest.approx(np.array(expected), abs=1e-6)


def test_each_digit_comes_three_times():
    """As it is, turned one way, turned the other; in its own type."""
    inputs = np.random.default_rng(0).random((4, 784)).astype("float32")
    plain, left, right = rotations(10)(inputs)
    assert plain is inputs
    assert left.dtype == right.dtype == np.float32
    upright = rotation(-10)(left)
    middle = np.s_[:, 11 * 28 : 17 * 28]
    assert np.corrcoef(upright[middle].ravel(), inputs[middle].ravel())[0, 1] > 0.5
    assert not np.allclose(left, right)


def test_unchanged_is_the_digits_alone():
    """No augmentation."""
    inputs = np.ones((2, 784))
    assert [each is inputs for each in unchanged(inputs)] == [True]


def zero_noise(monkeypatch):
    """Leave only the affine part of distortions."""
    monkeypatch.setattr(
        "nn.augment.smooth_noise", lambda random, fields: np.zeros((2, fields, 784))
    )


def scipys_nearest(picture, rows, columns):
    return ndimage.map_coordinates(
        picture.reshape(28, 28), [rows, columns], order=0, mode="constant", cval=0.01
    )


def test_distortions_are_scipys_look_ups():
    """Each digit is fetched from its field's origins, as map_coordinates fetches it."""
    inputs = np.random.default_rng(0).random((70, 784)).astype("float32")
    (distorted,) = distortions(1.0, 1.5, seed=3)(inputs, (2, 64))
    random = np.random.default_rng((3, 2, 64))  # three fields, of each third digit
    rows, columns = affine_origins(*random.uniform(-1, 1, (6, 3, 1)))
    noise = random.standard_normal((2, 3, 28, 28), dtype="float32").astype(float)
    weights = ndimage.gaussian_filter1d(np.eye(28), 4, axis=0, mode="constant", truncate=8)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    shifts = 1.5 * np.einsum("ri,dfij,cj->dfrc", weights, noise, weights).reshape(2, 3, 784)
    for number, digit in enumerate(distorted):
        field = number % 3
        expected = scipys_nearest(
            inputs[number], rows[field] + shifts[0, field], columns[field] + shifts[1, field]
        )
        assert (digit == expected).mean() > 0.99  # an origin halfway between two may go either way


@pytest.mark.parametrize(
    ("shares", "matrix", "shift"),
    [
        ((1, 0, 0, 0, 0, 0), [[np.cos(np.pi / 22.5), np.sin(np.pi / 22.5)]], 0),
        ((0, 1, 0, 0, 0, 0), [[1.1, 0]], 0),
        ((0, 0, 0, 0, 1, 0), [[1, 0]], 1),
    ],
)
def test_affine_origins_are_a_matrix_and_a_shift(shares, matrix, shift):
    """By hand, for the rows: a turn by 8 degrees, a tenth taller, a pixel down."""
    rows, _ = affine_origins(*shares)
    places = np.indices((28, 28)).reshape(2, -1) - 13.5
    assert rows == pytest.approx((np.array(matrix) @ places)[0] + 13.5 + shift)


def test_slants_and_stretches_of_the_columns():
    """By hand: the top row moves by 1.35 pixels, then all are a tenth further from the middle."""
    _, columns = affine_origins(0, 0, 1, 1, 0, -1)
    assert columns[0] == pytest.approx((-13.5 - 1.35) * 1.1 + 13.5 - 1)
    assert columns[783] == pytest.approx((13.5 + 1.35) * 1.1 + 13.5 - 1)


def test_noise_is_as_strong_as_it_says_and_smooth():
    """A root mean square of 1 everywhere; neighbours alike, distant pixels not."""
    fields = smooth_noise(np.random.default_rng(5), 3000)[0].reshape(-1, 28, 28)
    assert (fields**2).mean(axis=0) == pytest.approx(np.ones((28, 28)), abs=0.12)
    alike = [np.corrcoef(fields[:, 14, 4], fields[:, 14, 4 + step])[0, 1] for step in (1, 4, 16)]
    assert alike == pytest.approx([np.exp(-((step / 8) ** 2)) for step in (1, 4, 16)], abs=0.05)


def test_without_strength_distortions_change_nothing():
    """Each origin is the pixel itself."""
    inputs = np.random.default_rng(0).random((40, 784)).astype("float32")
    (distorted,) = distortions(0, 0, seed=1)(inputs, (0, 0))
    assert np.array_equal(distorted, inputs)


def test_what_enters_from_outside_is_paper(monkeypatch):
    """A black picture that is shifted gets a blank edge, and nothing of its other side."""
    zero_noise(monkeypatch)
    (distorted,) = distortions(4.0, 0, seed=2)(np.ones((32, 784)))
    assert set(np.unique(distorted)) == {0.01, 1.0}


def test_distortions_depend_on_the_place_and_the_seed_alone():
    """The same place gives the same digits; another epoch, row or seed gives others."""
    inputs = np.random.default_rng(0).random((40, 784)).astype("float32")
    augment = distortions(1, 1, seed=1)
    (first,) = augment(inputs, (1, 256))
    list(augment(inputs, (0, 0)))
    assert np.array_equal(next(augment(inputs, (1, 256))), first)
    for other in (augment(inputs, (2, 256)), augment(inputs, (1, 512))):
        assert not np.array_equal(next(other), first)
    assert not np.array_equal(next(distortions(1, 1, seed=2)(inputs, (1, 256))), first)
