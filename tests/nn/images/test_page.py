"""Digits are found on paper as people have it: the kit's drawn digits, on simulated photographs."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nn.data.drawn_digits import draw_digits
from nn.images import ImageError, read_page
from scripts.bench.photos import BLANK, KINDS, OTHERS, take_photo

PIXELS, LABELS = draw_digits(40, seed=4)
DIGITS = PIXELS.reshape(-1, 28, 28)
OTHERS[:] = DIGITS[-10:]
ONE_DIGIT = [
    pytest.param(name, marks=[pytest.mark.slow] if kind.sides[1] > 600 else [])
    for name, kind in KINDS.items()
    if kind.count == 1
]


def likeness(one, other):
    """Correlate two digits; fitting again may move one by a pixel."""
    one, other = np.reshape(one, (28, 28)), np.reshape(other, (28, 28))
    steps = (-1, 0, 1)
    moved = [np.roll(other, (down, right), (0, 1)) for down in steps for right in steps]
    return max(np.corrcoef(one.ravel(), each.ravel())[0, 1] for each in moved)


def page_of(photo, tmp_path):
    path = tmp_path / "photo.jpg"
    photo.save(path, quality=75)
    return read_page(path)


@pytest.mark.parametrize("name", ONE_DIGIT)
def test_one_digit_is_found_on_every_kind_of_photograph(tmp_path, name):
    """Of three photographs, two show what was written, and nothing else."""
    found = 0
    for number in range(3):
        try:
            page = page_of(take_photo(KINDS[name], DIGITS[[number]], number), tmp_path)
        except ImageError:
            continue
        is_like = likeness(page.digits[0].pixels, DIGITS[number]) > 0.6
        found += len(page.digits) == 1 and is_like
    assert found >= 2


@pytest.mark.parametrize("name", BLANK)
def test_no_digit_is_found_on_blank_paper(tmp_path, name):
    """Plain, lined, squared, in shadow, on a table."""
    for number in range(3):
        with pytest.raises(ImageError, match="shows no digit"):
            page_of(take_photo(BLANK[name], DIGITS[:0], number), tmp_path)


def written(*lines, rise=0):
    """Write lines of digits on a sheet, each further right one `rise` pixels higher."""
    sheet = Image.new("L", (100 * max(map(len, lines)) + 50, 110 * len(lines) + 100), 250)
    for line, numbers in enumerate(lines):
        for place, number in enumerate(numbers):
            digit = Image.fromarray(DIGITS[number]).resize((84, 84))
            corner = (25 + 100 * place, 60 + 110 * line - rise * place)
            sheet.paste(20, corner, digit)
    return sheet


def test_digits_are_read_from_left_to_right_and_line_by_line(tmp_path):
    """Three lines of three."""
    page = page_of(written((0, 1, 2), (3, 4, 5), (6, 7, 8)), tmp_path)
    assert [digit.line for digit in page.digits] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for number, digit in enumerate(page.digits):
        assert likeness(digit.pixels, DIGITS[number]) > 0.8


def test_a_line_of_digits_may_rise(tmp_path):
    """Each digit a quarter of its height above the one before."""
    page = page_of(written((0, 1, 2, 3), rise=18), tmp_path)
    assert [digit.line for digit in page.digits] == [0, 0, 0, 0]
    assert [digit.left for digit in page.digits] == sorted(digit.left for digit in page.digits)


def test_a_digits_place_is_that_of_its_ink(tmp_path):
    """Within the blur of a pixel or two."""
    sheet = Image.new("L", (400, 300), 255)
    ImageDraw.Draw(sheet).rectangle((150, 80, 170, 220), fill=0)
    (digit,) = page_of(sheet, tmp_path).digits
    assert digit[2:] == pytest.approx((80, 221, 150, 171), abs=3)


def test_strokes_of_one_digit_stay_together(tmp_path):
    """A bar that does not touch the rest of its 5, and is as wide as it is high."""
    sheet = Image.new("L", (400, 400), 255)
    pen = ImageDraw.Draw(sheet)
    pen.line([(170, 140), (165, 200), (220, 220), (200, 290), (150, 290)], fill=0, width=16)
    pen.line([(178, 118), (310, 112)], fill=0, width=16)
    (digit,) = page_of(sheet, tmp_path).digits
    assert digit.right > 300


def test_a_speck_is_no_ink(tmp_path):
    """It used to set the crop."""
    clean = written((3,))
    speck = clean.copy()
    ImageDraw.Draw(speck).rectangle((5, 5, 8, 8), fill=0)
    one, other = (page_of(each, tmp_path).digits for each in (clean, speck))
    assert len(other) == 1
    assert likeness(one[0].pixels, other[0].pixels) > 0.99


@pytest.mark.parametrize("angle", [0, 180])
def test_specks_up_to_the_edge_make_no_line_of_a_stroke(tmp_path, angle):
    """A long 1, between it and the edge only dirt, as on noisy paper."""
    sheet = Image.new("L", (1000, 1000), 228)
    pen = ImageDraw.Draw(sheet)
    pen.line([(500, 80), (510, 200)], fill=10, width=16)
    for place in range(0, 80, 26):
        pen.rectangle((500, place, 502, place + 2), fill=120)
    page = page_of(sheet.rotate(angle), tmp_path)
    assert len(page.digits) == 1


def test_white_ink_without_paper(tmp_path):
    """A digit from a drawing program, white on nothing."""
    digit = np.asarray(Image.fromarray(DIGITS[3]).resize((200, 200)))
    sheet = np.full((300, 300, 4), 255, np.uint8)
    sheet[..., 3] = np.pad(digit, 50)
    Image.fromarray(sheet).save(tmp_path / "drawn.png")
    assert likeness(read_page(tmp_path / "drawn.png").largest.pixels, DIGITS[3]) > 0.8


def test_heic_is_named_with_what_to_do(tmp_path, monkeypatch):
    """Where pillow-heif is not installed."""
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    (tmp_path / "IMG_1.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(ImageError, match=r"IMG_1.heic is a HEIC picture.*as JPEG.*pillow-heif"):
        read_page(tmp_path / "IMG_1.heic")
