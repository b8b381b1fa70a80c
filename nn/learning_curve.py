"""The error of a network while it learns."""

import numpy as np


class LearningCurve:
    """Collects the mean squared error during training; pass it to `train` as `on_errors`.

    Parameters
    ----------
    stretch : int
        How many digits to average over.
    """

    def __init__(self, stretch: int = 500):
        self.stretch = stretch
        self._seen, self._squares = 0, 0.0  # the squares are those of the current stretch
        self._points: list[tuple[int, float]] = []

    def __call__(self, errors: np.ndarray) -> None:
        """Add the errors of some digits, of shape (rows, output_nodes)."""
        while len(errors):
            part = errors[: self.stretch - self._seen % self.stretch]
            errors = errors[len(part) :]
            self._seen += len(part)
            self._squares += float(np.vdot(part, part)) / part.shape[1]
            if self._seen % self.stretch == 0:
                self._points.append((self._seen, self._squares / self.stretch))
                self._squares = 0.0

    def state(self) -> dict:
        """Return the state as JSON values."""
        return {"seen": self._seen, "squares": self._squares, "points": self._points}

    def restore(self, state: dict) -> None:
        """Continue from the state that another curve's `state` returned."""
        self._seen, self._squares = state["seen"], state["squares"]
        self._points = [(seen, error) for seen, error in state["points"]]

    def points(self) -> tuple[list[int], list[float]]:
        """Return the digits seen at each point, and the mean squared error just before it."""
        return [seen for seen, _ in self._points], [error for _, error in self._points]
