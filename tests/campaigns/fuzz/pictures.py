"""Pictures: PNG with its chunks' sums mended after each edit, and the other formats."""

import io
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from nn.images import ImageError, read_digit
from tests.campaigns.fuzz.formats import Files, Format
from tests.campaigns.fuzz.models import ORIGINALS as MODELS
from tests.campaigns.fuzz.mutations import HUGE_NUMBERS, NUMBERS, Choices, mutated

NAME = "digit.png"  # Pillow goes by content, not by name
_PNG = b"\x89PNG\r\n\x1a\n"


def _seven() -> Image.Image:
    picture = Image.new("L", (40, 50), 255)
    corners = [(8, 10), (30, 10), (16, 44)]
    for start, end in pairwise(corners):
        ImageDraw.Draw(picture).line([start, end], fill=0, width=5)
    return picture


def _saved(picture: Image.Image, format_name: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_name, **options)
    return file.getvalue()


def _originals() -> tuple[list[bytes], list[bytes]]:
    """Draw a 7 as PNG in all modes, and in the other formats."""
    seven = _seven()
    turned = Image.Exif()
    turned[0x0112] = 6
    sixteen_bits = Image.fromarray(np.asarray(seven, dtype=np.uint16) * np.uint16(257))
    modes = [seven.convert(mode) for mode in ("L", "1", "P", "RGB", "RGBA", "LA")]
    pngs = [_saved(picture, "PNG") for picture in [*modes, sixteen_bits]]
    pngs += [_saved(seven.convert("P"), "PNG", transparency=3), _saved(seven, "PNG", exif=turned)]
    colours = seven.convert("RGB")
    others = [
        *(_saved(picture, "JPEG", exif=turned) for picture in (seven, colours)),
        _saved(colours, "JPEG", progressive=True),
        _saved(seven.convert("CMYK"), "JPEG"),
        _saved(seven, "GIF"),
        _saved(seven.convert("P"), "GIF", transparency=3, interlace=True),
        *(_saved(picture, "BMP") for picture in (seven, colours)),
        *(_saved(colours, "WEBP", lossless=lossless) for lossless in (False, True)),
    ]
    return pngs, others


PNGS, OTHERS = _originals()
MODEL = MODELS[0]


def declare_size(choices: Choices, content: bytearray) -> None:
    """Let a PNG's header promise another width and height, depth and colour type."""
    for start in (16, 20):
        side = choices.one_of(NUMBERS + HUGE_NUMBERS) % 2**32
        content[start : start + 4] = side.to_bytes(4, "big")
    if choices.up_to(1):
        content[24:26] = bytes([choices.one_of([1, 2, 4, 8, 16]), choices.up_to(6)])


def with_mended_sums(content: bytes) -> bytes:
    """Make the checksums of a PNG's chunks right again, so that its edits are looked at."""
    mended, start = bytearray(content), len(_PNG)
    while start + 12 <= len(mended):
        end = start + 8 + int.from_bytes(mended[start : start + 4], "big")
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = zlib.crc32(mended[start + 4 : end]).to_bytes(4, "big")
        start = end + 4
    return bytes(mended)


def _content(choices: Choices) -> bytes:
    kind = choices.up_to(3)
    if kind == 0:
        return mutated(choices, choices.one_of(PNGS))
    if kind == 1:
        return mutated(choices, choices.one_of(OTHERS))
    return with_mended_sums(mutated(choices, choices.one_of(PNGS), declare_size))


def _accepts(folder: Path, files: Files) -> bool:
    try:
        pixels = read_digit(folder / NAME)
    except ImageError as error:
        assert files[NAME] not in PNGS + OTHERS, f"refused: {error}"
        assert "\n" not in str(error)
        return False
    assert pixels.shape == (784,)
    assert pixels.dtype == np.uint8
    assert pixels.any()
    return True


def _make(choices: Choices) -> Files:
    return {NAME: _content(choices), "model.npz": MODEL}


FORMAT = Format("image", _make, _accepts, ("query", NAME, "--model", "model.npz"))
