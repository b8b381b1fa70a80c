"""The Python halves of drawing pad and upload; the answer as HTML: well-formed, and what it says.

The halves in the browser are tested in a browser.
"""

import base64
import re
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
import traitlets
from PIL import Image, ImageDraw

from nn.images import read_digit
from nn.lessons.widgets import DrawingPad, PictureUpload, answer_card, answer_sentence

SIDE = 112
OUTPUTS = np.array([0.01, 0.02, 0.3, 0.04, 0.0, 0.5, 0.06, 0.9, 0.08, 0.09], dtype="float32")
PIXELS = np.arange(784).astype(np.uint8)


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
    pad.set_state({"ink": memoryview(picture.tobytes())})  # as it arrives from the socket
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


def test_the_pads_script_is_shipped_and_needs_no_network():
    """Script and style stand in the widget itself, and name no address."""
    pad = DrawingPad()
    for text in (pad._esm, pad._css):
        assert "pi-nn-pad-canvas" in text
        assert "//cdn" not in text
        assert "http" not in text


def test_upload_observers_are_told_when_the_whole_file_is_there():
    """Once for each, also of the same file; content and name are there by then."""
    upload, seen = PictureUpload(), []
    upload.observe(lambda change: seen.append((upload.content, upload.name)), "number")
    for number in (1, 2):
        sent = {"content": memoryview(b"abc"), "name": "seven.png", "number": number}
        upload.set_state(sent)  # as it arrives from the socket
    assert seen == [(b"abc", "seven.png")] * 2


def test_the_uploads_script_is_shipped_and_needs_no_network():
    """The script stands in the widget itself, and names no address."""
    script = PictureUpload()._esm
    assert "createImageBitmap" in script
    assert "//cdn" not in script
    assert "http" not in script


def test_the_picture_is_the_pixels_dark_on_light():
    """28 by 28, each pixel as the network sees it, the other way round."""
    source = re.search(r'src="data:image/png;base64,([^"]+)"', answer_card(PIXELS, OUTPUTS))[1]
    with Image.open(BytesIO(base64.b64decode(source))) as picture:
        assert (255 - np.asarray(picture)).ravel().tolist() == PIXELS.tolist()


def test_there_is_a_bar_for_each_output_and_one_winner():
    """Widths in proportion, figures beside them, the winner in bold."""
    html = answer_card(PIXELS, OUTPUTS)
    widths = [int(width) for width in re.findall(r"height: 12px; width: (\d+)px", html)]
    assert widths == pytest.approx((180 * OUTPUTS).tolist(), abs=1)
    assert [float(each) for each in re.findall(r"</span> ([\d.]+)<", html)] == pytest.approx(
        OUTPUTS.tolist(), abs=0.005
    )
    assert re.findall(r"font-weight: bold\">(\d)", html) == ["7"]
    assert 'data-answer="7"' in html
    assert "reads <b>7</b>" in html


def test_nothing_drawn_is_said_so():
    """No picture, no answer, no error."""
    html = answer_card(None, None)
    assert "Nothing is drawn yet" in html
    assert "data-answer" not in html


@pytest.mark.parametrize("html", [answer_card(None, None), answer_card(PIXELS, OUTPUTS)])
def test_the_html_is_well_formed(html):
    """Every element is closed, but for those that HTML leaves open."""
    card = ElementTree.fromstring(re.sub(r"<(br|img[^>]*)>", r"<\1/>", html))
    assert card.get("class") == "pi-nn-answer"


def test_the_sentence_names_the_two_best():
    """For a screen reader."""
    assert answer_sentence(OUTPUTS) == (
        "The network reads 7 (output 0.90); the next best is 5 (0.50)."
    )
    assert answer_sentence(None) == "Draw a digit here."
