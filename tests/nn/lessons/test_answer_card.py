"""The answer as HTML: well-formed, and what it says."""

import base64
import re
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from nn.lessons.answer_card import answer_card, answer_sentence

OUTPUTS = np.array([0.01, 0.02, 0.3, 0.04, 0.0, 0.5, 0.06, 0.9, 0.08, 0.09], dtype="float32")
PIXELS = np.arange(784).astype(np.uint8)


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
