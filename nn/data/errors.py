"""What a data file that cannot be used raises."""

from nn.errors import KitError


class DatasetError(KitError, ValueError):
    """A data file is missing, damaged or not of the expected form."""
