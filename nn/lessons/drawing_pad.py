"""A pad to draw a digit on in a notebook.

The browser draws, in drawing_pad.js, and sends the picture once per stroke: a Pi Zero's one core
has no part in following the pen.
"""

from pathlib import Path

import anywidget
import numpy as np
import traitlets

from nn.images import centre_digit


class DrawingPad(anywidget.AnyWidget):
    """A white square to draw on with mouse, finger, pen or arrow keys.

    Attributes
    ----------
    ink : bytes
        What the browser sent after the last stroke, or what to show: `side` × `side` grey levels
        row by row, 0 for paper to 255 for ink. Nothing at all stands for an empty pad.
    side : int
        How many pixels the picture has along its side.
    message : str
        A line below the pad, which screen readers read out when it changes.
    """

    _esm = Path(__file__).with_name("drawing_pad.js")
    _css = Path(__file__).with_name("drawing_pad.css")

    ink = traitlets.Bytes().tag(
        sync=True,
        echo_update=False,  # the browser knows what it drew, and the Pi need not send it back
        from_json=lambda sent, pad: bytes(sent),
    )
    side = traitlets.Int(112, read_only=True).tag(sync=True)
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
        """Return the digit as the network sees it: uint8 of shape (784,); None when empty."""
        ink = np.frombuffer(self.ink, np.uint8)
        if not ink.any():
            return None
        return centre_digit(ink.reshape(self.side, self.side) / 255)

    def clear(self) -> None:
        """Wipe the pad."""
        self.ink = b""
