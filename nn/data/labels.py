"""The labels of a dataset: consecutive numbers, each with a name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nn.data.streams import DatasetError

MOST_LABELS = 256  # a label is one byte
_EXPECTED = (
    f"a number from 2 to {MOST_LABELS}, a range such as 1-26, or a file with one name in a line"
)


@dataclass(frozen=True)
class Labels:
    """The labels that a dataset may have; output node i of a network answers with name i.

    Attributes
    ----------
    names : tuple of str
        In the order of the labels.
    first : int
        The label of the first name: 0, as a rule, but 1 in EMNIST's letters.
    counted : bool
        Whether only their number was given: then a file of n labels may also begin at 1.
    """

    names: tuple[str, ...]
    first: int = 0
    counted: bool = False

    @property
    def last(self) -> int:
        """Return the highest label."""
        return self.first + len(self.names) - 1

    def include(self, found: np.ndarray) -> bool:
        """Return whether all of these labels are among them."""
        return bool(found.max() <= self.last and (self.first == 0 or found.min() >= self.first))

    def nodes(self, found: np.ndarray) -> np.ndarray:
        """Return the output nodes, from 0, for labels of shape (n,)."""
        return found - np.uint8(self.first) if self.first else found

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


DIGITS = Labels(tuple("0123456789"))
ANY_LABEL = Labels(tuple(map(str, range(MOST_LABELS))))


def numbered(first: int, last: int, counted: bool = False) -> Labels:
    """Return labels whose names are their numbers."""
    return Labels(tuple(map(str, range(first, last + 1))), first, counted)


def parse_labels(text: str) -> Labels:
    """Understand the value of the flag --labels.

    Parameters
    ----------
    text : str
        A count (26), a range (1-26), or the path of a file. Each line of the file has the name of
        one label, beginning with label 0; or, as EMNIST's mapping files do, the number of the label
        and its characters' codes (``1 65 97``), or its number and its name (``1 A``).

    Raises
    ------
    DatasetError
        When it is none of these.
    """
    span = re.fullmatch(r"\s*(?:(\d+)\s*-\s*)?(\d+)\s*", text, re.ASCII)
    if span and not Path(text).is_file():
        first, last = int(span[1] or 0), int(span[2]) - (span[1] is None)
        if not first < last < MOST_LABELS:
            raise DatasetError(f"--labels {text}: expected {_EXPECTED}")
        return numbered(first, last, counted=span[1] is None)
    try:
        content = Path(text).read_bytes()[: 1 << 20]
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
    except FileNotFoundError:
        raise DatasetError(f"--labels {text}: no such file. Expected {_EXPECTED}") from None
    except UnicodeDecodeError:
        raise DatasetError(f"--labels {text}: expected text in UTF-8, got other bytes") from None
    return _listed(text, [line for line in lines if line])


def _listed(path: str, lines: list[str]) -> Labels:
    """Return the labels that the lines of a file list."""
    words = [line.replace(",", " ").split(maxsplit=1) for line in lines]
    first, names = 0, lines
    if words and all(len(each) == 2 and each[0].isdecimal() for each in words):
        first = int(words[0][0])
        for line, (number, _name) in enumerate(words):
            if int(number) != first + line:
                raise DatasetError(
                    f"{path}:{line + 1}: expected label {first + line}, got {number}: expected "
                    "consecutive labels"
                )
        names = [_decoded(name) for _, name in words]
    if not 2 <= len(names) <= MOST_LABELS - first:
        raise DatasetError(
            f"{path} has {len(names)} names: expected from 2 to {MOST_LABELS}, one in a line"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DatasetError(f"{path} has the name {twice!r} twice: expected a name for each label")
    return Labels(tuple(names), first)


def _decoded(name: str) -> str:
    """Turn the codes of characters, as in EMNIST's mapping files, into the characters."""
    codes = name.split()
    if all(code.isdecimal() and len(code) > 1 and 33 <= int(code) < 0x3000 for code in codes):
        return "".join(chr(int(code)) for code in codes)
    return name


def labels_of_model(about: Mapping, output_nodes: int) -> Labels | None:
    """Return the labels that a model was trained on, by its file; None if they are unknown.

    Parameters
    ----------
    about : mapping
        The metadata of the model's file.
    output_nodes : int
    """
    names, first = about.get("labels"), about.get("first_label", 0)
    if (
        isinstance(names, list)
        and len(names) == output_nodes
        and all(isinstance(name, str) for name in names)
        and isinstance(first, int)
        and 0 <= first <= MOST_LABELS - len(names)
    ):
        return Labels(tuple(names), first)
    return DIGITS if output_nodes == len(DIGITS) else None


def settle_first(labels: Labels, found: np.ndarray) -> Labels:
    """Decide whether labels of which only the number was given begin at 0 or at 1.

    Parameters
    ----------
    labels : Labels
    found : ndarray of int
        Those of the first rows of a file: if they reach the number itself and none is 0, they begin
        at 1, as in EMNIST's letters.
    """
    if labels.counted and found.size and found.min() >= 1 and found.max() == len(labels):
        return numbered(1, len(labels))
    return labels


def more_labels(found: np.ndarray) -> str:
    """Advise on --labels, by some of a file's labels."""
    lowest, highest = int(found.min()), int(found.max())
    if highest >= MOST_LABELS:
        return "Correct or remove the line"
    return (
        f"If the file has more labels (those near this one go from {lowest} to {highest}), give "
        f"their number, or a file with their names: --labels {highest + (lowest == 0)}"
    )
