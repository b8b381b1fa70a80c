"""End a command as its user asks: by Ctrl-C, a dropped connection or a shutdown."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FINISHING = b"Finishing the batch, to save the training; once more stops at once\n"


class Interrupted(KeyboardInterrupt):
    """A signal came: `number`; and what there is to say of it."""

    def __init__(self, number: int, message: str = "interrupted"):
        super().__init__(message)
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return what a shell expects: 130 for Ctrl-C, 143 for a shutdown."""
        return 128 + self.number


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let each signal end what is done as Ctrl-C does: cleaned up."""
    with _handling(_interrupt):
        yield


@contextmanager
def stopping_on_signals(stop: Callable[[], bool]) -> Iterator[list[int]]:
    """Let the first signal ask for a stop, and the same one a second time interrupt.

    Another one changes nothing: a system that shuts down sends SIGHUP right after SIGTERM.

    Parameters
    ----------
    stop : callable
        Asks for the stop; False when there is nothing to wait for.

    Yields
    ------
    received : list of int
        The numbers of the signals that asked, when any did.
    """
    received = []

    def ask_first(number, frame):
        if number in received or not stop():
            _interrupt(number, frame)
        received.append(number)
        if len(received) == 1:
            with suppress(OSError):  # the terminal may be what is gone
                os.write(2, _FINISHING)  # a print may have been interrupted in the middle

    with _handling(ask_first):
        yield received


@contextmanager
def _handling(handler: Callable) -> Iterator[None]:
    """Handle the signals, but for those that are ignored, as by nohup."""
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    handled = [each for each in _SIGNALS if before[each] != signal.SIG_IGN]
    for each in handled:
        signal.signal(each, handler)
    try:
        yield
    finally:
        for each in handled:
            signal.signal(each, before[each])


def _interrupt(number, _frame) -> None:
    raise Interrupted(number)
