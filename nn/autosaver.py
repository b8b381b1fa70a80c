"""Keep a training while it goes on, so that a pulled plug costs about a minute of it."""

import time
from collections.abc import Callable
from typing import Protocol

from nn.backends import Execution
from nn.errors import first_line
from nn.network import Network
from nn.saving.checkpoint import Checkpoint, CheckpointError, Generations, Place, take_over

EVERY_SECONDS = 60.0
MOST_SHARE = 0.01  # of the training's time that saving it may take
_FIRST_GUESS_SECONDS = 0.05  # what a save takes, before there was one


class TrainingStopped(Exception):  # noqa: N818 - it is no error
    """A training ended early, as it was asked to; it is kept."""


class Curve(Protocol):
    """What gathers figures while a training goes on, and must go on with it."""

    def state(self) -> dict:
        """Return all that it knows, as JSON can say it."""

    def restore(self, state: dict) -> None:
        """Take up where another left off."""


class Journal:
    """Saves a training every minute or so and at each epoch's end, and when it is to stop.

    A save waits until it costs no more than a hundredth of the time since the one before: on a
    slow card they are rarer.

    Parameters
    ----------
    generations : Generations
        Where it is saved.
    settings : callable
        Returns which training of which digits this is; called before the first save.
    found : Checkpoint, optional
        Where to go on from.
    curve : Curve, optional
    every : float
        Seconds between two saves. 0 saves after each block of rows, whatever it costs.
    say : callable
        Told in a line, once, when the disk will not have a save: the training goes on.
    clock : callable
        Seconds that never run backwards.

    Attributes
    ----------
    seconds : float
        What saving has taken.
    saves : int
    """

    def __init__(
        self,
        generations: Generations,
        settings: Callable[[], dict],
        *,
        found: Checkpoint | None = None,
        curve: Curve | None = None,
        every: float = EVERY_SECONDS,
        say: Callable[[str], object] = lambda message: None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self._generations, self._settings, self._found = generations, settings, found
        self._curve, self._every, self._say, self._clock = curve, every, say, clock
        self._steps: Execution | None = None
        self._place = self._saved = found.place if found else Place()
        self._saved_at = clock()
        self._cost = _FIRST_GUESS_SECONDS
        self._begun = self._stop = self._failed = False
        self.seconds, self.saves = 0.0, 0

    def begin(self, steps: Execution) -> Place:
        """Bring network and execution to where they were; return where to go on.

        Raises
        ------
        CheckpointError
            When the checkpoint does not fit them.
        """
        self._steps = steps
        if self._found:
            try:
                _restore(steps, self._found, self._curve)
                self._found.arrays.clear()  # on a Pi, nobody has room for them twice
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise CheckpointError(
                    f"the checkpoint does not fit ({first_line(error)})"
                ) from None
        self._saved_at = self._clock()
        return self._place

    def stop(self) -> bool:
        """Ask for the training to be saved and stopped after its present batch.

        Returns
        -------
        accepted : bool
            False when nothing has been trained yet that a save would save.
        """
        self._stop = self._begun
        return self._stop

    def after_batch(self, place: Place) -> None:
        """Note where the training is. Raises TrainingStopped, or OSError when it is not kept."""
        self._place, self._begun = place, True
        if self._stop:
            self._save()
            raise TrainingStopped

    def after_block(self, place: Place) -> None:
        """Do as after the batch that ends the block; save, if it is time to."""
        self.after_batch(place)
        if self._is_due(self._every):
            self._try_to_save()

    def after_epoch(self) -> None:
        """Save, if it does not cost too much."""
        if self._is_due(0):
            self._try_to_save()

    def _is_due(self, every: float) -> bool:
        if self._every == 0:
            return self._place != self._saved
        seconds = self._clock() - self._saved_at
        return seconds >= every and self._cost <= MOST_SHARE * seconds

    def _try_to_save(self) -> None:
        try:
            self._save()
        except OSError as error:
            self._saved_at = self._clock()  # try again in a minute
            if not self._failed:
                self._say(f"The training goes on, but could not be saved: {_told(error)}")
            self._failed = True
        else:
            self._failed = False

    def _save(self) -> None:
        settings = self._settings()
        start = self._clock()
        self._generations.write(_checkpoint(settings, self._place, self._steps, self._curve))
        self._saved, self._saved_at = self._place, self._clock()
        self._cost = self._saved_at - start
        self.seconds += self._cost
        self.saves += 1


def _checkpoint(settings, place: Place, steps: Execution, curve: Curve | None) -> Checkpoint:
    state = steps.state()  # first: it brings the weights up to date
    return Checkpoint(
        settings=settings,
        place=place,
        execution=steps.name,
        arrays={**_weights(steps.network), **state},
        generator=steps.network.generator.bit_generator.state,
        curve=curve.state() if curve else None,
    )


def _restore(steps: Execution, found: Checkpoint, curve: Curve | None) -> None:
    """Put everything back in place; weights in the arrays that the execution works on."""
    kept = found.arrays
    for name, weights in _weights(steps.network).items():
        take_over(weights, name, kept)
    steps.restore(kept)
    steps.network.generator.bit_generator.state = found.generator
    if curve:
        curve.restore(found.curve)


def _weights(network: Network) -> dict:
    return {
        "weights_input_hidden": network.weights_input_hidden,
        "weights_hidden_output": network.weights_hidden_output,
    }


def _told(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
