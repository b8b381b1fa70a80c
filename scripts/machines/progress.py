"""Show that a long command is alive."""

import sys
import time


class ProgressLine:
    """A line that is overwritten on a terminal; elsewhere, a new line now and then.

    Parameters
    ----------
    name : str
        What is at work, for the beginning of the line.
    every : float
        Seconds between two lines where there is no terminal.
    """

    def __init__(self, name: str, every: float = 15):
        self._name, self._every = name, every
        self._terminal = sys.stderr.isatty()
        self._next = 0.0

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *exception) -> None:
        if self._terminal and self._next:
            print(file=sys.stderr)

    def show(self, message: str) -> None:
        """Show the progress."""
        if self._terminal:
            print(f"\r\033[K{self._name}: {message}", end="", file=sys.stderr, flush=True)
            self._next = time.monotonic()
        elif time.monotonic() >= self._next:
            print(f"{self._name}: {message}", file=sys.stderr, flush=True)
            self._next = time.monotonic() + self._every
