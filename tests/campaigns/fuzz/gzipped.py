"""gzip: CSV must be what the format holds, unpacked by zlib's plain stream alone."""

import gzip
import struct
import zlib
from pathlib import Path

from tests.campaigns.fuzz.csv_text import EDITS, ORIGINALS, check_against, expected_rows
from tests.campaigns.fuzz.formats import Files, Format
from tests.campaigns.fuzz.mutations import Choices, mutated

NAME = "digits.csv.gz"
_HEADER_CHECK, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16  # flags of RFC 1952
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
    """Unpack all members of a gzip file (RFC 1952); None where any is cut off or damaged.

    What the header says of the file, its own check sum too, protects no row and is passed over.
    """
    text = b""
    while content := content.lstrip(b"\0") if text else content:
        stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        try:
            member = stream.decompress(content[_header_length(content) :])
        except (zlib.error, ValueError, IndexError):
            return None
        check, content = stream.unused_data[:8], stream.unused_data[8:]
        if not stream.eof or check != struct.pack("<2I", zlib.crc32(member), len(member)):
            return None
        text += member
    return text


def _header_length(content: bytes) -> int:
    """Find where a member's data begins; ValueError or IndexError where there is no header."""
    if not content.startswith(b"\x1f\x8b\x08"):
        raise ValueError("no gzip")
    flags, length = content[3], 10
    if flags & _EXTRA:
        length += 2 + content[length] + 256 * content[length + 1]
    for text in (_NAME, _COMMENT):
        if flags & text:
            length = content.index(0, length) + 1
    return length + 2 if flags & _HEADER_CHECK else length


def _accepts(folder: Path, files: Files) -> bool:
    content = files[NAME]
    text = unpacked(content) if content.startswith(b"\x1f\x8b") else content
    return check_against(folder / NAME, None if text is None else expected_rows(text))


FORMAT = Format("gzip", _make, _accepts, ("data", "info", NAME))
