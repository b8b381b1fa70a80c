"""Where the kit lies, and how its command is typed there."""

import sys
from pathlib import Path

KIT_FOLDER = Path(__file__).resolve().parents[1]


def command(words: str = "") -> str:
    r"""Return what to type in a terminal on this computer.

    Parameters
    ----------
    words : str, optional
        What follows the command's name, such as "train --preset book".

    Returns
    -------
    command : str
        ``pi-nn`` and the words on a Pi that was set up, or where pip installed the kit. In a clone
        it begins with ``./``, and is to be typed in the kit's folder; on Windows with ``.\``.
    """
    name = "pi-nn"
    if (KIT_FOLDER / "pi-nn").is_file():
        name = r".\pi-nn.cmd" if sys.platform == "win32" else "./pi-nn"
    return f"{name} {words}".strip()
