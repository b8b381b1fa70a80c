"""Recognise how a text file writes its digits, where that is not as `train` expects it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nn.data.doubts import labels_are_last
from nn.data.streams import FIELDS, DatasetError
from nn.signals import PIXELS

LOOKED_AT_ROWS = 256
ROUNDED = "rounded the pixels to whole numbers"
# Commas after those that decimal commas go with
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas", "": "spaces"}
_LABEL_NAMES = {*"label labels y target targets class classes digit digits number y_train".split()}
_INDEX_NAMES = {"", "unnamed: 0", "index", "id", "imageid", "row"}
_QUOTES = " \t\"'"
_NO_ROWS = "has no rows: expected lines of a label and 784 pixel values"


@dataclass(frozen=True)
class Form:
    """How a text file writes its digits.

    Attributes
    ----------
    skipped : int
        The lines before the first row.
    separator : str
        Between two numbers; empty for any blank space.
    columns : int
        The numbers in a row.
    label : int or None
        The column of the label; None if there is none.
    first_pixel : int
        The column of the first pixel; a label among them is passed over.
    scale : int
        What pixels are multiplied by: 255 for pixels from 0 to 1, otherwise 1.
    changes : tuple of str
        What makes it the CSV that `train` reads; empty if it is already.
    """

    skipped: int
    separator: str
    columns: int
    label: int | None
    first_pixel: int
    scale: int
    changes: tuple[str, ...]

    def fields(self, line: str) -> list[str]:
        """Split a line; its numbers are in the form that Python writes."""
        return split(line, self.separator)

    def reads(self, line: str) -> bool:
        """Return whether a line has the right number of numbers, none out of range."""
        fields = self.fields(line)
        if len(fields) != self.columns or not all(map(_is_number, fields)):
            return False
        pixels, labels = self.split_columns(np.array([fields], float))
        in_range = as_bytes(pixels, self.scale)[1] is None
        return in_range and (labels is None or as_bytes(labels[:, None], 1, whole=True)[1] is None)

    def plain(self, text: bytes) -> bytes:
        """Write lines as `train` reads them, if only marks between their numbers differ."""
        mark = self.separator.encode()
        if not mark:
            return re.sub(rb"[ \t]+", b",", re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", text))
        if b'"' in text:
            text = text.replace(b'"' + mark + b'"', mark)
            text = re.sub(rb'(?m)^"|"$', b"", text)
        if b" " in text:
            text = re.sub(rb" *" + re.escape(mark) + rb" *", mark, text)
            text = re.sub(rb"(?m)^ +| +$", b"", text)
        if text.endswith(mark + b"\n"):
            text = text.replace(mark + b"\n", b"\n")
        return text if mark == b"," else text.replace(mark, b",")

    def parse(self, text: bytes, path: Path, line: int) -> np.ndarray:
        """Turn lines into numbers, float of shape (n, columns), however they are written.

        Raises
        ------
        DatasetError
            The message names the path and the first bad line.
        """
        lines = enumerate(text.decode("utf-8", "replace").split("\n"), start=line)
        rows = {number: self.fields(each) for number, each in lines if not is_blank(each)}
        try:
            values = np.array([*rows.values()], float)
            if values.shape[1] == self.columns:
                return values
        except ValueError:  # the lengths differ, or not all are numbers
            pass
        for number, fields in rows.items():
            if len(fields) != self.columns:
                raise DatasetError(
                    f"{path}:{number}: line {number} has {len(fields)} values: expected "
                    f"{self.columns}, as in the first line. Correct or remove the line"
                )
            for column, field in enumerate(fields, start=1):
                if not _is_number(field):
                    raise DatasetError(
                        f"{path}:{number}: line {number} column {column}: expected a number, got "
                        f"{field[:20]!r}. Correct or remove the line"
                    )
        raise AssertionError(f"{path}: numpy refused lines from {line} on without a cause")

    def split_columns(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the pixels and the labels of rows of shape (n, columns)."""
        pixels = rows[:, self.first_pixel :]
        if self.label is None:
            return pixels, None
        if self.label > self.first_pixel:
            pixels = np.delete(pixels, self.label - self.first_pixel, axis=1)
        return pixels, rows[:, self.label]


def is_blank(line: str) -> bool:
    """Return whether a line has no numbers, or only separators, as Excel writes some."""
    return not line.strip(_QUOTES + ",;|\n")


def split(line: str, separator: str) -> list[str]:
    """Split a line into fields without quotes, and without the empty one after a last separator."""
    if separator != ",":
        line = line.replace(",", ".")  # the decimal mark of much of Europe
    fields = [field.strip(_QUOTES) for field in line.split(separator or None)]
    return fields[:-1] if fields and not fields[-1] else fields


def recognise(lines: Sequence[str]) -> Form:
    """Recognise the form of a text by its first lines.

    Raises
    ------
    DatasetError
        When they are in no form that is known; the message begins with what is wrong.
    """
    first, separator, names, changes = _find_rows(lines)
    texts = [line for line in lines[first:] if not is_blank(line)][:LOOKED_AT_ROWS]
    rows = [split(line, separator) for line in texts]
    columns = len(rows[0]) if rows else 0
    good = [row for row in rows if len(row) == columns and all(map(_is_number, row))]
    if not rows:
        raise DatasetError(_NO_ROWS)
    if not good:
        fields = enumerate(rows[0], start=1)
        column, got = next(each for each in fields if not _is_number(each[1]))
        raise DatasetError(f"line {first + 1} column {column}: expected a number, got {got[:20]!r}")
    values = np.array(good, float)
    if names and len(names) == columns - 1:
        names = ["", *names]  # as R writes it: no name above the rows' own
    if names and len(names) != columns:
        raise DatasetError(
            f"has {columns} values in a row, but a header of {len(names)} names: expected equal "
            "numbers"
        )
    label, first_pixel, moved = _layout(values, names)
    changes = [*changes, *_spelling(texts, separator), *moved]
    form = Form(first, separator, columns, label, first_pixel, 1, ())
    pixels, _ = form.split_columns(values)
    scale = scale_of(pixels)
    if scale != 1:
        changes.append("multiplied the pixels by 255, since they went from 0 to 1")
    elif np.any(pixels % 1):
        changes.append(ROUNDED)
    elif any("." in text or "e" in text for text in good[0]):
        changes.append("wrote the whole numbers without decimals")
    return replace(form, scale=scale, changes=tuple(changes))


def _find_rows(lines: Sequence[str]) -> tuple[int, str, list[str] | None, list[str]]:
    """Find the first row: the lines before it, the separator, the columns' names, the changes."""
    lines = [*lines, ""]
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    names, changes, separator = None, [], None
    if re.match(r"@relation\b|%", lines[first].strip(), re.IGNORECASE):
        names, first = _arff_names(lines)
        separator = ","
        changes.append("left out the ARFF header")
    elif given := re.fullmatch(r'"?sep=(.)"?[,;]*', lines[first].strip("\r\n "), re.IGNORECASE):
        separator = given[1]
        first += 1
        changes.append(f"left out the line sep={given[1]}")
    while first < len(lines) - 1 and (
        is_blank(lines[first])
        or (lines[first][0] == "#" and len(lines[first].split(separator or ",")) < PIXELS)
    ):
        if not is_blank(lines[first]):
            changes.append("left out a comment")
        first += 1
    line = lines[first].lstrip("#")
    if names and line.lstrip().startswith("{"):
        raise DatasetError("has sparse rows, {...}: expected rows of 785 values")
    if is_blank(line):
        raise DatasetError(_NO_ROWS)
    if separator is None or line.count(separator) < PIXELS - 1:
        found = (mark for mark in _SEPARATORS if mark and line.count(mark) >= PIXELS - 1)
        separator = next(found, "" if len(line.split()) >= PIXELS else ",")
    fields = split(line, separator)
    if len(fields) < PIXELS:
        raise DatasetError(
            f"line {first + 1} has {len(fields)} values: expected a label and 784 pixels"
        )
    if _are_names(fields):
        names = fields
        first += 1
        if names[0].lower() != "label":
            changes.append("left out the header line")
    return first, separator, names, changes


def scale_of(pixels: np.ndarray) -> int:
    """Return what the first pixels of a file must be multiplied by to reach from 0 to 255.

    Most decide: one that is out of range must not make nonsense of the others.
    """
    inked = pixels[pixels > 0]
    return 255 if inked.size and (inked <= 1).mean() > 0.5 else 1


def as_bytes(
    values: np.ndarray, scale: int, whole: bool = False
) -> tuple[np.ndarray, tuple[tuple[int, int], float] | None]:
    """Turn numbers into bytes.

    Parameters
    ----------
    values : ndarray of shape (n, m)
    scale : int
        What they are multiplied by.
    whole : bool
        Whether they must be whole numbers already.

    Returns
    -------
    numbers : ndarray of uint8, shape (n, m)
    wrong : ((row, column), value) or None
        The first that is out of range.
    """
    if scale == 1 and values.dtype == np.uint8:
        return values, None
    scaled = values * float(scale)
    rounded = np.rint(scaled)
    right = (rounded >= 0) & (rounded <= 255)  # a NaN is neither
    if whole:
        right &= rounded == scaled
    if right.all():
        return rounded.astype(np.uint8), None
    place = tuple(map(int, np.argwhere(~right)[0]))
    return np.zeros(values.shape, np.uint8), (place, float(values[place]))


def _layout(values: np.ndarray, names: list[str] | None) -> tuple[int | None, int, list[str]]:
    """Find the column of the labels and the first of the pixels, and say what to change."""
    columns, changes, start = values.shape[1], [], 0
    lower = [name.lower() for name in names] if names else [None] * columns
    counted = columns == FIELDS + 1 and len(values) > 1 and np.all(np.diff(values[:, 0]) == 1)
    labelled = [column for column, name in enumerate(lower) if name in _LABEL_NAMES]
    if columns > PIXELS and ((lower[0] in _INDEX_NAMES and labelled != [0]) or counted):
        start = 1
        changes.append("left out the first column, an index")
    if columns - start == PIXELS:
        return None, start, changes
    if columns - start != FIELDS:
        raise DatasetError(
            f"has {columns} values in a row: expected a label and 784 pixels, 785 values"
        )
    label = start
    if len(labelled) == 1:
        (label,) = labelled
    elif labels_are_last(values[:, start], values[:, -1]):
        label = columns - 1
    if label == start:
        return label, start + 1, changes
    changes.append(f"moved the labels from column {label + 1} to column 1")
    return label, start, changes


def _spelling(texts: Sequence[str], separator: str) -> list[str]:
    """Say what is to be changed in how the numbers are written and separated."""
    changes, joined = [], "\n".join(texts[:9])
    if separator != ",":
        changes.append(f"wrote commas instead of {_SEPARATORS.get(separator, repr(separator))}")
        if "," in joined:
            changes.append("wrote decimal points instead of commas")
    if '"' in joined or "'" in joined:
        changes.append("removed the quotes")
    if separator and " " in joined:
        changes.append("removed the spaces")
    if separator and texts[0].rstrip().endswith(separator):
        changes.append("left out the empty column at the end of each line")
    return changes


def _arff_names(lines: Sequence[str]) -> tuple[list[str], int]:
    """Return the attributes' names of an ARFF file, and the number of lines before its rows."""
    names = []
    for number, line in enumerate(lines):
        if found := re.match(r"\s*@attribute\s+('[^']*'|\"[^\"]*\"|\S+)", line, re.IGNORECASE):
            names.append(found[1].strip(_QUOTES))
        if re.match(r"\s*@data\b", line, re.IGNORECASE):
            return names, number + 1
    raise DatasetError("has no line @data: expected ARFF")


def _are_names(fields: Sequence[str]) -> bool:
    """Tell whether the fields of a first line are names, or the numbers of columns."""
    numeric = [*map(_is_number, fields)]
    if all(numeric):
        numbers = np.array(fields, float)
        return len(numbers) > 1 and bool(np.all(np.diff(numbers) == 1))
    return not (numeric[0] and numeric[-1]) or sum(numeric) < len(numeric) / 2


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
