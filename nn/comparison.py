"""Compare ways of training: the same network, the same digits, one thing changed."""

from collections.abc import Callable, Sequence

from nn.data.dataset import Dataset
from nn.evaluation import evaluate
from nn.network import Network
from nn.training import train


def accuracy_after(
    network: Network,
    training_set: Dataset,
    test_set: Dataset,
    epochs: Sequence[int],
    *,
    batch_size: int = 16,
    on_rows: Callable[[int], object] = lambda rows: None,
) -> list[float]:
    """Train a network, and stop to measure it after each of the given epochs.

    Parameters
    ----------
    network : Network
        Trained in place, up to the last of the epochs.
    training_set, test_set : Dataset
    epochs : sequence of int
        In rising order, such as 1, 2, 5.
    batch_size : int
        Rows whose updates are summed.
    on_rows : callable
        Told how many rows were trained on, as they are done.

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
