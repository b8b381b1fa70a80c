"""A button to bring a picture from the browser's machine into a notebook.

The browser makes large photographs smaller before it sends them: Jupyter's server drops a message
of over 10 MB in silence, and a Pi Zero has neither the memory nor the time for 12 megapixels.
"""

from pathlib import Path

import anywidget
import traitlets


class PictureUpload(anywidget.AnyWidget):
    """A button that asks for a picture file, or a phone's camera for a photograph.

    Attributes
    ----------
    content : bytes
        Of the file that was chosen last, or of the smaller PNG that the browser made of it. Observe
        `number`, which also changes when the same file is chosen again.
    name : str
        What the file is called.
    number : int
        How many files were chosen.
    """

    _esm = Path(__file__).with_name("picture_upload.js")

    content = traitlets.Bytes().tag(
        sync=True,
        echo_update=False,  # the browser knows what it sent
        from_json=lambda sent, upload: bytes(sent),
    )
    name = traitlets.Unicode().tag(sync=True)
    number = traitlets.Int().tag(sync=True)
