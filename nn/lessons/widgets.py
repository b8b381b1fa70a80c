"""Widgets to read digits in a notebook: a drawing pad, an upload button, and the answer.

The browser does as much as it can, in drawing_pad.js and picture_upload.js, which `pi-nn draw` uses
as well: a Pi Zero is too slow to follow a pen, and lacks the memory for a large photograph.
"""

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from nn.answers import Answer
from nn.images import DRAWING_SIDE, Page, read_drawing
from nn.signals import SIDE

_BAR_WIDTH = 180  # CSS pixels of an output of 1.0
_PICTURE_SIDE = 280
_WINNER, _OTHER, _FRAME = "#0072b2", "#999999", "#d62728"


class DrawingPad(anywidget.AnyWidget):
    """A white square to draw on with mouse, finger, pen or arrow keys.

    Attributes
    ----------
    ink : bytes
        The picture after the last stroke: `side` × `side` grey levels row by row, 0 for paper to
        255 for ink. Empty bytes mean an empty pad. Set it to show a picture.
    side : int
        Pixels along a side of the picture.
    message : str
        A line below the pad; screen readers read it aloud when it changes.
    """

    _esm = Path(__file__).parents[1] / "page/static/drawing_pad.js"
    _css = Path(__file__).parents[1] / "page/static/drawing_pad.css"

    ink = traitlets.Bytes().tag(
        sync=True,
        echo_update=False,  # the browser knows what it drew; the Pi need not send it back
        from_json=lambda sent, pad: bytes(sent),
    )
    side = traitlets.Int(DRAWING_SIDE, read_only=True).tag(sync=True)
    message = traitlets.Unicode("Draw a digit here.").tag(sync=True)

    @traitlets.validate("ink")
    def _check_ink(self, proposal) -> bytes:
        ink = proposal["value"]
        if len(ink) not in (0, self.side**2):
            raise traitlets.TraitError(
                f"expected {self.side}×{self.side} grey levels or none, got {len(ink)} bytes"
            )
        return ink

    @property
    def pixels(self) -> np.ndarray | None:
        """Return the digit as the network sees it: uint8 of shape (784,); None if empty."""
        return read_drawing(self.ink) if any(self.ink) else None

    def clear(self) -> None:
        """Clear the pad."""
        self.ink = b""


class PictureUpload(anywidget.AnyWidget):
    """A button to choose a picture file, or to take a photograph with a phone's camera.

    The browser shrinks large photographs before it sends them, since Jupyter's server silently
    drops messages of over 10 MB.

    Attributes
    ----------
    content : bytes
        The file chosen last, or the smaller PNG that the browser made from it. Observe `number`,
        which changes even if the same file is chosen again.
    name : str
        The file's name.
    number : int
        Number of files chosen so far.
    """

    _esm = Path(__file__).parents[1] / "page/static/picture_upload.js"

    content = traitlets.Bytes().tag(
        sync=True,
        echo_update=False,  # the browser knows what it sent
        from_json=lambda sent, upload: bytes(sent),
    )
    name = traitlets.Unicode().tag(sync=True)
    number = traitlets.Int().tag(sync=True)


def answer_card(pixels: np.ndarray | None, outputs: np.ndarray | None) -> str:
    """Show the digit as the network sees it, the answer, and all ten outputs as bars.

    It is HTML because a Pi Zero would take seconds to draw a figure after each stroke.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (784,), or None
        0 for paper to 255 for ink; None if nothing is drawn yet.
    outputs : ndarray of shape (10,) or None
        The network's answer.

    Returns
    -------
    html : str
    """
    if pixels is None or outputs is None:
        return _card("", "<p>Nothing is drawn yet, so there is nothing to answer.</p>")
    answer = Answer(outputs)
    bars = "".join(_bar(digit, float(signal), answer.digit) for digit, signal in enumerate(outputs))
    doubt = "" if answer.is_sure else f", but is not sure: it may be {answer.next_best}"
    words = f"The network reads <b>{answer.digit}</b>{doubt}"
    return _card(
        f' data-answer="{answer.digit}"',
        _picture(pixels),
        f'<div><div style="font-size: 20px">{words}</div>{bars}</div>',
    )


def page_cards(page: Page, outputs: Sequence[np.ndarray]) -> str:
    """Show a picture with its digits framed, and below it the answer card of each digit.

    Parameters
    ----------
    page : Page
    outputs : sequence of ndarray of shape (10,)
        The network's answer to each digit.

    Returns
    -------
    html : str
    """
    cards = "".join(
        answer_card(digit.pixels, each) for digit, each in zip(page.digits, outputs, strict=True)
    )
    return f'<div class="pi-nn-page">{_framed(page)}{cards}</div>'


def answer_sentence(outputs: np.ndarray | None) -> str:
    """Say the answer and the runner-up in one line, for screen readers and for a quick look.

    Parameters
    ----------
    outputs : ndarray of shape (10,) or None

    Returns
    -------
    sentence : str
    """
    if outputs is None:
        return "Draw a digit here."
    return Answer(outputs).sentence


def _card(attributes: str, *parts: str) -> str:
    style = "display: flex; flex-wrap: wrap; gap: 24px; font-family: sans-serif; line-height: 1.4"
    return f'<div class="pi-nn-answer"{attributes} style="{style}">{"".join(parts)}</div>'


def _picture(pixels: np.ndarray) -> str:
    """Draw the pixels five times enlarged with sharp edges; dark ink on light paper."""
    from PIL import Image

    source = _png(Image.fromarray(255 - pixels.reshape(SIDE, SIDE)))
    style = "width: 140px; height: 140px; image-rendering: pixelated; border: 1px solid #767676"
    words = f"the digit as the network sees it, {SIDE} by {SIDE} pixels"
    return (
        f'<div><img src="{source}" alt="{words}" style="{style}"><br>as the network sees it</div>'
    )


def _framed(page: Page) -> str:
    """Draw a picture, small, with a frame around each digit."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(page.picture)
    pen, width = ImageDraw.Draw(picture), max(2, max(picture.size) // 200)
    for digit in page.digits:
        corners = (digit.left, digit.top, digit.right, digit.bottom)
        pen.rectangle(corners, outline=_FRAME, width=width)
    picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
    words = "the picture, with a frame around each digit that was found"
    return f'<div><img src="{_png(picture)}" alt="{words}"></div>'


def _png(picture) -> str:
    """Return a picture as the address of an image."""
    file = BytesIO()
    picture.save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _bar(digit: int, signal: float, answer: int) -> str:
    """Draw one output; the winner differs in weight as well as in colour."""
    colour, weight = (_WINNER, "bold") if digit == answer else (_OTHER, "normal")
    width = max(1, round(_BAR_WIDTH * signal))
    style = f"display: inline-block; height: 12px; width: {width}px; background: {colour}"
    return (
        f'<div style="white-space: nowrap; font-weight: {weight}">'
        f'{digit} <span style="{style}"></span> {signal:.2f}</div>'
    )
