"""The base of every error this kit raises on purpose."""


class KitError(Exception):
    """Something the user can mend: the message says what, where and how.

    Each concrete error lives beside the code that raises it and inherits a builtin as well.
    """
