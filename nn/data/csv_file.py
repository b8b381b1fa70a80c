"""Read and write digits as CSV text, one ``label,p0,...,p783`` per line.

numpy parses the bytes of the text in blocks, many times faster than ``split`` and ``int`` on each
line. If this fast parser refuses a block, `_explain` reads it again, slowly, to name the line and
the value at fault.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nn.data.kinds import convert_command
from nn.data.labels import DIGITS, Labels, more_labels
from nn.data.packed import Packer, count_packed, find_packed, read_packed
from nn.data.streams import BLOCK_ROWS, FIELDS, DatasetError, Stream
from nn.kit import command
from nn.signals import PIXELS

BLOCK_BYTES = (
    256 * 1024
)  # about 140 rows: with fewer, calling numpy costs a Pi more than arithmetic
LONGEST_LINE = 64 * 1024  # long enough for a header row with long names

_ZERO, _COMMA, _NEWLINE = b"0,\n"
_STARTS = tuple(slice(first, None) for first in range(5))
_UTF8_BOM = b"\xef\xbb\xbf"
_BLANK = "is blank, with more rows after it"
_COLUMNS = "Each line holds a label and 784 pixels"


class CsvDataset:
    """Digits in a CSV or CSV.gz file; its text is parsed once, then read from a packed file.

    Parameters
    ----------
    path : Path
    labels : Labels
        Those that the file may have.
    """

    format = "CSV"

    def __init__(self, path: Path, labels: Labels = DIGITS):
        self.path, self.labels = path, labels

    def files(self) -> list[Path]:
        """Return the files that hold the digits."""
        return [self.path]

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`. Raises DatasetError."""
        if packed := find_packed(self.path):
            for block in read_packed(packed, rows):
                if not self.labels.include(block[:, 0]):  # it was packed with more labels
                    for _ in read_csv(self.path, rows, self.labels):
                        pass  # until the line at fault raises an error
                yield block[:, 1:], self.labels.nodes(block[:, 0])
            return
        with closing(Packer(self.path)) as packer:
            for block in read_csv(self.path, rows, self.labels):
                packer.add(block)
                yield block[:, 1:], self.labels.nodes(block[:, 0])
            packer.finish()

    def estimate_rows(self) -> int | None:
        """Estimate the number of rows from the first 64 KB of the text, and its size."""
        if packed := find_packed(self.path):
            return count_packed(packed)
        with Stream(self.path) as file:
            try:
                head = file.read(LONGEST_LINE)
            except DatasetError:  # reading the rows will say so
                return None
            size = file.size()
        lines = head.count(b"\n")
        return round(size / len(head) * lines) if lines else None


def read_csv(
    path: Path, rows: int = BLOCK_ROWS, labels: Labels = DIGITS, end: int | None = None
) -> Iterator[np.ndarray]:
    """Parse a CSV or CSV.gz file in blocks; memory does not grow with the file.

    It accepts a header row that begins with "label", CRLF line endings, a byte-order mark, a
    missing last newline, and blank lines at the end.

    Parameters
    ----------
    path : Path
    rows : int
        In each block; the last may have fewer.
    labels : Labels
        Those that the file may have.
    end : int, optional
        Byte of a plain file at which to stop, as if it ended there.

    Yields
    ------
    block : ndarray of uint8, shape (rows, 785)
        The label in column 0, then the pixels.

    Raises
    ------
    DatasetError
        On anything else; the message names file and line, what was expected and what it got.
    """
    line, first_blank_line = 1, None
    filled, found_rows = 0, False
    block = np.empty((rows, FIELDS), np.uint8)
    with Stream(path, end) as file:
        while text := file.read_lines(BLOCK_BYTES, LONGEST_LINE):
            if line == 1:
                text, line = _skip_header(path, text.removeprefix(_UTF8_BOM))
            blank_lines = 0
            if text.endswith(b"\n\n") or text == b"\n":
                ended = text.rstrip(b"\n")
                ended += b"\n" if ended else b""
                blank_lines, text = len(text) - len(ended), ended
            if text and first_blank_line:
                raise _error(path, first_blank_line, _BLANK, _conversion(path))
            if text:
                parsed = parse_rows(text, labels.last)
                if parsed is None or (labels.first and not labels.include(parsed[:, 0])):
                    raise _explain(path, line, text, labels)
                found_rows = True
                line += len(parsed)
                while len(parsed):
                    taken = parsed[: rows - filled]
                    block[filled : filled + len(taken)] = taken
                    filled, parsed = filled + len(taken), parsed[len(taken) :]
                    if filled == rows:
                        yield block
                        block, filled = np.empty_like(block), 0
            if blank_lines:
                first_blank_line = first_blank_line or line
                line += blank_lines
    if filled:
        yield block[:filled]
    elif not found_rows:
        raise DatasetError(f"{path} has no rows: expected lines of a label and 784 pixel values")


def parse_rows(text: bytes, last_label: int = 9, fields: int = FIELDS) -> np.ndarray | None:
    """Turn complete lines of text into numbers by array arithmetic on their bytes.

    Parameters
    ----------
    text : bytes
        Lines of comma-separated whole numbers, each ending with a newline.
    last_label : int
        The highest number in the first column.
    fields : int
        The numbers in a line.

    Returns
    -------
    rows : ndarray of uint8, shape (n_lines, fields), or None
        None if any line has another form.
    """
    # Four bytes that are not digits precede the text. So the bytes before the end of a field are at
    # the same index in views that start one to four bytes earlier.
    buffer = np.full(len(text) + 4, 255, np.uint8)
    thousands, hundreds, tens, ones, digits = map(buffer.__getitem__, _STARTS)
    characters = np.frombuffer(text, np.uint8)
    np.subtract(characters, np.uint8(_ZERO), out=digits)  # wraps round: only '0'..'9' give 0..9
    ends = np.flatnonzero(digits > 9)  # the position of each field's separator
    line_ends = ends[fields - 1 :: fields]
    commas = np.count_nonzero(characters == _COMMA)
    lines = len(line_ends)
    if lines == 0 or len(ends) != fields * lines or commas != len(ends) - lines:
        return None
    if ends[-1] != len(text) - 1:
        return None
    values = ones.take(ends)
    if values.max() > 9 or np.any(characters.take(line_ends) != _NEWLINE):
        return None

    longer = np.flatnonzero(tens.take(ends) <= 9)  # about a fifth of MNIST's fields
    longer_ends = ends.take(longer)
    hundred = hundreds.take(longer_ends)
    hundred *= hundred <= 9
    below_hundred = tens.take(longer_ends) * np.uint8(10) + values.take(longer)
    numbers = below_hundred + hundred * np.uint8(100)  # wraps round above 255
    if np.any(hundred > 2) or np.any(numbers < below_hundred):
        return None
    too_long = thousands.take(longer_ends) <= 9
    too_long &= hundreds.take(longer_ends) <= 9
    if too_long.any():
        return None
    values[longer] = numbers

    rows = values.reshape(-1, fields)
    return rows if rows[:, 0].max() <= last_label else None


def _skip_header(path: Path, text: bytes) -> tuple[bytes, int]:
    """Skip a header row, if the text begins with one; return the rest and its line number."""
    header, _, rest = text.partition(b"\n")
    fields = header.split(b",")
    if fields[0].strip(b' "').lower() != b"label":
        return text, 1
    if len(fields) != FIELDS:
        advice = _conversion(path) if _can_be_converted(path, 1, header) else _COLUMNS
        raise _error(path, 1, f"is a header of {len(fields)} names: expected {FIELDS}", advice)
    return rest, 2


def _explain(path: Path, line: int, text: bytes, labels: Labels) -> DatasetError:
    """Find the first bad line of a block, and return an error that says what is wrong with it."""
    lines = text[:-1].split(b"\n")
    for number, content in enumerate(lines, start=line):
        if not content:
            return _error(path, number, _BLANK, _conversion(path))
        fields, complaint = content.split(b","), None
        advice = "Correct or remove the line"
        if len(fields) != FIELDS:
            complaint, advice = f"has {len(fields)} values: expected {FIELDS}", _COLUMNS
            if number == 1 and len(fields) == PIXELS:
                reader = command(f"predict {shlex.quote(str(path))}")
                advice = (
                    f"If it has no labels, as Kaggle's test.csv, let a network read it: {reader}"
                )
        else:
            for column, field in enumerate(fields, start=1):
                if complaint := _complaint(column, field, labels):
                    break
        if complaint:
            if _can_be_converted(path, number, content):
                advice = _conversion(path)
            elif fields[0].isdigit() and complaint.startswith("column 1:"):
                near = (each.partition(b",")[0] for each in lines)
                advice = more_labels(np.array([int(label) for label in near if label.isdigit()]))
            return _error(path, number, complaint, advice)
    raise AssertionError(f"{path}: the fast parser refused lines from {line} on without a cause")


def _complaint(column: int, field: bytes, labels: Labels) -> str | None:
    """Say why a field is not a label (column 1) or a pixel value; return None if it is one."""
    kind, lowest, highest = "pixel value", 0, 255
    if column == 1:
        kind, lowest, highest = "label", labels.first, labels.last
    if field.isdigit() and len(field) <= 3 and lowest <= int(field) <= highest:
        return None
    got = repr(field[:20].decode("ascii", "backslashreplace")) if field else "an empty field"
    return f"column {column}: expected a {kind} from {lowest} to {highest}, got {got}"


def _can_be_converted(path: Path, number: int, line: bytes) -> bool:
    """Tell whether a line that is refused here is in a form that ``data convert`` reads."""
    from nn.data.forms import recognise  # only needed for an error

    with Stream(path) as file:
        head = file.read_lines(BLOCK_BYTES, LONGEST_LINE)
    text = head.replace(b"\r", b"\n").decode("utf-8-sig", "replace")
    try:
        form = recognise(text.split("\n"))
        mended = number <= form.skipped or form.reads(line.partition(b"\r")[0].decode("utf-8"))
        return mended and bool(form.changes or b"\r" in head) and form.label is not None
    except (DatasetError, UnicodeDecodeError):
        return False


def _conversion(path: Path) -> str:
    return f"Convert the file: {convert_command(path)}"


def _error(path: Path, line: int, complaint: str, advice: str) -> DatasetError:
    return DatasetError(f"{path}:{line}: line {line} {complaint}. {advice}")


def write_csv(
    file: BinaryIO,
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    on_rows: Callable[[int], object] = lambda rows: None,
) -> int:
    """Write digits as CSV lines.

    Parameters
    ----------
    file : binary file
    blocks : iterable of (pixels, labels)
        Pixels uint8 of shape (n, 784), labels uint8 of shape (n,).
    on_rows : callable
        Called after each block, with its number of rows.

    Returns
    -------
    rows : int
        Number of rows written.
    """
    text_of = [str(value) for value in range(256)]
    count = 0
    for pixels, labels in blocks:
        for label, row in zip(labels.tolist(), pixels.tolist(), strict=True):
            line = f"{label},{','.join([text_of[value] for value in row])}\n"
            file.write(line.encode("ascii"))
        count += len(labels)
        on_rows(len(labels))
    return count
