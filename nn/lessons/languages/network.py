"""The book's loop as a program of the same form as network.R, network.fs and network.c.

Run it with ``python -m nn.lessons.languages.network --help``.
"""

import math
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nn.errors import KitError
from nn.lessons import book_loop
from nn.saving.weights_text import WeightsTextError, read_weights, write_weights

USAGE = (
    "usage: python -m nn.lessons.languages.network HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv "
    "TEST.csv FIRST_WEIGHTS LAST_WEIGHTS"
)
_ROW = re.compile(r"(?:[0-9]{1,3}+,)*+[0-9]{1,3}")
_HEADER = re.compile(r'[ "]*label[ "]*(,|$)', re.IGNORECASE)
_LONGEST_LINE = 65536
_SIZES = re.compile(rb"\d+ \d+ \d+\n")


class ProgramError(KitError, ValueError):
    """An argument, a row or a file is not what the program expects."""


def main(words: list[str]) -> None:
    """Train, test, print accuracy and seconds."""
    if words == ["--help"]:
        print(USAGE)
        return
    if len(words) != 7:
        raise ProgramError(f"expected 7 arguments, got {len(words)}; {USAGE}")
    start = time.perf_counter()
    hidden_nodes = _number("HIDDEN_NODES", words[0], whole=True)
    learning_rate = _number("LEARNING_RATE", words[1], whole=False)
    epochs = _number("EPOCHS", words[2], whole=True)
    train_file, test_file, first, last = map(Path, words[3:])
    wih, who = read_weights(first)
    if len(wih) != hidden_nodes:
        raise WeightsTextError(
            f"{first}: expected weights of {hidden_nodes} hidden nodes, got {len(wih)}: write them "
            f"with pi-nn weights --hidden-nodes {hidden_nodes}"
        )
    _check_files(test_file, last)  # now, not after hours of training
    sizes = wih.shape[1], len(who)

    for epoch in range(epochs):
        for number, (label, inputs) in enumerate(digits(train_file, *sizes), start=1):
            targets = np.full(len(who), 0.01)
            targets[label] = 0.99
            book_loop.learn(wih, who, inputs, targets, learning_rate)
            if number % 500 == 0 and sys.stderr.isatty():
                print(f"\repoch {epoch + 1} of {epochs}: {number} digits ", end="", file=sys.stderr)
    answers = [
        np.argmax(book_loop.answer(wih, who, inputs)) == label
        for label, inputs in digits(test_file, *sizes)
    ]
    if not all(np.isfinite(weights).all() for weights in (wih, who)):
        raise ProgramError("the training diverged: lower LEARNING_RATE")
    write_weights(last, wih, who)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"accuracy {np.mean(answers):.4f}")
    print(f"seconds {time.perf_counter() - start:.2f}")


def digits(path: Path, n_inputs: int, n_outputs: int) -> Iterator[tuple[int, np.ndarray]]:
    """Read a CSV file a line at a time; yield label and scaled inputs, of shape (n_inputs,)."""
    first_blank, rows = 0, 0
    with path.open(encoding="utf-8-sig", errors="backslashreplace", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            text = line.removesuffix("\n").removesuffix("\r")
            fields = text.split(",")
            if number == 1 and text.startswith("\x1f\\x8b"):
                raise ProgramError(f"{path} is a gzip file: unpack it with gunzip")
            if len(text) > _LONGEST_LINE:
                raise ProgramError(
                    f"{path}:{number}: is too long: expected a label and pixels, separated by "
                    "commas"
                )
            if not text:
                first_blank = first_blank or number
                continue
            if first_blank:
                raise ProgramError(
                    f"{path}:{first_blank}: is blank, with more rows after it: remove it"
                )
            if len(fields) != n_inputs + 1:
                raise ProgramError(
                    f"{path}:{number}: has {len(fields)} values: expected {n_inputs + 1}, a label "
                    f"and {n_inputs} pixels"
                )
            if number == 1 and _HEADER.match(text):
                continue
            if not _ROW.fullmatch(text):
                _refuse_field(path, number, fields, n_outputs)
            label, inputs = book_loop.parse(text)
            if label >= n_outputs or inputs.max() > 1.0:
                _refuse_field(path, number, fields, n_outputs)
            rows += 1
            yield label, inputs
    if not rows:
        raise ProgramError(
            f"{path} has no rows: expected lines of a label and {n_inputs} pixel values"
        )


def _refuse_field(path: Path, number: int, fields: list[str], n_outputs: int) -> None:
    for column, field in enumerate(fields, start=1):
        kind, highest = ("label", n_outputs - 1) if column == 1 else ("pixel value", 255)
        if not re.fullmatch(r"[0-9]{1,3}", field) or int(field) > highest:
            raise ProgramError(
                f"{path}:{number}: column {column}: expected a {kind} from 0 to {highest}, got "
                f"{field[:20]!r}"
            )


def _number(name: str, text: str, *, whole: bool) -> int | float:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        number = math.nan
    if not (number > 0 and math.isfinite(number) and (number < 1e6 or not whole)):
        expected = "whole number from 1 to 999999" if whole else "number above 0"
        raise ProgramError(f"{name}: expected a {expected}, got {text!r}")
    return number


def _check_files(test_file: Path, last: Path) -> None:
    """Raise an error if digits cannot be read, or if weights would replace something else."""
    test_file.open("rb").close()
    if not last.parent.is_dir():
        raise ProgramError(f"{last}: No such file or directory")
    if last.exists():
        with last.open("rb") as file:
            if not _SIZES.fullmatch(file.readline(100)):
                raise ProgramError(
                    f"{last} exists and is not a file of weights: choose another name"
                )


if __name__ == "__main__":
    np.seterr(all="ignore")  # weights that are no numbers are refused in the end
    try:
        main(sys.argv[1:])
    except KitError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit(130)
