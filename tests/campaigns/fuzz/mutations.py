"""Spoil valid files the way disks, networks and attackers do.

Every choice is taken from a string of bytes, which hypothesis or atheris provides: both know how
to vary, to shrink and to repeat those.
"""

from collections.abc import Callable, Sequence

CHOICE_BYTES = 48  # enough for four edits
MOST_EDITS = 4
LONGEST_PIECE = 64
# Where counts and sizes turn over, and MNIST's own.
NUMBERS = (0, 1, 2, 9, 10, 27, 28, 29, 127, 128, 255, 256, 784, 785, 32767, 32768, 65535, 65536)
HUGE_NUMBERS = (2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)


class Choices:
    """Choices taken from bytes, one after the other; the first of all when they run out."""

    def __init__(self, content: bytes):
        self._content, self._used = content, 0

    def up_to(self, highest: int) -> int:
        """Choose a whole number from 0 to `highest`."""
        width = 1 if highest < 256 else 3
        return int.from_bytes(self.some_bytes(width), "little") % (highest + 1)

    def one_of(self, options: Sequence):
        """Choose one of the options."""
        return options[self.up_to(len(options) - 1)]

    def some_bytes(self, count: int) -> bytes:
        """Choose `count` bytes."""
        piece = self._content[self._used : self._used + count]
        self._used += count
        return piece.ljust(count, b"\0")

    def place(self, content: bytes) -> int:
        """Choose an offset, the header's as often as all others together."""
        near = min(len(content), LONGEST_PIECE)
        return self.up_to(near if self.up_to(1) else len(content))


Edit = Callable[[Choices, bytearray], None]


def mutated(choices: Choices, original: bytes, *own_edits: Edit) -> bytes:
    """Spoil a valid file by up to four edits, `own_edits` being those of its format."""
    content = bytearray(original)
    for _ in range(choices.up_to(MOST_EDITS)):
        choices.one_of(EDITS + own_edits)(choices, content)
    return bytes(content)


def flip_bit(choices: Choices, content: bytearray) -> None:
    """Flip a bit, as bad memory does."""
    if content:
        content[choices.place(content) - 1] ^= 1 << choices.up_to(7)


def cut_off(choices: Choices, content: bytearray) -> None:
    """Cut the end off, as a broken transfer does."""
    del content[choices.place(content) :]


def take_out(choices: Choices, content: bytearray) -> None:
    """Take a piece out of the middle."""
    start = choices.place(content)
    del content[start : start + 1 + choices.up_to(LONGEST_PIECE)]


def put_in(choices: Choices, content: bytearray) -> None:
    """Put bytes in anywhere, the end included."""
    start = choices.place(content)
    content[start:start] = choices.some_bytes(1 + choices.up_to(7))


def overwrite(choices: Choices, content: bytearray) -> None:
    """Write over a piece without moving the rest."""
    start, piece = choices.place(content), choices.some_bytes(1 + choices.up_to(7))
    content[start : start + len(piece)] = piece


def splice(choices: Choices, content: bytearray) -> None:
    """Copy a piece, short or long, to another place."""
    start, target = choices.place(content), choices.place(content)
    content[target:target] = content[start : start + choices.one_of([1, 16, 1570, 4096])]


def blank_out(choices: Choices, content: bytearray) -> None:
    """Turn a piece into zeros, as a lost sector does."""
    start = choices.place(content)
    length = min(choices.one_of([1, 16, 512, 4096]), len(content) - start)
    content[start : start + length] = bytes(length)


def change_number(choices: Choices, content: bytearray) -> None:
    """Write a number, often a huge one, where a count or size may stand."""
    start, width = choices.place(content), choices.one_of([1, 2, 4, 8])
    number = choices.one_of(NUMBERS + HUGE_NUMBERS) % (1 << 8 * width)
    content[start : start + width] = number.to_bytes(width, choices.one_of(["big", "little"]))


EDITS = (flip_bit, cut_off, take_out, put_in, overwrite, splice, blank_out, change_number)
