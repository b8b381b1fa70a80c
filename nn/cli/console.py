"""Talk to the user: progress and remarks, which never mix with results; and signals."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # which would import numpy
    from nn.data.dataset import Dataset

SECONDS_TO_FIRST_LINE, SECONDS_BETWEEN_LINES = 5, 60  # of progress, in a log
# Windows has no SIGHUP; it sends SIGBREAK when a window is closed or the system shuts down.
_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]
# A note has room beside it in 80 columns.
_BAR_WITHOUT_RATE = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
_FINISHING = b"Finishing this block of digits, then saving; the same signal again stops at once\n"


def remark(message: str) -> None:
    """Write a line to standard error; do nothing if standard error is gone."""
    if sys.stderr:  # None if it is closed; print would then write to standard output
        try:
            print(message, file=sys.stderr, flush=True)
        except OSError:  # its terminal is gone
            drop_unwritten(sys.stderr)


def drop_unwritten(stream: TextIO | None) -> None:
    """Stop Python from trying again, when it exits, to write what could not be written."""
    try:
        if stream:
            stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def stderr_is_terminal() -> bool:
    """Return whether standard error is a terminal."""
    return bool(sys.stderr and sys.stderr.isatty())


@contextmanager
def progress(
    what: str, dataset: "Dataset", passes: int = 1, done: tuple[int, int] = (0, 0)
) -> Iterator:
    """Show a bar with rate and time left over `passes` of a dataset; in a log, one line a minute.

    `done` counts the passes, and the rows of the next pass, that were done before.

    Yields
    ------
    advance : callable
        Call it with the number of rows just done.
    """
    rows = dataset.estimate_rows()
    total = rows * passes if rows else None
    count = done[0] * (rows or 0) + done[1]
    with progress_of(what, "digits", total, count) as advance:
        yield advance


@contextmanager
def progress_of(what: str, unit: str, total: int | None, count: int = 0) -> Iterator:
    """Show progress as `progress` does, of anything that can be counted, from `count` to `total`.

    Yields
    ------
    advance : callable
        Call it with the number of units just done and, optionally, a note to show beside them.
    """
    if stderr_is_terminal():
        from tqdm import tqdm

        digits = unit == "digits"  # millions of them
        screen = shutil.get_terminal_size()  # 80 by 24 on a serial line, where tqdm sees 0 by 0
        bar = tqdm(
            total=total,
            initial=count,
            desc=what,
            unit=f" {unit}",
            unit_scale=digits,
            bar_format=None if digits else _BAR_WITHOUT_RATE,
            ncols=screen.columns,
            nrows=screen.lines,
            leave=False,
        )

        def advance(number: int, note: str = "") -> None:
            try:
                if note:
                    bar.set_postfix_str(note, refresh=False)
                bar.update(number)
            except OSError:  # the terminal is gone
                drop_unwritten(sys.stderr)

        try:
            yield advance
        finally:
            try:
                bar.close()
            except OSError:
                drop_unwritten(sys.stderr)
        return
    said_at = time.monotonic() - SECONDS_BETWEEN_LINES + SECONDS_TO_FIRST_LINE

    def advance_in_lines(number: int, note: str = "") -> None:
        nonlocal count, said_at
        count += number
        if time.monotonic() - said_at >= SECONDS_BETWEEN_LINES:
            said_at = time.monotonic()
            share = f" of about {total:,}, {min(100, 100 * count // total)} %" if total else ""
            remark(f"{what}: {count:,} {unit}{share}{note and f'; {note}'}")

    yield advance_in_lines


def percent(share: float) -> str:
    """Write a share as a percentage with two decimal places."""
    return f"{100 * share:.2f} %"


class Interrupted(KeyboardInterrupt):
    """A signal, `number`, asked the command to end; `message` tells the user about it."""

    def __init__(self, number: int, message: str = "interrupted"):
        super().__init__(message)
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return the exit code that a shell expects: 130 for Ctrl-C, 143 for a shutdown."""
        return 128 + self.number


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let each signal end the command as Ctrl-C does, with cleanup."""

    def interrupt(number, _frame):
        raise Interrupted(number)

    with _handling(interrupt):
        yield


@contextmanager
def stopping_on_signals(stop: Callable[[], bool]) -> Iterator[list[int]]:
    """Let the first signal ask for a stop, and the same signal a second time interrupt at once.

    A different second signal is ignored: a system that shuts down sends SIGHUP right after SIGTERM.

    Parameters
    ----------
    stop : callable
        Asks for the stop; returns False if there is nothing to wait for.

    Yields
    ------
    received : list of int
        The numbers of the signals that asked for a stop.
    """
    received = []

    def ask_first(number, _frame):
        if number in received or not stop():
            raise Interrupted(number)
        received.append(number)
        if len(received) == 1:
            with suppress(OSError):  # the terminal may be gone
                os.write(2, _FINISHING)  # not print: the signal may have interrupted one

    with _handling(ask_first):
        yield received


@contextmanager
def _handling(handler: Callable) -> Iterator[None]:
    """Handle the signals, except those that are ignored, for example under nohup."""
    before = {}
    for each in _SIGNALS:
        if signal.getsignal(each) != signal.SIG_IGN:
            before[each] = signal.signal(each, handler)
    try:
        yield
    finally:
        for each, earlier in before.items():
            signal.signal(each, earlier)
