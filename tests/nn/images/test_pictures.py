"""Pictures of digits as the network sees them."""

import os

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from nn.images import ImageError, centre_digit, read_digit, read_uploaded_digit
from tests.conftest import run_for_peak_mb

TURNED = Image.Exif()
TURNED[0x0112] = 6  # turn by 270 degrees to see it upright


def draw_seven(size=(300, 400), paper=255, ink=0, width=24, mode="L"):
    """Draw a 7 off the middle of a sheet."""
    picture = Image.new(mode, size, paper)
    stroke = [(60, 80), (180, 80), (110, 260)]
    ImageDraw.Draw(picture).line(stroke, fill=ink, width=width, joint="curve")
    return picture


def saved(picture, tmp_path, name="digit.png", **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


def likeness(one, other):
    """Correlate two digits: 1 for the same."""
    return np.corrcoef(one, other)[0, 1]


def test_the_digit_is_fitted_and_centred_as_mnists_are(tmp_path):
    """20 pixels at its longest side, centre of mass within a pixel of the middle, ink to 255."""
    pixels = read_digit(saved(draw_seven(), tmp_path))
    assert pixels.shape == (784,)
    assert pixels.dtype == np.uint8
    image = pixels.reshape(28, 28)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert ndimage.center_of_mass(image) == pytest.approx((13.5, 13.5), abs=0.6)
    assert image.max() > 250


FORMS = {
    "ink light on dark": lambda: draw_seven(paper=10, ink=240),
    "grey pencil on grey paper": lambda: draw_seven(paper=200, ink=120),
    "dim light": lambda: draw_seven(paper=115, ink=10),
    "light on grey": lambda: draw_seven(paper=135, ink=250),
    "colour": lambda: draw_seven(paper=(255, 250, 230), ink=(20, 30, 120), mode="RGB"),
    "transparent paper": lambda: draw_seven(paper=(0, 0, 0, 0), ink=(0, 0, 0, 255), mode="RGBA"),
    "black and white": lambda: draw_seven(paper=1, ink=0, mode="1"),
    "sixteen bits": lambda: Image.fromarray(
        np.asarray(draw_seven(), dtype=np.uint16) * np.uint16(257)
    ),
    "four times as large": lambda: draw_seven().resize((1200, 1600)),
    "palette": lambda: draw_seven().convert("P"),
}


@pytest.mark.parametrize("form", FORMS)
def test_paper_ink_and_size_do_not_matter(tmp_path, form):
    """Every form of the same 7 gives nearly the same pixels."""
    plain = read_digit(saved(draw_seven(), tmp_path)).astype(float)
    other = read_digit(saved(FORMS[form](), tmp_path, "other.png")).astype(float)
    assert np.corrcoef(plain, other)[0, 1] > 0.98


def test_jpeg_and_its_orientation(tmp_path):
    """A photograph taken with the camera on its side is turned upright."""
    plain = read_digit(saved(draw_seven(), tmp_path)).astype(float)
    lying = draw_seven().transpose(Image.Transpose.ROTATE_90)
    photo = read_digit(saved(lying, tmp_path, "photo.jpg", exif=TURNED, quality=60)).astype(float)
    assert np.corrcoef(plain, photo)[0, 1] > 0.9


def test_shadow_and_noise_are_taken_for_paper(tmp_path):
    """A photograph with a shadow across it."""
    generator = np.random.default_rng(1)
    sheet = np.asarray(draw_seven(), dtype=float) * 0.8
    sheet -= np.linspace(0, 30, 300) + generator.normal(0, 4, sheet.shape)
    photo = Image.fromarray(sheet.clip(0, 255).astype(np.uint8))
    plain = read_digit(saved(draw_seven(), tmp_path)).astype(float)
    assert np.corrcoef(plain, read_digit(saved(photo, tmp_path, "p.png")))[0, 1] > 0.95


@pytest.mark.parametrize("fall", [(90, 0), (0, -90), (60, 45)])
def test_light_that_falls_off_is_taken_for_paper(tmp_path, fall):
    """A photograph beside a window, lighter at one side or corner: the digit stays what it was."""
    across, down = fall
    columns, rows = np.meshgrid(np.linspace(-0.5, 0.5, 300), np.linspace(-0.5, 0.5, 400))
    light = 170 + across * columns + down * rows
    ink = np.asarray(draw_seven(paper=0, ink=1, mode="L"))
    sheet = Image.fromarray((light - 90 * ink).astype(np.uint8))
    expected = read_digit(saved(draw_seven(), tmp_path))
    assert likeness(read_digit(saved(sheet, tmp_path, "lit.png")), expected) > 0.98


def test_a_table_at_one_side_leaves_paper_paper(tmp_path):
    """A dark strip along the left edge is no light that falls off."""
    sheet = draw_seven(paper=220, ink=30)
    ImageDraw.Draw(sheet).rectangle((0, 0, 5, 400), fill=90)
    pixels = read_digit(saved(sheet, tmp_path)).reshape(28, 28)
    assert pixels[:, 14:].any()
    assert (pixels == 0).mean() > 0.5


def test_what_is_already_28_by_28_stays_as_it_is(tmp_path):
    """An image made by these very rules is not changed by them again."""
    pixels = read_digit(saved(draw_seven(), tmp_path))
    again = read_digit(saved(Image.fromarray(pixels.reshape(28, 28)), tmp_path, "small.png"))
    assert np.corrcoef(pixels.astype(float), again)[0, 1] > 0.99


def test_a_thin_line_and_a_dot_survive():
    """A 1 of a single pixel's width, and a single pixel."""
    line = np.zeros((200, 100))
    line[20:180, 50] = 1
    assert np.flatnonzero(centre_digit(line)).size >= 20
    dot = np.zeros((9, 9))
    dot[1, 7] = 1
    assert centre_digit(dot).max() == 255


@pytest.mark.parametrize("shade", [0, 90, 255])
def test_an_empty_sheet_is_refused(tmp_path, shade):
    """White, grey or black."""
    path = saved(Image.new("L", (50, 60), shade), tmp_path)
    with pytest.raises(ImageError, match=r"digit.png shows no digit: expected dark ink"):
        read_digit(path)


def test_files_that_are_no_pictures_are_refused(tmp_path):
    """Missing, text, cut off."""
    with pytest.raises(ImageError, match=r"none.png: no such file"):
        read_digit(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ImageError, match=r"text.png is not a valid PNG, JPEG"):
        read_digit(tmp_path / "text.png")
    whole = saved(draw_seven(), tmp_path).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"cut.png is not a valid PNG, JPEG"):
        read_digit(tmp_path / "cut.png")


def test_a_picture_bomb_is_refused_unread(tmp_path):
    """64 and 400 megapixels in small files: over this kit's limit, and over Pillow's."""
    path = saved(Image.new("1", (8000, 8000)), tmp_path)
    with pytest.raises(ImageError, match=r"has 8000×8000 pixels: expected at most 12,500,000"):
        read_digit(path)
    path = saved(Image.new("1", (20_000, 20_000)), tmp_path)
    with pytest.raises(ImageError, match=r"is too large .*400000000 pixels.* Make it smaller"):
        read_digit(path)


BOMBS = {
    "rgba.png": ("RGBA", {}),
    "turned.png": ("RGBA", {"exif": TURNED}),
    "sixteen.png": ("I;16", {}),
    "palette.png": ("P", {"transparency": 0}),
    "bits.png": ("1", {}),
    "passes.jpg": ("RGB", {"progressive": True, "subsampling": 0}),
    "plain.webp": ("RGB", {"lossless": True, "method": 0}),
    "clear.webp": ("RGBA", {"lossless": True, "method": 0}),
    "small.gif": ("L", {}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_the_largest_picture_of_each_kind_stays_small_in_memory(tmp_path, name):
    """A few kilobytes that unpack to 8 megapixels: read within 200 MB, in another process."""
    mode, options = BOMBS[name]
    path = saved(Image.new(mode, (2900, 2900)), tmp_path, name, **options)
    assert path.stat().st_size < 200_000
    code = (
        "from nn.images import ImageError, read_digit\n"
        f"try:\n read_digit({str(path)!r})\nexcept ImageError as error:\n print(error)"
    )
    said, peak = run_for_peak_mb(code)
    assert "shows no digit" in said
    assert peak < 200


@pytest.mark.parametrize("name", ["huge.webp", "huge.png", "huge.jpg", "huge.gif"])
def test_a_picture_bomb_is_never_unpacked(tmp_path, name):
    """From 16 megapixels: refused by its header, in hardly any memory."""
    options = {"progressive": True} if name.endswith("jpg") else {}
    picture = Image.new("L", (4_000, 4_000))
    if name.endswith("webp"):
        picture, options = picture.convert("RGB"), {"lossless": True, "method": 0}
    path = saved(picture, tmp_path, name, **options)
    code = (
        "from nn.images import ImageError, read_digit\n"
        f"try:\n read_digit({str(path)!r})\nexcept ImageError as error:\n print(error)"
    )
    said, peak = run_for_peak_mb(code)
    most = "8,500,000" if name.endswith("webp") else "12,500,000"
    assert f"4000×4000 pixels: expected at most {most}" in said
    assert peak < 100


@pytest.mark.parametrize("kind", ["long", "in parts"])
def test_a_jpeg_that_cannot_be_decoded_smaller_is_refused(tmp_path, kind):
    """One that is long and narrow, and one that has its colours one after the other."""
    path = tmp_path / "picture.jpg"
    if kind == "long":
        saved(Image.new("CMYK", (65_500, 763)), tmp_path, path.name)
    else:
        whole = saved(Image.new("RGB", (3000, 4500)), tmp_path, path.name).read_bytes()
        scan = b"\xff\xda\x00\x0c"
        assert scan + b"\x03" in whole
        path.write_bytes(whole.replace(scan + b"\x03", scan + b"\x01"))
    code = (
        "from nn.images import ImageError, read_digit\n"
        f"try:\n read_digit({str(path)!r})\nexcept ImageError as error:\n print(error)"
    )
    said, peak = run_for_peak_mb(code)
    assert "pixels: expected at most 12,500,000" in said
    assert peak < 100


def test_a_photograph_may_be_larger(tmp_path):
    """A JPEG of 12 megapixels, as telephones take them, is decoded smaller."""
    photo = draw_seven().resize((3000, 4000))
    assert read_digit(saved(photo, tmp_path, "photo.jpg")).any()


def test_only_readers_of_pictures_are_asked(tmp_path):
    """Pillow would start Ghostscript for PostScript."""
    path = saved(draw_seven(mode="RGB", paper=(255,) * 3, ink=(0,) * 3), tmp_path, "digit.eps")
    with pytest.raises(
        ImageError, match=r"digit.eps is not a valid PNG, JPEG, GIF, BMP or WebP picture"
    ):
        read_digit(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    """Nobody writes into it."""
    os.mkfifo(tmp_path / "digit.png")
    with pytest.raises(ImageError, match=r"digit.png: is a folder or a pipe, not a file"):
        read_digit(tmp_path / "digit.png")


def test_an_uploaded_picture_is_read_as_its_file_is(tmp_path):
    """From memory; what is no picture is refused under its name."""
    path = saved(draw_seven(), tmp_path)
    uploaded = read_uploaded_digit(memoryview(path.read_bytes()), "digit.png")
    assert uploaded.tolist() == read_digit(path).tolist()
    with pytest.raises(ImageError, match=r"^notes.txt is not a valid PNG, JPEG"):
        read_uploaded_digit(b"hello", "notes.txt")
