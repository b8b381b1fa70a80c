"""Turn a picture of a digit, of any size, into the format the network was trained on.

MNIST's digits are white ink on black, fitted into 20×20 pixels and placed in 28×28 with their
centre of mass in the middle. A photograph of a pencil stroke differs in all of these.
"""

import os
import struct
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np

from nn.errors import KitError, first_line
from nn.signals import SIDE

INK_SIDE = 20  # of the box that the ink is fitted into
LARGEST_PIXELS = 8_500_000  # as on the largest screens; up to 16 bytes each until they are shrunk
LARGEST_JPEG_PIXELS = 50_000_000  # JPEGs are decoded at a smaller size, unless progressive
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # Pillow has readers for 40 more
_START_OF_SCAN = 0xFFDA
_WORKING_SIDE = 280  # pictures are shrunk to this first: ten times the final size
_FAINTEST_INK = 0.25  # share of the darkest ink: anything fainter is paper, shadow or noise
_UNEVEN = 0.05  # how uneven the light on paper may be, apart from an even slope
_LEAST_CONTRAST = 0.1  # between paper and ink, as a share of the range of grey


class ImageError(KitError, ValueError):
    """A picture cannot be read, or shows no digit."""


def read_digit(path: str | Path) -> np.ndarray:
    """Read a picture of one digit as the network sees it.

    Parameters
    ----------
    path : path-like
        PNG, JPEG, GIF, BMP or WebP; dark ink on light paper or the reverse.

    Returns
    -------
    pixels : ndarray of uint8, shape (784,)
        0 for paper to 255 for ink, centred as MNIST's digits are.

    Raises
    ------
    ImageError
        When it is no picture, one too large, or empty.
    """
    return _centred(_read_grey(Path(path), path), path)


def read_uploaded_digit(content: bytes, name: str) -> np.ndarray:
    """Read a picture from memory, such as an uploaded one; see `read_digit`.

    Parameters
    ----------
    content : bytes-like
        Content of the file.
    name : str
        The picture's name in error messages.

    Raises
    ------
    ImageError
        When it is no picture, one too large, or empty.
    """
    return _centred(_read_grey(BytesIO(content), name), name)


def _centred(grey: np.ndarray, name: str | Path) -> np.ndarray:
    """Find the ink in a grey picture, and fit it into 28×28 pixels."""
    ink = ink_on_paper(grey)
    if ink is None:
        raise ImageError(
            f"{name} shows no digit: expected dark ink on light paper, or the reverse. "
            "Crop the picture to the digit if there is one"
        )
    return centre_digit(ink)


def ink_on_paper(grey: np.ndarray) -> np.ndarray | None:
    """Separate ink from paper, whichever is darker; the edge of the picture counts as paper.

    Parameters
    ----------
    grey : ndarray of float, shape (height, width)
        From 0 to 1.

    Returns
    -------
    ink : ndarray of float, shape (height, width), or None
        0 for paper to 1 for the strongest ink; None if there is no ink.
    """
    paper = _paper_behind(grey)
    ink = max(paper - grey, grey - paper, key=_strongest)
    strongest = _strongest(ink)
    if strongest < _LEAST_CONTRAST:
        return None
    ink = np.clip(ink / strongest, 0, 1)
    ink[ink < _FAINTEST_INK] = 0
    return ink


def _paper_behind(grey: np.ndarray) -> np.ndarray:
    """Estimate how light the paper is at each pixel, from the picture's four sides.

    Light from a window falls off evenly from one side to the other, so both pairs of opposite
    sides have the same mean. If they differ, a side shows something other than paper.
    """
    sides = grey[0], grey[-1], grey[:, 0], grey[:, -1]
    top, bottom, left, right = (np.median(side) for side in sides)
    if abs(top + bottom - left - right) / 2 > _UNEVEN:
        return np.full_like(grey, np.median(np.concatenate(sides)))
    down, across = (np.linspace(-0.5, 0.5, length) for length in grey.shape)
    slope = (bottom - top) * down[:, np.newaxis] + (right - left) * across
    return slope + (top + bottom + left + right) / 4


def _strongest(ink: np.ndarray) -> float:
    """Return how strong the ink is, ignoring a few stray pixels."""
    return float(np.percentile(ink, 99.9))


def centre_digit(ink: np.ndarray) -> np.ndarray:
    """Fit ink into 20×20 pixels, and those into 28×28 with the centre of mass in the middle.

    Parameters
    ----------
    ink : ndarray of float, shape (height, width)
        From 0 to 1, not empty.

    Returns
    -------
    pixels : ndarray of uint8, shape (784,)
    """
    from PIL import Image

    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = INK_SIDE / max(cropped.shape)
    height, width = (max(1, round(side * factor)) for side in cropped.shape)
    picture = Image.fromarray(np.rint(cropped * 255).astype(np.uint8))
    small = np.asarray(picture.resize((width, height), Image.Resampling.BOX))

    canvas = np.zeros((SIDE, SIDE), np.uint8)
    top, left = _offset(small.sum(axis=1)), _offset(small.sum(axis=0))
    canvas[top : top + height, left : left + width] = small
    return canvas.reshape(-1)


def _offset(weights: np.ndarray) -> int:
    """Return where to place a run of pixels so that its centre of mass is in the middle of 28."""
    weights = weights.astype(float)
    centre = (weights @ (np.arange(len(weights)) + 0.5)) / weights.sum()
    return int(np.clip(round(SIDE / 2 - centre), 0, SIDE - len(weights)))


def _read_grey(source: Path | BytesIO, name: str | Path) -> np.ndarray:
    """Read a picture as grey levels 0 to 1, shrunk to a working size."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(source, Path) and not source.is_file():
        what = "is a folder or a pipe, not a file" if source.exists() else "no such file"
        raise ImageError(f"{name}: {what}. Give the path of a PNG or JPEG picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damage is harmless, or raises an error below
            with Image.open(source, formats=FORMATS) as picture:
                _check_size(name, picture)
                return _grey(picture)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a valid PNG, JPEG, GIF, BMP or WebP picture") from None
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large ({error}). Make it smaller first") from None
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise ImageError(
            f"{name} is not a valid PNG, JPEG, GIF, BMP or WebP picture ({first_line(error)})"
        ) from None


def _check_size(name: str | Path, picture) -> None:
    """Refuse a picture that would take too much memory; let a JPEG be decoded at a smaller size."""
    width, height = picture.size
    largest = LARGEST_JPEG_PIXELS if _comes_in_one_pass(picture) else LARGEST_PIXELS
    if width * height <= largest:
        picture.draft("L", (2 * _WORKING_SIDE, 2 * _WORKING_SIDE))
        if picture.width * picture.height > LARGEST_PIXELS:  # a long, narrow picture shrinks less
            largest = LARGEST_PIXELS
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


def _grey(picture) -> np.ndarray:
    """Shrink a picture, turn it the right way up, put it on white paper, and make it grey."""
    from PIL import Image, ImageOps

    if picture.mode.startswith("I"):  # 16 bits per pixel, which Pillow would clip at 255
        levels = np.asarray(ImageOps.exif_transpose(picture)) >> 8
        picture = Image.fromarray(levels.astype(np.uint8))
    elif picture.mode == "PA" or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("L", "LA", "RGB", "RGBA"):
        picture = picture.convert("L")
    picture.thumbnail((_WORKING_SIDE, _WORKING_SIDE))
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("LA", "RGBA"):
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    return np.asarray(picture.convert("L"), dtype=float) / 255
