"""Take a network through a dataset, batch by batch, epoch by epoch."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from nn.augment import Augmentation, unchanged
from nn.autosaver import Journal
from nn.backends import start_execution
from nn.data.dataset import BLOCK_ROWS, Block, Dataset
from nn.network import Network, one_hot, scale_pixels
from nn.process import keep_freed_memory
from nn.saving.checkpoint import CheckpointError, Place


@dataclass(frozen=True)
class TrainingReport:
    """What a training took, and how its steps were carried out.

    Attributes
    ----------
    samples : int
        Rows of one epoch.
    seconds, seconds_parsing : float
        Of all epochs.
    execution : str
        A name in `nn.backends.EXECUTIONS`.
    """

    samples: int
    seconds: float
    seconds_parsing: float
    execution: str


def train(
    network: Network,
    dataset: Dataset,
    *,
    epochs: int = 1,
    batch_size: int = 16,
    augment: Augmentation = unchanged,
    on_rows: Callable[[int], object] = lambda rows: None,
    on_batch: Callable[[np.ndarray], object] | None = None,
    execution: str = "auto",
    journal: Journal | None = None,
) -> TrainingReport:
    """Train a network on a dataset, in the dataset's order.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    epochs : int
    batch_size : int
        Rows whose updates are summed. 1 trains sample by sample; 16 keeps that accuracy.
    augment : callable
        Yields the variants of a batch to train on; see `nn.augment`.
    on_rows : callable
        Told how many rows each block had, as they are done.
    on_batch : callable, optional
        Given each batch's errors, of shape (batch, output_nodes), as they were before its update.
    execution : {"auto", "dense", "sparse"}
        How a step is carried out; see `nn.backends`. Whichever it is, the network's weights are
        whole whenever `on_rows` or `on_batch` is called, and at the end, also by an exception.
    journal : Journal, optional
        Says where to start, and keeps where the training is, so that it can be broken off.

    Returns
    -------
    report : TrainingReport

    Raises
    ------
    TrainingStopped
        When the journal was asked to stop, and has kept the training.
    CheckpointError
        When the journal says to go on in the middle of a batch.
    """
    keep_freed_memory()
    start = time.perf_counter()
    reading = _Stopwatch()
    samples = 0
    steps = start_execution(network, execution, batch_size=batch_size)
    # a training that runs away is refused when it is saved, with advice instead of warnings
    with contextlib.closing(steps), np.errstate(over="ignore", invalid="ignore"):
        done = journal.begin(steps) if journal else Place()
        for epoch in range(done.epoch, epochs):
            samples = done.row if epoch == done.epoch else 0
            blocks = whole_batches(reading.over(dataset.blocks()), batch_size)
            for pixels, labels, begin in _from_row(samples, blocks, batch_size):
                variants = steps.begin_block(_variants(pixels, augment, network.dtype), batch_size)
                targets = one_hot(labels, network.sizes[2], network.dtype)
                for first in range(begin, len(labels), batch_size):
                    stop = first + batch_size
                    for batches in variants:
                        errors = steps.train(batches[first // batch_size], targets[first:stop])
                        if on_batch:
                            steps.fold()
                            on_batch(errors)
                    if journal and stop < len(labels):
                        journal.after_batch(Place(epoch, samples - begin + stop))
                samples += len(labels) - begin
                steps.end_block()
                on_rows(len(labels) - begin)
                if journal:
                    journal.after_block(Place(epoch, samples))
            if journal:
                journal.after_epoch()
    return TrainingReport(samples, time.perf_counter() - start, reading.seconds, steps.name)


def _variants(pixels: np.ndarray, augment: Augmentation, dtype) -> list[np.ndarray]:
    """Return the rows to train on, once for each variant of the digits."""
    return [pixels] if augment is unchanged else list(augment(scale_pixels(pixels, dtype)))


def whole_batches(blocks: Iterable[Block], batch_size: int) -> Iterator[Block]:
    """Recut blocks to equal size, a whole number of batches; the last may be shorter.

    So neither batches nor blocks, at whose ends the weights are made whole, depend on where a
    reader's blocks happen to end: rows from text and from packed bytes train the same network.

    Parameters
    ----------
    blocks : iterable of (pixels, labels)
    batch_size : int

    Yields
    ------
    pixels : ndarray of uint8, shape (n, 784)
    labels : ndarray of uint8, shape (n,)
    """
    n = batch_size * max(1, BLOCK_ROWS // batch_size)
    parts: list[Block] = []
    missing = n
    for pixels, labels in blocks:
        while len(labels):
            parts.append((pixels[:missing], labels[:missing]))
            pixels, labels = pixels[missing:], labels[missing:]
            missing -= len(parts[-1][1])
            if missing == 0:
                yield _joined(parts)
                parts, missing = [], n
    if parts:
        yield _joined(parts)


def _from_row(
    row: int, blocks: Iterable[Block], batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Leave out blocks that were trained on before, and tell where to begin in the next.

    That one comes whole: what an execution makes of a block must not depend on it.
    """
    for pixels, labels in blocks:
        if row < len(labels):
            if row % batch_size:
                raise CheckpointError(
                    f"the checkpoint does not fit: expected a multiple of {batch_size} rows of a "
                    f"block, got {row}. Give --restart to begin again"
                )
            yield pixels, labels, row
        row = max(0, row - len(labels))


def _joined(parts: list[Block]) -> Block:
    """Join the parts of a block; a row is copied once, and not at all in a block of one part."""
    if len(parts) == 1:
        return parts[0]
    pixels, labels = zip(*parts, strict=True)
    return np.concatenate(pixels), np.concatenate(labels)


class LearningCurve:
    """Collects the mean squared error of stretches of training, as an `on_batch` of `train`.

    Parameters
    ----------
    stretch : int
        How many digits to average over.
    """

    def __init__(self, stretch: int = 500):
        self.stretch = stretch
        self._seen, self._squares, self._outputs = 0, 0.0, 0
        self._points: list[tuple[int, float]] = []

    def __call__(self, errors: np.ndarray) -> None:
        """Take in one batch's errors, of shape (batch, output_nodes)."""
        self._seen += len(errors)
        self._squares += float(np.vdot(errors, errors))
        self._outputs += errors.size
        if self._outputs >= self.stretch * errors.shape[1]:
            self._points.append((self._seen, self._squares / self._outputs))
            self._squares, self._outputs = 0.0, 0

    def state(self) -> dict:
        """Return all that it knows, as JSON can say it."""
        return {
            "seen": self._seen,
            "squares": self._squares,
            "outputs": self._outputs,
            "points": self._points,
        }

    def restore(self, state: dict) -> None:
        """Take up where another left off: what its `state` was."""
        self._seen, self._squares = state["seen"], state["squares"]
        self._outputs = state["outputs"]
        self._points = [(seen, error) for seen, error in state["points"]]

    def points(self) -> tuple[list[int], list[float]]:
        """Return the digits seen, and the mean squared error of the stretch before each."""
        return [seen for seen, _ in self._points], [error for _, error in self._points]


class _Stopwatch:
    """Adds up the seconds that an iteration waits for its next element."""

    def __init__(self):
        self.seconds = 0.0

    def over(self, elements: Iterator) -> Iterator:
        while True:
            start = time.perf_counter()
            try:
                element = next(elements)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - start
            yield element
