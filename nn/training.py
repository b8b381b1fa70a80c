"""Train a network on a dataset, and measure how well it reads."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nn.augment import Augmentation
from nn.backends import start_backend
from nn.data.dataset import Dataset
from nn.data.streams import BLOCK_ROWS
from nn.network import Network
from nn.saving.autosaver import Autosaver
from nn.signals import TARGET_LOW, one_hot, scale_pixels


def train(
    network: Network,
    dataset: Dataset,
    *,
    epochs: int = 1,
    batch_size: int = 16,
    final_learning_rate: float | None = None,
    target_low: float | None = None,
    augment: Augmentation | None = None,
    on_rows: Callable[[int], object] = lambda rows: None,
    on_errors: Callable[[np.ndarray], object] | None = None,
    backend: str = "auto",
    autosaver: Autosaver | None = None,
) -> int:
    """Train a network on a dataset, in the dataset's order.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    epochs : int
    batch_size : int
        Rows whose updates are summed. 1 trains sample by sample; up to 16, accuracy is the same.
    final_learning_rate : float, optional
        The network's learning rate falls to this from the first epoch to the last, by the same
        amount after each epoch. By default it stays.
    target_low : float, optional
        Target of the wrong answers' nodes; that of the right one's is 1 less this. By default 0.01.
    augment : callable, optional
        Yields the variants of some inputs to train on; see `nn.augment`.
    on_rows : callable
        Called after each block, with its number of rows.
    on_errors : callable, optional
        Called with the errors of each block, of shape (rows, output_nodes), from before each
        update; each variant has its own rows.
    backend : {"auto", "dense", "sparse"}
        How steps are computed; see `nn.backends`. The network's weights are complete whenever
        `on_rows` or `on_errors` is called, and at the end, even after an exception.
    autosaver : Autosaver, optional
        Says where to start, saves the training, and can stop it.

    Returns
    -------
    samples : int
        Rows of the last epoch.

    Raises
    ------
    CheckpointError
        When the autosaver's checkpoint does not match the network.
    """
    low = TARGET_LOW if target_low is None else target_low
    target_of = one_hot(np.arange(network.sizes[2]), network.sizes[2], network.dtype, low)
    steps = start_backend(network, backend, batch_size=batch_size)
    samples, first_rate = 0, network.learning_rate
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(steps))
        stack.callback(setattr, network, "learning_rate", first_rate)
        # No warnings if the training diverges: saving the model raises an error with advice
        stack.enter_context(np.errstate(over="ignore", invalid="ignore"))
        start = autosaver.begin(network, steps.name) if autosaver else (0, 0)
        for epoch in range(start[0], epochs):
            samples = 0
            if final_learning_rate:
                fall = (first_rate - final_learning_rate) * epoch / max(1, epochs - 1)
                network.learning_rate = first_rate - fall
            for pixels, labels in dataset.blocks(batch_size * max(1, BLOCK_ROWS // batch_size)):
                place = epoch, samples
                samples += len(labels)
                if (epoch, samples) <= start:
                    continue
                variants = [pixels]
                if augment:
                    variants = list(augment(scale_pixels(pixels, network.dtype), place))
                errors = steps.train_block(variants, target_of[labels], batch_size)
                on_rows(len(labels))
                if on_errors:
                    on_errors(errors)
                if autosaver and autosaver.after_block(epoch, samples):
                    return samples
            if autosaver:
                autosaver.after_epoch()
    return samples


@dataclass(frozen=True)
class Evaluation:
    """The answers to a dataset, counted.

    Attributes
    ----------
    confusion : ndarray of int, shape (10, 10)
        How often the digit of the row was read as the digit of the column.
    """

    confusion: np.ndarray

    @property
    def samples(self) -> int:
        """Return how many digits were read."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Return the share read correctly, 0 to 1."""
        return float(np.trace(self.confusion) / self.samples)


def evaluate(
    network: Network,
    dataset: Dataset,
    on_rows: Callable[[int], object] = lambda rows: None,
    *,
    backend: str = "auto",
) -> Evaluation:
    """Read each digit of a dataset, and compare the largest output with the label.

    Parameters
    ----------
    network : Network
    dataset : Dataset
    on_rows : callable
        Called with the number of rows of each block, when it is done.
    backend : {"auto", "dense", "sparse"}
        How the answers are computed; see `nn.backends`.

    Returns
    -------
    evaluation : Evaluation
    """
    classes = network.sizes[2]
    counts = np.zeros(classes * classes, np.int64)
    with contextlib.closing(start_backend(network, backend)) as steps:
        for pixels, labels in dataset.blocks():
            answers = steps.query(pixels).argmax(axis=1)
            places = labels.astype(int) * classes + answers
            counts += np.bincount(places, minlength=classes * classes)
            on_rows(len(labels))
    return Evaluation(counts.reshape(classes, classes))


def answer(
    network: Network, blocks: Iterable[np.ndarray], *, backend: str = "auto"
) -> Iterator[np.ndarray]:
    """Read digits block by block.

    Parameters
    ----------
    network : Network
    blocks : iterable of ndarray of uint8, shape (n, 784)
        The digits' pixels.
    backend : {"auto", "dense", "sparse"}
        How the answers are computed; see `nn.backends`.

    Yields
    ------
    nodes : ndarray of int, shape (n,)
        The output node with the largest output, for each digit of a block.
    """
    with contextlib.closing(start_backend(network, backend)) as steps:
        for pixels in blocks:
            yield steps.query(np.ascontiguousarray(pixels)).argmax(axis=1)


def accuracy_after(
    network: Network,
    training_set: Dataset,
    test_set: Dataset,
    epochs: Sequence[int],
    *,
    batch_size: int = 16,
    on_rows: Callable[[int], object] = lambda rows: None,
) -> list[float]:
    """Train a network, and measure its accuracy after each of the given epochs.

    Parameters
    ----------
    network : Network
        Trained in place, up to the last of `epochs`.
    training_set, test_set : Dataset
    epochs : sequence of int
        In increasing order, such as 1, 2, 5.
    batch_size : int
        Rows whose updates are summed.
    on_rows : callable
        Called with the number of rows of each block, when it is done.

    Returns
    -------
    accuracies : list of float
        One for each of the epochs, 0 to 1.
    """
    accuracies, done = [], 0
    for epoch in epochs:
        train(network, training_set, epochs=epoch - done, batch_size=batch_size, on_rows=on_rows)
        accuracies.append(evaluate(network, test_set).accuracy)
        done = epoch
    return accuracies
