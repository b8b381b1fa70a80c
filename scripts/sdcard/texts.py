"""Text files that people wrote: in UTF-8, without what some editors put before it."""

from __future__ import annotations

import codecs
from pathlib import Path

from .errors import CardError

MARKS = {
    codecs.BOM_UTF8: "begins with a byte order mark",
    codecs.BOM_UTF16_LE: "is in UTF-16",
    codecs.BOM_UTF16_BE: "is in UTF-16",
}
SAVE = (
    "Save it as UTF-8 without BOM (Notepad: Save as, Encoding 'UTF-8'; PowerShell: "
    "Set-Content -Encoding ascii)"
)


def decode(path: Path, what: str, *, mark: bool = False) -> str:
    """Read a file in UTF-8, with line ends of Unix.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What is expected in it, for the error.
    mark : bool
        Whether it may begin with a byte order mark, as spreadsheets write it.

    Raises
    ------
    CardError
        When the file is in another encoding; it names the encoding and says what to do.
    OSError
        When it cannot be read.
    """
    content = path.read_bytes()
    if mark:
        content = content.removeprefix(codecs.BOM_UTF8)
    for mark, reason in MARKS.items():
        if content.startswith(mark):
            raise CardError(f"{path}: expected {what} in UTF-8, but the file {reason}. {SAVE}")
    if b"\0" in content:
        raise CardError(f"{path}: expected {what} in UTF-8, but the file is in UTF-16. {SAVE}")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise CardError(
            f"{path}:{number}: expected {what} in UTF-8, got other bytes. {SAVE}"
        ) from None
    return text.replace("\r\n", "\n")
