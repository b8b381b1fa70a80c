"""Save a training while it runs, so that a pulled plug costs about a minute of it."""

import time
from collections.abc import Callable

from nn.errors import first_line
from nn.network import Network
from nn.saving.checkpoint import Checkpoint, CheckpointError, CheckpointFiles
from nn.saving.model_file import weights_of

EVERY_SECONDS = 60.0
MOST_SHARE = 0.01  # of the training's time that saving may take
_FIRST_GUESS_SECONDS = 0.05  # duration of a save, before the first one is measured


class Autosaver:
    """Saves a training every minute or so, at the end of each epoch, and when asked to stop.

    A save waits until it costs at most a hundredth of the time since the previous one: slow cards
    save less often.

    Parameters
    ----------
    files : CheckpointFiles
    identity : callable
        Returns what identifies this training; called before the first save.
    checkpoint : Checkpoint, optional
        Where to resume.
    curve : LearningCurve, optional
        Saved with the weights.
    every : float
        Seconds between saves. 0 saves after every block of rows, regardless of the cost.
    say : callable
        Called with one line when a save fails; the training continues.
    clock : callable
        Returns seconds from a clock that never runs backwards.

    Attributes
    ----------
    place : tuple of two ints
        Epoch, counted from 0, and how many of its rows are done.
    resumed_from : dict or None
        Where the training resumed: its epoch and row.
    backend : str
        How steps are computed, once the training has begun.
    stopped : bool
        Whether the training was asked to stop and has been saved.
    saves : int
        Number of saves.
    seconds : float
        Time they took in total.
    """

    def __init__(
        self,
        files: CheckpointFiles,
        identity: Callable[[], dict],
        *,
        checkpoint: Checkpoint | None = None,
        curve=None,
        every: float = EVERY_SECONDS,
        say: Callable[[str], object] = lambda message: None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self._files, self._identity, self._checkpoint = files, identity, checkpoint
        self._curve, self._every, self._say, self._clock = curve, every, say, clock
        self.resumed_from, self.place = None, (0, 0)
        if checkpoint:
            self.resumed_from = {"epoch": checkpoint.epoch, "row": checkpoint.row}
            self.place = (checkpoint.epoch, checkpoint.row)
        self._saved, self._saved_at = self.place, clock()
        self._cost = _FIRST_GUESS_SECONDS
        self._stop = self._failed = self._begun = self.stopped = False
        self.seconds, self.saves = 0.0, 0

    def begin(self, network: Network, backend: str) -> tuple[int, int]:
        """Restore the network and the curve; return the epoch and row to continue after.

        Raises
        ------
        CheckpointError
            When the checkpoint does not match them.
        """
        self._network, self.backend = network, backend
        if found := self._checkpoint:
            try:
                for name, weights in weights_of(network).items():
                    saved = found.weights[name]
                    if (saved.dtype, saved.shape) != (weights.dtype, weights.shape):
                        expected, got = f"{weights.dtype} of {weights.shape}", saved.shape
                        raise ValueError(f"{name}: expected {expected}, got {saved.dtype} of {got}")
                    weights[:] = saved
                found.weights.clear()  # a Pi has no room for them twice
                if self._curve:
                    self._curve.restore(found.curve)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise CheckpointError(
                    f"the checkpoint does not match this network ({first_line(error)})"
                ) from None
        self._saved_at = self._clock()
        return self.place

    def stop(self) -> bool:
        """Ask for the training to be saved and stopped after the current block.

        Returns
        -------
        accepted : bool
            False if nothing has been trained yet: there is nothing to save.
        """
        self._stop = self._begun
        return self._stop

    def after_block(self, epoch: int, row: int) -> bool:
        """Save if a save is due or a stop was requested; return whether to stop.

        Raises
        ------
        OSError
            When a stop was requested and the save failed.
        """
        self.place, self._begun = (epoch, row), True
        if self._stop:
            self._save()
            self.stopped = True
        else:
            self._save_if_due(self._every)
        return self.stopped

    def after_epoch(self) -> None:
        """Save, unless it costs too much."""
        self._save_if_due(0)

    def _save_if_due(self, every: float) -> None:
        seconds = self._clock() - self._saved_at
        if self._every == 0:
            due = self.place != self._saved
        else:
            due = seconds >= every and self._cost <= MOST_SHARE * seconds
        if not due:
            return
        try:
            self._save()
            self._failed = False
        except OSError as error:
            self._saved_at = self._clock()  # try again in a minute
            if not self._failed:
                reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
                self._say(f"Training continues, but could not be saved: {reason}")
            self._failed = True

    def _save(self) -> None:
        identity = self._identity()
        start = self._clock()
        epoch, row = self.place
        curve = self._curve.state() if self._curve else None
        weights = weights_of(self._network)
        self._files.write(Checkpoint(identity, self.backend, epoch, row, weights, curve))
        self._saved, self._saved_at = self.place, self._clock()
        self._cost = self._saved_at - start
        self.seconds += self._cost
        self.saves += 1
