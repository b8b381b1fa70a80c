"""The base class of every error that this kit raises on purpose."""

from collections.abc import Iterable


class KitError(Exception):
    """An error the user can fix: the message says what is wrong, where, and what to do.

    Each concrete error is defined beside the code that raises it, and also inherits a builtin.
    """


class UnknownNameError(KitError, KeyError):
    """A name is unknown; the message lists the known names.

    Parameters
    ----------
    kind : str
        Such as "preset".
    name : str
    known : iterable of str
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        super().__init__(f"unknown {kind} {name!r}: expected one of {', '.join(known)}")

    def __str__(self) -> str:
        return self.args[0]  # KeyError would put the message in quotes


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error: our messages have only one line."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
