"""The one error of this package."""


class CardError(ValueError):
    """Something the user can mend: the message says what was expected, what it got, what to do."""
