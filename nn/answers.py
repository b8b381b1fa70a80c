"""What a network's ten outputs say: the answer, the next best, and whether it is sure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# The winner's least lead over the next best. `make measure-photos` measures how many right and
# how many wrong answers have less.
LEAST_LEAD = 0.3


class Answer(NamedTuple):
    """A network's answer.

    Attributes
    ----------
    outputs : ndarray of float, shape (output_nodes,)
        From 0 to 1, one for each label.
    names : sequence of str
        The labels' names.
    """

    outputs: np.ndarray
    names: Sequence[str] = tuple("0123456789")

    @property
    def digit(self) -> int:
        """Return the label with the highest output."""
        return int(np.argmax(self.outputs))

    @property
    def next_best(self) -> int:
        """Return the label with the second highest output; of one label, that."""
        return int(np.argsort(self.outputs)[-2:][0])

    @property
    def name(self) -> str:
        """Return the name of the answer."""
        return self.names[self.digit]

    @property
    def is_sure(self) -> bool:
        """Return whether the answer leads clearly over the next best."""
        lead = self.outputs[self.digit] - self.outputs[self.next_best]
        return bool(lead >= LEAST_LEAD)

    def __str__(self) -> str:
        """Return the name, or that the network is not sure and between which two it wavers."""
        if self.is_sure:
            return self.name
        return f"not sure: {self.name} or {self.names[self.next_best]}"

    @property
    def sentence(self) -> str:
        """Return the answer and the next best in one line, for screen readers and a quick look."""
        first, second = self.digit, self.next_best
        doubt = "" if self.is_sure else ", but is not sure"
        return (
            f"The network reads {self.name} (output {self.outputs[first]:.2f}){doubt}; "
            f"the next best is {self.names[second]} ({self.outputs[second]:.2f})."
        )
