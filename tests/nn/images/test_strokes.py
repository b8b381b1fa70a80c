"""Strokes are widened by SciPy's distances, without SciPy."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from nn.images import DRAWING_SIDE, read_drawing
from nn.images.strokes import distances, resized, widened


@pytest.mark.parametrize("shape", [(1, 1), (40, 7), (7, 40), (112, 112)])
@pytest.mark.parametrize("most", [1, 6, 50])
def test_distances_are_scipys(shape, most):
    """Up to the limit; what is farther away is beyond it."""
    mask = np.random.default_rng(most).random(shape) < 0.02
    mask[-1, 0] = True
    expected = ndimage.distance_transform_edt(~mask)
    near = expected <= most
    found = distances(mask, most)
    np.testing.assert_array_equal(found[near], expected[near])
    assert np.all(found[~near] > most)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_thin_stroke_gets_the_width_of_mnists(width):
    """Of a box of 20 pixels, about 2.4."""
    ink = np.zeros((200, 60))
    ink[20:180, 30 : 30 + width] = 1
    assert np.count_nonzero(widened(ink)[80]) == pytest.approx(2.4 * 160 / 20, abs=2.5)


def test_a_wide_stroke_is_only_cropped():
    """No pixel of it changes."""
    ink = np.zeros((200, 100))
    ink[20:180, 30:60] = 0.7
    np.testing.assert_array_equal(widened(ink), np.full((160, 30), 0.7, np.float32))


@pytest.mark.parametrize("level", [1, 60, 127])
def test_a_faint_drawing_is_read_as_a_dark_one(level):
    """The strongest ink is full ink."""
    ink = np.zeros((DRAWING_SIDE, DRAWING_SIDE), np.uint8)
    ink[20:90, 50:53] = level
    dark = np.where(ink, 255, 0).astype(np.uint8)
    np.testing.assert_array_equal(read_drawing(ink.tobytes()), read_drawing(dark.tobytes()))


@pytest.mark.parametrize("shape", [(1, 1), (112, 40), (86, 62), (378, 378), (9, 17), (343, 25)])
def test_means_of_boxes_are_pillows(shape):
    """Of larger and smaller pictures, also where the border of a box cuts pixels in half."""
    ink = np.random.default_rng(sum(shape)).random(shape).astype(np.float32)
    factor = 20 / max(shape)
    height, width = (max(1, round(side * factor)) for side in shape)
    expected = Image.fromarray(ink).resize((width, height), Image.Resampling.BOX)
    np.testing.assert_allclose(resized(ink, height, width), np.asarray(expected), rtol=1e-5)


def test_a_drawing_needs_no_scipy_and_no_pillow():
    """Their imports would take most of the time in which a Pi's page wakes up."""
    ink = np.zeros((DRAWING_SIDE, DRAWING_SIDE), np.uint8)
    ink[20:90, 50:52] = 255
    code = (
        "import sys; from nn.images import read_drawing; "
        "pixels = read_drawing(sys.stdin.buffer.read()); "
        "print(pixels.tobytes().hex(), {'scipy', 'PIL'} & {*sys.modules})"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, input=ink.tobytes(), capture_output=True, check=True)
    assert done.stdout.decode().split() == [read_drawing(ink.tobytes()).tobytes().hex(), "set()"]
