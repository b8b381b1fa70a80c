"""CSV: what the kit reads must be what the csv module reads, by the rules of docs/data.md."""

import csv
import io
from pathlib import Path

import numpy as np

from nn.data import csv_file
from nn.data.streams import DatasetError
from tests.campaigns.fuzz.formats import Files, Format
from tests.campaigns.fuzz.mutations import Choices, mutated

FIELDS = 785
NAME = "digits.csv"
_BLOCK_BYTES = (512, 3001, csv_file.BLOCK_BYTES)  # shorter and longer than a line
_TOKENS = (
    *(b"0", b"7", b"9", b"10", b"99", b"100", b"199", b"249", b"255", b"007", b"00"),
    *(b"256", b"260", b"300", b"999", b"1000", b"0000", b"99999999999999999999"),
    *(
        b"",
        b" ",
        b" 1",
        b"1 ",
        b"-1",
        b"+1",
        b"1.0",
        b"1e2",
        b"0x1",
        b'"1"',
        b'"',
        b"nan",
        b"label",
    ),
    *(
        b"\x00",
        b"\r",
        b"\n",
        b"\r\n",
        b",",
        b";",
        b"/",
        b":",
        b"\xb2",
        b"\xd9\xa1",
        b"\xef\xbb\xbf",
    ),
)


def text_of(generator, count: int) -> bytes:
    """Write `count` random rows, most pixels blank as MNIST's are."""
    rows = generator.integers(0, 256, (count, FIELDS)) * (generator.random((count, FIELDS)) < 0.2)
    rows[:, 0] = generator.integers(0, 10, count)
    return "".join(",".join(map(str, row)) + "\n" for row in rows.tolist()).encode()


def _originals() -> list[bytes]:
    """Every form that docs/data.md says is accepted."""
    generator = np.random.default_rng(1)
    one, two = text_of(generator, 1), text_of(generator, 2)
    header = b"label," + b",".join(b"pixel%d" % number for number in range(784)) + b"\n"
    full = b"9" + b",255" * 784 + b"\n"
    forms = [
        one,
        two,
        header + one,
        b"\xef\xbb\xbf" + one,
        two + b"\n\n",
        two[:-1],
        full,
        one + full,
    ]
    return forms + [form.replace(b"\n", b"\r\n") for form in forms]


ORIGINALS = _originals()


def replace_field(choices: Choices, content: bytearray) -> None:
    """Put what is no number in range, or just so, into the place of a field."""
    start = choices.place(content)
    start = max(content.rfind(b",", 0, start), content.rfind(b"\n", 0, start)) + 1
    end = content.find(b",", start)
    content[start : end if end >= 0 else len(content)] = choices.one_of(_TOKENS)


def put_token_in(choices: Choices, content: bytearray) -> None:
    """Put one of these anywhere."""
    start = choices.place(content)
    content[start:start] = choices.one_of(_TOKENS)


def move_separator(choices: Choices, content: bytearray) -> None:
    """Swap two neighbours: the count of separators stays, the fields change."""
    start = choices.place(content)
    content[start : start + 2] = content[start : start + 2][::-1]


def expected_rows(content: bytes) -> list[list[int]] | None:
    """Read rows by the csv module; None where any line is no label and 784 pixel values.

    By the rules of docs/data.md: a byte-order mark, CRLF, a header of any 785 names that begins
    with "label" and blank lines at the end are accepted, quotes and lone carriage returns are not.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\r\n", "\n")
    text = (text[:-1] if text.endswith("\r") else text).rstrip("\n")
    names, _, rest = text.partition("\n")
    if names.split(",")[0].strip(' "').lower() == "label" and names.count(",") == FIELDS - 1:
        text = rest
    return plain_rows(text)


def plain_rows(text: str) -> list[list[int]] | None:
    """Read rows by the csv module from lines of numbers, and nothing but those."""
    if "\r" in text or not text:
        return None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), quoting=csv.QUOTE_NONE, strict=True))
    except csv.Error:
        return None
    return [list(map(int, row)) for row in rows] if all(map(_is_digit, rows)) else None


def _numbers(highest: int) -> set[str]:
    """List what may be written for 0 to `highest`: up to three digits, zeros before them too."""
    return {f"{number:0{width}}" for number in range(highest + 1) for width in (1, 2, 3)}


_LABELS, _PIXELS = _numbers(9), _numbers(255)


def _is_digit(row: list[str]) -> bool:
    """Tell whether a row is a label from 0 to 9 and 784 pixel values from 0 to 255."""
    return len(row) == FIELDS and row[0] in _LABELS and _PIXELS.issuperset(row)


def check_against(path: Path, expected: list[list[int]] | None, reader=csv_file.read_csv) -> bool:
    """Read a file with the kit, and hold what it gives or refuses against what is expected."""
    try:
        rows = [row for block in reader(path) for row in block.tolist()]
    except DatasetError as error:
        assert expected is None, f"right rows refused: {error}"
        return False
    assert expected is not None, "a wrong row accepted"
    assert rows == expected, "other rows read than there are"
    return True


def _accepts(folder: Path, files: Files) -> bool:
    content = files[NAME]
    usual = csv_file.BLOCK_BYTES
    csv_file.BLOCK_BYTES = _BLOCK_BYTES[len(content) % len(_BLOCK_BYTES)]
    try:
        return check_against(folder / NAME, expected_rows(content))
    finally:
        csv_file.BLOCK_BYTES = usual


def _make(choices: Choices) -> Files:
    return {NAME: mutated(choices, choices.one_of(ORIGINALS), *EDITS, *EDITS)}


EDITS = (replace_field, put_token_in, move_separator)
FORMAT = Format("CSV", _make, _accepts, ("data", "info", NAME))
