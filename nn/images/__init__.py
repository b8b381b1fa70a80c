"""Read the digits in a picture of any size, in the format that the network was trained on.

MNIST's digits are white ink on black, fitted into 20×20 pixels and placed in 28×28 with their
centre of mass in the middle. A photograph of a pencil stroke differs in all of these.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nn.images.digits import Digit, centre_digit, find_digits
from nn.images.ink import ink_on_paper
from nn.images.pictures import ImageError, open_picture

__all__ = [
    "Digit",
    "ImageError",
    "Page",
    "centre_digit",
    "read_digit",
    "read_page",
    "read_uploaded_digit",
    "read_uploaded_page",
]


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


def read_uploaded_page(content: bytes, name: str) -> Page:
    """Read a picture from memory, such as an uploaded one; see `read_page`.

    Parameters
    ----------
    content : bytes-like
        Content of the file.
    name : str
        The picture's name in error messages.

    Raises
    ------
    ImageError
        When it is no picture, one too large, or shows no digit.
    """
    return _page(open_picture(content, name), name)


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


def _page(picture: np.ndarray, name: str | Path) -> Page:
    digits = find_digits(*ink_on_paper(picture))
    if not digits:
        raise ImageError(
            f"{name} shows no digit: expected dark ink on light paper, or the reverse, with some "
            "paper around it. Crop the picture to the digit if there is one"
        )
    return Page(picture, digits)
