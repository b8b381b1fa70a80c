"""The base of every error this kit raises on purpose."""


class KitError(Exception):
    """Something the user can mend: the message says what, where and how.

    Each concrete error lives beside the code that raises it and inherits a builtin as well.
    """


def first_line(error: BaseException) -> str:
    """Tell in a line what another library's error says: a message of ours has no more."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
