"""The base of every error this kit raises on purpose."""

from collections.abc import Iterable


class KitError(Exception):
    """Something the user can mend: the message says what, where and how.

    Each concrete error lives beside the code that raises it and inherits a builtin as well.
    """


class UnknownNameError(KitError, KeyError):
    """Nothing of a kind has this name; the message lists the names known.

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
    """Return the first line of another library's error: a message of ours has no more."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
