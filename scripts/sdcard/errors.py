"""The one error of this package."""


class CardError(ValueError):
    """An error the user can fix: the message says what was expected, what it got, what to do."""
