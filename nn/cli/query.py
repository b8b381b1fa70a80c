"""``query``: read the digits in each picture."""

import glob
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nn.cli.arguments import add_json_flag
from nn.cli.console import remark
from nn.cli.files import (
    TargetError,
    add_reader_flag,
    check_picture_target,
    given_reader,
    load_reader,
)
from nn.errors import KitError

if TYPE_CHECKING:  # which would import numpy
    from nn.answers import Answer
    from nn.images import Page

_BAR_WIDTH = 30
_SECONDS_TO_PROGRESS = 2
_ENDINGS = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".heic", ".heif"}


class NoPicturesError(KitError, FileNotFoundError):
    """A folder or a pattern names no pictures."""


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="a picture of one digit or more, any size; a folder; or a pattern such as '*.jpg'",
    )
    add_reader_flag(parser)
    parser.add_argument(
        "--show",
        metavar="FILE.png",
        help="draw the picture beside what the network saw, and its outputs; for one picture",
    )
    parser.add_argument("--force", action="store_true", help="let --show replace a picture")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Read each picture; continue with the others if one cannot be read."""
    from nn.answers import Answer
    from nn.images import read_page
    from nn.signals import scale_pixels

    model = given_reader(arguments.model)
    network, labels = load_reader(model)
    errors, paths = [], []
    for name in arguments.images:
        try:
            paths += _pictures(name)
        except NoPicturesError as error:
            errors.append({"picture": name, "error": str(error)})
            remark(f"error: {error}")
    if arguments.show:
        _check_show(arguments.show, arguments.force, len(paths))
    results = []
    for number, path in enumerate(paths, 1):
        try:
            with _saying_what_takes_long(f"reading {path}, {number} of {len(paths)}"):
                page = read_page(path)
        except KitError as error:
            errors.append({"picture": path, "error": str(error)})
            remark(f"error: {error}")
            continue
        outputs = [network.query(scale_pixels(each.pixels, network.dtype)) for each in page.digits]
        answers = [Answer(each, labels.names) for each in outputs]
        if arguments.json:
            results.append(_as_json(path, page, answers))
        else:
            _print(path, page, answers)
        if arguments.show:
            from nn.plots import answered_page, save_figure

            with _saying_what_takes_long(f"drawing {arguments.show}"):
                save_figure(answered_page(page, answers), arguments.show)
            remark(f"Drawn: {arguments.show}")
    if arguments.json:
        print(json.dumps({"model": model, "pictures": results, "errors": errors}))
    return 1 if errors else 0


def _pictures(name: str) -> list[str]:
    """List the pictures that an argument names: one, a folder's, or those of a quoted pattern."""
    path = Path(name)
    if path.is_dir():
        found = [str(each) for each in path.iterdir() if each.suffix.lower() in _ENDINGS]
        if not found:
            raise NoPicturesError(
                f"{name}: this folder contains no pictures: expected files that end in "
                f"{', '.join(sorted(_ENDINGS))}"
            )
        return sorted(found)
    if not path.exists() and any(each in name for each in "*?["):
        if not (found := glob.glob(name)):  # noqa: PTH207 - may be absolute
            raise NoPicturesError(f"{name}: no file matches this pattern: check folder and ending")
        return sorted(found)
    return [name]


def _check_show(name: str, force: bool, pictures: int) -> None:
    """Refuse to draw several pictures, or over a picture that the user may want to keep."""
    if pictures != 1:
        raise TargetError(f"--show draws one picture, got {pictures}: name one picture")
    check_picture_target(name)
    if Path(name).exists() and not force:
        raise TargetError(f"{name} already exists: use --force to replace it")


@contextmanager
def _saying_what_takes_long(what: str) -> Iterator[None]:
    timer = threading.Timer(_SECONDS_TO_PROGRESS, remark, (f"{what}: this takes a while",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _print(path: str, page: "Page", answers: "list[Answer]") -> None:
    if len(answers) == 1:
        print(f"{path}: {answers[0]}")
    else:
        print(f"{path}: {_in_lines(page, answers)} ({len(answers)} digits)")
    for number, answer in enumerate(answers, 1):
        if len(answers) > 1:
            print(f" digit {number} of {len(answers)}: {answer}")
        width = max(map(len, answer.names))
        for name, signal in zip(answer.names, answer.outputs, strict=True):
            bar = "#" * round(_BAR_WIDTH * float(signal))
            print(f"  {name:>{width}}  {signal:5.2f}  {bar}".rstrip())


def _in_lines(page: "Page", answers: "list[Answer]") -> str:
    """Write the digits of a page: lines with a space between them, ? for one that is not sure."""
    text, line = "", page.digits[0].line
    for digit, answer in zip(page.digits, answers, strict=True):
        text += " " * (digit.line != line) + answer.name + "?" * (not answer.is_sure)
        line = digit.line
    return text


def _as_json(path: str, page: "Page", answers: "list[Answer]") -> dict:
    height, width = page.picture.shape[:2]
    return {
        "picture": path,
        "digits": [
            {
                "answer": answer.name,
                "sure": answer.is_sure,
                "next_best": answer.names[answer.next_best],
                "outputs": [round(float(signal), 4) for signal in answer.outputs],
                "line": digit.line + 1,
                # shares of the picture's width and height
                "box": {
                    "left": round(digit.left / width, 4),
                    "top": round(digit.top / height, 4),
                    "right": round(digit.right / width, 4),
                    "bottom": round(digit.bottom / height, 4),
                },
            }
            for digit, answer in zip(page.digits, answers, strict=True)
        ],
    }
