"""gzip: CSV through zlib must be what zlib itself unpacks."""

import gzip
import zlib
from pathlib import Path

from scripts.fuzz.csv_text import EDITS, ORIGINALS, check_against, expected_rows
from scripts.fuzz.formats import Files, Format
from scripts.fuzz.mutations import Choices, mutated

NAME = "digits.csv.gz"
_TEXTS = [form for form in ORIGINALS if b"\r" not in form]
_WHOLE = [
    *(gzip.compress(text, mtime=0) for text in _TEXTS),
    gzip.compress(_TEXTS[1], 0, mtime=0),  # stored, not compressed
    gzip.compress(_TEXTS[1][:99], mtime=0) + gzip.compress(_TEXTS[1][99:], mtime=0),
    gzip.compress(_TEXTS[0], mtime=0) + bytes(512),  # padded, as tapes were
]


def _make(choices: Choices) -> Files:
    """Make damaged gzip files, and whole ones of damaged text."""
    if choices.up_to(2):
        return {NAME: mutated(choices, choices.one_of(_WHOLE))}
    return {NAME: gzip.compress(mutated(choices, choices.one_of(_TEXTS), *EDITS), 1, mtime=0)}


def unpacked(content: bytes) -> bytes | None:
    """Unpack all members of a gzip file by zlib alone; None where any is cut off or damaged.

    Flags that the format reserves are left out: zlib refuses them, Python's gzip does not mind.
    """
    text = b""
    while content := content.lstrip(b"\0") if text else content:
        stream = zlib.decompressobj(wbits=31)
        known_flags = bytes([content[3] & 0x1F]) if len(content) > 3 else b""
        try:
            text += stream.decompress(content[:3] + known_flags + content[4:])
        except zlib.error:
            return None
        if not stream.eof:
            return None
        content = stream.unused_data
    return text


def _accepts(folder: Path, files: Files) -> bool:
    content = files[NAME]
    text = unpacked(content) if content.startswith(b"\x1f\x8b") else content
    return check_against(folder / NAME, None if text is None else expected_rows(text))


FORMAT = Format("gzip", _make, _accepts, ("data", "info", NAME))
