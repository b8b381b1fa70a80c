"""Read the digits in a picture of any size, in the format that the network was trained on.

MNIST's digits are white ink on black, fitted into 20×20 pixels and placed in 28×28 with their
centre of mass in the middle. A photograph of a pencil stroke differs in all of these.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nn.images.digits import Digit, centre_digit, find_digits
from nn.images.ink import ink_on_paper
from nn.images.pictures import FORMATS, LARGEST_PIXELS, ImageError, open_picture

__all__ = [
    "DRAWING_SIDE",
    "Digit",
    "ImageError",
    "Page",
    "centre_digit",
    "read_digit",
    "read_drawing",
    "read_page",
    "read_uploaded_digit",
    "read_uploaded_page",
]

DRAWING_SIDE = 112  # pixels of what the browser sends of a drawing pad


class Page(NamedTuple):
    """A picture, and the digits in it.

    Attributes
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
        The picture, shrunk if it was large.
    digits : list of Digit
        At least one; row by row, from left to right.
    """

    picture: np.ndarray
    digits: list[Digit]

    @property
    def largest(self) -> Digit:
        """Return the tallest digit."""
        return max(self.digits, key=lambda digit: digit.bottom - digit.top)


def read_page(path: str | Path) -> Page:
    """Read the digits in a picture.

    Parameters
    ----------
    path : path-like
        PNG, JPEG, GIF, BMP or WebP, HEIC where pillow-heif is installed; dark ink on light paper or
        the reverse.

    Returns
    -------
    page : Page

    Raises
    ------
    ImageError
        When it is no picture, one too large, or shows no digit.
    """
    return _page(open_picture(path, path), path)


def read_uploaded_page(
    content: bytes,
    name: str,
    most_pixels: int = LARGEST_PIXELS,
    formats: Sequence[str] = FORMATS,
) -> Page:
    """Read a picture from memory, such as an uploaded one; see `read_page`.

    Parameters
    ----------
    content : bytes-like
        Content of the file.
    name : str
        The picture's name in error messages.
    most_pixels : int
        A limit below the usual ones, for what strangers send.
    formats : sequence of str
        Fewer than the usual ones, likewise.

    Raises
    ------
    ImageError
        When it is no picture, one too large, or shows no digit.
    """
    return _page(open_picture(content, name, most_pixels, formats), name)


def read_digit(path: str | Path) -> np.ndarray:
    """Read a picture of one digit as the network sees it; of several, the tallest.

    Parameters
    ----------
    path : path-like
        See `read_page`.

    Returns
    -------
    pixels : ndarray of uint8, shape (784,)
        0 for paper to 255 for ink, centred as MNIST's digits are.

    Raises
    ------
    ImageError
        When it is no picture, one too large, or shows no digit.
    """
    return read_page(path).largest.pixels


def read_uploaded_digit(content: bytes, name: str) -> np.ndarray:
    """Read a picture of one digit from memory; see `read_digit` and `read_uploaded_page`."""
    return read_uploaded_page(content, name).largest.pixels


def read_drawing(ink: bytes) -> np.ndarray:
    """Return what the network sees of a drawing.

    Parameters
    ----------
    ink : bytes-like
        `DRAWING_SIDE` × `DRAWING_SIDE` grey levels row by row, 0 for paper to 255 for ink.

    Returns
    -------
    pixels : ndarray of uint8, shape (784,)

    Raises
    ------
    ImageError
        When it has another size, or no ink.
    """
    levels = np.frombuffer(ink, np.uint8)
    if levels.size != DRAWING_SIDE**2:
        raise ImageError(
            f"expected a drawing of {DRAWING_SIDE}×{DRAWING_SIDE} grey levels, got "
            f"{levels.size} bytes"
        )
    if not levels.any():
        raise ImageError("Nothing is drawn yet.")
    return centre_digit(levels.reshape(DRAWING_SIDE, DRAWING_SIDE) / 255)


def _page(picture: np.ndarray, name: str | Path) -> Page:
    digits = find_digits(*ink_on_paper(picture))
    if not digits:
        raise ImageError(
            f"{name} shows no digit: expected dark ink on light paper, or the reverse, with some "
            "paper around it. Crop the picture to the digit if there is one"
        )
    return Page(picture, digits)
