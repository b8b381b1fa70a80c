"""What commands say to people, and where: progress and remarks never mix with results."""

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # which would import numpy
    from nn.data.dataset import Dataset

SECONDS_TO_FIRST_LINE, SECONDS_BETWEEN_LINES = 5, 60  # of progress, in a log


def remark(message: str) -> None:
    """Tell something on the way, on standard error; when nobody is there any more, do nothing."""
    if sys.stderr:  # None when it is closed, and print would take standard output instead
        with _given_up_when_gone():
            print(message, file=sys.stderr, flush=True)


def drop_unwritten(stream: TextIO | None) -> None:
    """Keep Python from trying once more, at its end, to write what could not be written."""
    try:
        if stream:
            stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _given_up_when_gone() -> Iterator[None]:
    """Write to standard error; where its terminal is gone, let it be, now and later."""
    try:
        yield
    except OSError:
        drop_unwritten(sys.stderr)


def stderr_is_terminal() -> bool:
    """Tell whether somebody sees what is said on standard error as it is said."""
    return bool(sys.stderr and sys.stderr.isatty())


@contextmanager
def progress(
    what: str, dataset: "Dataset", passes: int = 1, done: tuple[int, int] = (0, 0)
) -> Iterator:
    """Show a bar with rate and time left over `passes` of a dataset; in a log, a line a minute.

    `done` are passes, and rows of the next, that were done before.

    Yields
    ------
    advance : callable
        To be told how many rows are done.
    """
    rows = dataset.estimate_rows()
    total = rows * passes if rows else None
    if not stderr_is_terminal():
        yield _lines(what, total, done[0] * (rows or 0) + done[1])
        return
    from tqdm import tqdm

    screen = shutil.get_terminal_size()  # 80 by 24 on a serial line, where tqdm would see 0 by 0
    bar = tqdm(
        total=total,
        initial=done[0] * (rows or 0) + done[1],
        desc=what,
        unit=" digits",
        unit_scale=True,
        ncols=screen.columns,
        nrows=screen.lines,
        leave=False,
    )

    def advance(rows: int) -> None:
        with _given_up_when_gone():
            bar.update(rows)

    try:
        yield advance
    finally:
        with _given_up_when_gone():
            bar.close()


def _lines(what: str, total: int | None, done: int) -> Callable[[int], None]:
    """Make a function that takes the rows just done and reports progress once a minute."""
    said_at = time.monotonic() - SECONDS_BETWEEN_LINES + SECONDS_TO_FIRST_LINE

    def advance(rows: int) -> None:
        nonlocal done, said_at
        done += rows
        if time.monotonic() - said_at >= SECONDS_BETWEEN_LINES:
            said_at = time.monotonic()
            share = f" of about {total:,}, {min(100, 100 * done // total)} %" if total else ""
            remark(f"{what}: {done:,} digits{share}")

    return advance


def this_program() -> str:
    """Return how the user started this program, to name the next command as it must be typed."""
    if not sys.argv[0].endswith("__main__.py"):
        return shlex.quote(sys.argv[0])
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    elif shutil.which(python.name) == str(python):
        python = Path(python.name)
    return f"{shlex.quote(str(python))} -m nn"


def percent(share: float) -> str:
    """Write a share as per cent with two places."""
    return f"{100 * share:.2f} %"
