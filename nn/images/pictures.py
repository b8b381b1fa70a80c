"""Open pictures of many formats as red, green and blue, in little memory."""

import os
import struct
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from nn.errors import KitError, first_line

WORKING_SIDE = 1200  # pictures are shrunk to this first: 10 mm on a page of A4 are 40 pixels then
LARGEST_PIXELS = 12_500_000  # as a phone's 12 megapixels; up to 12 bytes each until they are shrunk
LARGEST_COPIED_PIXELS = 8_500_000  # of WebP and 16 bits, of which the readers keep several copies
LARGEST_JPEG_PIXELS = 50_000_000  # JPEGs are decoded at a smaller size, unless progressive
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # Pillow has readers for 40 more
_EXPECTED = "PNG, JPEG, GIF, BMP or WebP picture"
_START_OF_SCAN = 0xFFDA
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class ImageError(KitError, ValueError):
    """A picture cannot be read, or shows no digit."""


def open_picture(
    source: str | Path | bytes | memoryview,
    name: str | Path,
    most_pixels: int = LARGEST_PIXELS,
    formats: Sequence[str] = FORMATS,
) -> np.ndarray:
    """Open a picture, the right way up, on paper if it is transparent, and no larger than needed.

    Parameters
    ----------
    source : path-like or bytes-like
        The file, or its content.
    name : str or path-like
        The picture's name in error messages.
    most_pixels : int
        A limit below the usual ones.
    formats : sequence of str
        Fewer than the usual ones.

    Returns
    -------
    picture : ndarray of uint8, shape (height, width, 3)
        Red, green and blue; the longer side has at most `WORKING_SIDE` pixels.

    Raises
    ------
    ImageError
        When it is no picture, or one too large.
    """
    from PIL import Image, UnidentifiedImageError

    if isinstance(source, str | Path):
        source = Path(source)
        if not source.is_file():
            what = "is a folder or a pipe, not a file" if source.exists() else "no such file"
            raise ImageError(f"{name}: {what}. Give the path of a PNG or JPEG picture")
    else:
        source = BytesIO(source)
    expected = _EXPECTED if formats == FORMATS else f"{' or '.join(formats)} picture"
    try:
        if _is_heic(source):
            _check_heic(name, expected, formats)
            formats = (*FORMATS, "HEIF")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damage is harmless, or raises an error below
            with Image.open(source, formats=formats) as picture:
                _check_size(name, picture, most_pixels)
                return np.asarray(_shrunk(picture))
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a valid {expected}") from None
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large ({error}). Make it smaller first") from None
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise ImageError(f"{name} is not a valid {expected} ({first_line(error)})") from None


def _is_heic(source: Path | BytesIO) -> bool:
    if isinstance(source, Path):
        with source.open("rb") as file:
            head = file.read(12)
    else:
        head = source.getvalue()[:12]
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


def _check_heic(name: str | Path, expected: str, formats: Sequence[str]) -> None:
    """Let Pillow read HEIC pictures; raise ImageError if it cannot, or must not."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        register_heif_opener = None
    if formats != FORMATS or not register_heif_opener:
        on_laptop = (
            "; on a laptop, 'pip install pillow-heif' in the kit's environment lets it read HEIC"
        )
        raise ImageError(
            f"{name} is a HEIC picture, an iPhone's own format: expected a {expected}. Export it "
            "as JPEG, or set the phone to take JPEG (Settings, Camera, Formats, Most Compatible)"
            f"{on_laptop if formats == FORMATS else ''}"
        )
    register_heif_opener()


def _check_size(name: str | Path, picture, most_pixels: int) -> None:
    """Refuse a picture that would take too much memory; let a JPEG be decoded at a smaller size."""
    width, height = picture.size
    is_copied = picture.format == "WEBP" or picture.mode.startswith("I")
    limit = min(LARGEST_COPIED_PIXELS if is_copied else LARGEST_PIXELS, most_pixels)
    is_small_jpeg = most_pixels == LARGEST_PIXELS and _comes_in_one_pass(picture)
    largest = LARGEST_JPEG_PIXELS if is_small_jpeg else limit
    if width * height <= largest:
        picture.draft(picture.mode, (WORKING_SIDE, WORKING_SIDE))
        if picture.width * picture.height > limit:  # a long, narrow picture shrinks less
            largest = limit
    if width * height > largest:
        raise ImageError(
            f"{name} has {width}×{height} pixels: expected at most {largest:,}. "
            "Make it smaller first"
        )


def _comes_in_one_pass(picture) -> bool:
    """Return whether a JPEG's first scan is complete: otherwise Pillow keeps all of its scans."""
    if picture.format not in ("JPEG", "MPO") or "progressive" in picture.info:
        return False
    file, begin = picture.fp, picture.fp.tell()
    file.seek(2)
    try:
        marker = 0xFF00
        while marker >= 0xFF00:
            marker, length = struct.unpack(">2H", file.read(4))
            if marker == _START_OF_SCAN:
                return file.read(1) == bytes([picture.layers])
            file.seek(length - 2, os.SEEK_CUR)
    except struct.error:  # the file ends here
        pass
    finally:
        file.seek(begin)
    return False


def _shrunk(picture):
    """Shrink a picture, turn it the right way up, and put it on paper."""
    from PIL import Image, ImageOps

    if picture.mode.startswith("I"):  # 16 bits per pixel, which Pillow would clip at 255
        levels = np.asarray(ImageOps.exif_transpose(picture)) >> 8
        picture = Image.fromarray(levels.astype(np.uint8))
    elif picture.mode == "PA" or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("L", "LA", "RGB", "RGBA"):
        picture = picture.convert("RGB")
    picture.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("LA", "RGBA"):
        grey, alpha = (np.asarray(band, float) for band in picture.convert("LA").split())
        is_light = (grey * alpha).sum() > 127.5 * alpha.sum()  # light ink shows on dark paper alone
        colour = "black" if is_light and (alpha == 0).any() else "white"
        paper = Image.new("RGBA", picture.size, colour)
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    return picture.convert("RGB")
