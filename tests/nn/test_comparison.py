"""Comparisons, against training and evaluating by hand."""

from nn.comparison import accuracy_after
from nn.data.dataset import ArrayDataset
from nn.evaluation import evaluate
from nn.network import Network
from nn.training import train


def test_accuracy_is_that_of_training_so_many_epochs(digits):
    """After 1 and 3 epochs, each the same as a training of that length; rows are counted."""
    dataset, rows = ArrayDataset(*digits), []
    network = Network(hidden_nodes=8, seed=1)
    accuracies = accuracy_after(network, dataset, dataset, [1, 3], on_rows=rows.append)
    assert sum(rows) == 3 * 700
    for epochs, accuracy in zip((1, 3), accuracies, strict=True):
        alone = Network(hidden_nodes=8, seed=1)
        train(alone, dataset, epochs=epochs)
        assert evaluate(alone, dataset).accuracy == accuracy
