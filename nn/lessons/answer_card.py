"""What a network answers about one digit, as a piece of HTML: light enough to be redrawn often.

A matplotlib figure of the same would take a Pi Zero seconds for each stroke of the pen.
"""

import base64
from io import BytesIO

import numpy as np

from nn.images import SIDE

_BAR_WIDTH = 180  # CSS pixels of an output of 1.0
_WINNER, _OTHER = "#0072b2", "#999999"


def answer_card(pixels: np.ndarray | None, outputs: np.ndarray | None) -> str:
    """Show the digit as the network sees it, the answer, and all ten outputs as bars.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (784,), or None
        0 for paper to 255 for ink; None where nothing is drawn yet.
    outputs : ndarray of shape (10,) or None
        The network's answer to them.

    Returns
    -------
    html : str
    """
    if pixels is None or outputs is None:
        return _card("", "<p>Nothing is drawn yet, so there is nothing to answer.</p>")
    answer = int(np.argmax(outputs))
    bars = "".join(_bar(digit, float(signal), answer) for digit, signal in enumerate(outputs))
    return _card(
        f' data-answer="{answer}"',
        _picture(pixels),
        f'<div><div style="font-size: 20px">The network reads <b>{answer}</b></div>{bars}</div>',
    )


def answer_sentence(outputs: np.ndarray | None) -> str:
    """Say the answer in a line, and the next best; for the ear, and for those in a hurry.

    Parameters
    ----------
    outputs : ndarray of shape (10,) or None

    Returns
    -------
    sentence : str
    """
    if outputs is None:
        return "Draw a digit here."
    second, first = np.argsort(outputs)[-2:]
    return (
        f"The network reads {first} (output {outputs[first]:.2f}); "
        f"the next best is {second} ({outputs[second]:.2f})."
    )


def _card(attributes: str, *parts: str) -> str:
    style = "display: flex; flex-wrap: wrap; gap: 24px; font-family: sans-serif; line-height: 1.4"
    return f'<div class="pi-nn-answer"{attributes} style="{style}">{"".join(parts)}</div>'


def _picture(pixels: np.ndarray) -> str:
    """Draw the 28×28 pixels five times enlarged, each still to be seen; dark ink on light."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(255 - pixels.reshape(SIDE, SIDE)).save(file, format="PNG")
    source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    style = "width: 140px; height: 140px; image-rendering: pixelated; border: 1px solid #767676"
    words = "the digit as the network sees it, 28 by 28 pixels"
    return (
        f'<div><img src="{source}" alt="{words}" style="{style}"><br>as the network sees it</div>'
    )


def _bar(digit: int, signal: float, answer: int) -> str:
    """Draw one output; the winner's is told by its weight as well as by its colour."""
    colour, weight = (_WINNER, "bold") if digit == answer else (_OTHER, "normal")
    width = max(1, round(_BAR_WIDTH * signal))
    style = f"display: inline-block; height: 12px; width: {width}px; background: {colour}"
    return (
        f'<div style="white-space: nowrap; font-weight: {weight}">'
        f'{digit} <span style="{style}"></span> {signal:.2f}</div>'
    )
