"""The drawing pad's half in Python; its browser's half is tested in a browser."""

import numpy as np
import pytest
import traitlets
from PIL import Image, ImageDraw

from nn.images import read_digit
from nn.lessons.drawing_pad import DrawingPad

SIDE = 112


def draw_seven() -> Image.Image:
    """Draw a 7, white on black, of the size the browser sends."""
    picture = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(picture).line([(20, 10), (60, 10), (35, 70)], fill=255, width=10, joint="curve")
    return picture


def test_a_drawing_is_seen_as_a_picture_file_of_it_is(tmp_path):
    """What the browser sends is fitted as a PNG of the same is."""
    picture = draw_seven()
    picture.save(tmp_path / "seven.png")
    pad = DrawingPad()
    pad.set_state({"ink": memoryview(picture.tobytes())})  # so it comes through the socket
    assert pad.pixels.shape == (784,)
    assert pad.pixels.dtype == np.uint8
    expected = read_digit(tmp_path / "seven.png")
    assert pad.pixels.astype(int) == pytest.approx(expected.astype(int), abs=1)


def test_observers_are_told_once_for_each_stroke():
    """As a notebook listens."""
    pad, seen = DrawingPad(), []
    pad.observe(lambda change: seen.append(pad.pixels is not None), "ink")
    pad.set_state({"ink": memoryview(draw_seven().tobytes())})
    pad.clear()
    assert seen == [True, False]


@pytest.mark.parametrize("ink", [b"", bytes(SIDE * SIDE)])
def test_an_empty_pad_has_no_pixels(ink):
    """As it begins, and as the browser sends it after Clear."""
    assert DrawingPad(ink=ink).pixels is None


def test_a_single_dot_is_ink():
    """The least that there can be."""
    ink = bytearray(SIDE * SIDE)
    ink[5 * SIDE + 5] = 255
    assert DrawingPad(ink=bytes(ink)).pixels.max() == 255


def test_ink_of_another_size_is_refused():
    """With both sizes in the message."""
    with pytest.raises(traitlets.TraitError, match=r"expected 112×112 .* got 3 bytes"):
        DrawingPad(ink=b"abc")


def test_the_browsers_half_is_shipped_and_needs_no_network():
    """Script and style stand in the widget itself, and name no address."""
    pad = DrawingPad()
    for text in (pad._esm, pad._css):
        assert "pi-nn-pad-canvas" in text
        assert "//cdn" not in text
        assert "http" not in text
