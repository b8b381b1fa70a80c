"""Rotations, against scipy's."""

import numpy as np
import pytest
from scipy import ndimage

from nn.augment import rotation, rotations, unchanged


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
