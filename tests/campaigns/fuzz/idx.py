"""IDX: what the kit reads must be what the published format says, byte for byte."""

import struct
from pathlib import Path

import numpy as np

from nn.data.dataset import open_dataset
from nn.data.streams import FIELDS
from tests.campaigns.fuzz.csv_text import check_against
from tests.campaigns.fuzz.formats import Files, Format
from tests.campaigns.fuzz.mutations import HUGE_NUMBERS, Choices, mutated

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_COUNTS = (0, 1, 3, 257)  # none, one, a few, more than a block


def _pair(count: int) -> tuple[bytes, bytes]:
    generator = np.random.default_rng(count)
    images = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28)
    labels = struct.pack(">4BI", 0, 0, 8, 1, count)
    return (
        images + generator.integers(0, 256, count * 784, dtype=np.uint8).tobytes(),
        labels + generator.integers(0, 10, count, dtype=np.uint8).tobytes(),
    )


PAIRS = [_pair(count) for count in _COUNTS]


def declare_count(choices: Choices, content: bytearray) -> None:
    """Let the header promise another count, often a huge one."""
    content[4:8] = struct.pack(">I", choices.one_of((0, 1, 2, 4, *HUGE_NUMBERS)) % 2**32)


def _make(choices: Choices) -> Files:
    """Spoil the images, the labels, or both."""
    images, labels = choices.one_of(PAIRS)
    which = choices.up_to(2)
    if which != 1:
        images = mutated(choices, images, declare_count)
    if which != 0:
        labels = mutated(choices, labels, declare_count)
    return {IMAGES: images, LABELS: labels}


def expected_rows(images: bytes, labels: bytes) -> list[list[int]] | None:
    """Read a pair by the published format; None where it does not fit together."""
    count = len(labels) - 8
    if count < 1 or len(images) != 16 + count * 784:
        return None
    if images[:16] != struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28):
        return None
    if labels[:8] != struct.pack(">4BI", 0, 0, 8, 1, count) or max(labels[8:]) > 9:
        return None
    return [
        [labels[8 + row], *images[16 + row * 784 : 16 + (row + 1) * 784]] for row in range(count)
    ]


def _read(path: Path):
    """Read rows of shape (n, 785) as every command does."""
    for pixels, labels in open_dataset(path).blocks():
        yield np.column_stack([labels, pixels]).reshape(-1, FIELDS)


def _accepts(folder: Path, files: Files) -> bool:
    return check_against(folder / IMAGES, expected_rows(files[IMAGES], files[LABELS]), _read)


FORMAT = Format("IDX", _make, _accepts, ("data", "info", IMAGES))
