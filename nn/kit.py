"""Where the kit lies, and how its command is typed there."""

import os
import shlex
import sys
from contextlib import suppress
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
        it begins with ``./pi-nn``, on Windows with ``.\pi-nn.cmd``; with the whole path when
        another folder is the current one.
    """
    name = "pi-nn.cmd" if sys.platform == "win32" else "pi-nn"
    path = KIT_FOLDER / name
    if not path.is_file():
        return f"pi-nn {words}".strip()
    with suppress(OSError):  # the current folder may have been removed
        if Path.cwd() == KIT_FOLDER:
            return f".{os.sep}{name} {words}".strip()
    quoted = f'"{path}"' if sys.platform == "win32" else shlex.quote(str(path))
    return f"{quoted} {words}".strip()
