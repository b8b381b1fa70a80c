"""Training and testing over datasets."""

import numpy as np
import pytest

from nn.augment import distortions, rotations, unchanged
from nn.backends import BACKENDS
from nn.data.dataset import ArrayDataset, open_dataset
from nn.network import Network
from nn.signals import one_hot, scale_pixels
from nn.training import accuracy_after, evaluate, train
from tests.conftest import csv_text, write_idx


def trained(dataset, **settings):
    network = Network(hidden_nodes=8, seed=4)
    return network, train(network, dataset, **settings)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_kind_of_file_trains_the_same_network(tmp_path, digits, backend):
    """Bit by bit: the readers' blocks end elsewhere in each, those of the training do not."""
    csv = tmp_path / "digits.csv"
    csv.write_bytes(csv_text(*digits))
    first, _ = trained(ArrayDataset(*digits), backend=backend)
    for dataset in (
        open_dataset(csv),
        open_dataset(csv),  # packed by now
        open_dataset(write_idx(tmp_path, *digits)),
    ):
        network, samples = trained(dataset, backend=backend)
        assert samples == 700
        assert np.array_equal(network.weights_input_hidden, first.weights_input_hidden)


@pytest.mark.parametrize("backend", BACKENDS)
def test_epochs_and_batches_are_those_of_a_plain_loop(digits, backend):
    """Two epochs of batches of 16, written out: to 1e-12, in float64."""
    pixels, labels = digits
    network, expected = (Network(hidden_nodes=8, seed=4, dtype="float64") for _ in range(2))
    train(network, ArrayDataset(*digits), epochs=2, batch_size=16, backend=backend)
    for _ in range(2):
        for start in range(0, 700, 16):
            rows = slice(start, start + 16)
            inputs = scale_pixels(pixels[rows], "float64")
            expected.train(inputs, one_hot(labels[rows], dtype="float64"))
    assert np.abs(network.weights_input_hidden - expected.weights_input_hidden).max() < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_falling_rate_and_other_targets_are_those_of_a_plain_loop(digits, backend):
    """Three epochs at 0.1, 0.052 and 0.004, to targets of 0.001: to 1e-12, in float64."""
    pixels, labels = digits
    network, expected = (Network(hidden_nodes=8, seed=4, dtype="float64") for _ in range(2))
    settings = {"final_learning_rate": 0.004, "target_low": 0.001, "backend": backend}
    train(network, ArrayDataset(*digits), epochs=3, batch_size=16, **settings)
    for rate in (0.1, 0.052, 0.004):
        expected.learning_rate = rate
        for start in range(0, 700, 16):
            rows = slice(start, start + 16)
            targets = np.where(np.arange(10) == labels[rows, None], 0.999, 0.001)
            expected.train(scale_pixels(pixels[rows], "float64"), targets)
    assert np.abs(network.weights_input_hidden - expected.weights_input_hidden).max() < 1e-12
    assert network.learning_rate == 0.1


def test_augmentation_is_told_its_place(digits):
    """The epoch and the rows before, for each block."""
    places = []

    def augment(inputs, place):
        places.append(place)
        yield inputs

    trained(ArrayDataset(*digits), epochs=2, augment=augment)
    assert places == [(epoch, row) for epoch in (0, 1) for row in (0, 256, 512)]


def test_augmentation_trains_on_each_variant(digits):
    """Three errors a digit, told to on_errors; rows are counted once."""
    errors, rows = [], []
    trained(
        ArrayDataset(*digits),
        batch_size=100,
        augment=rotations(10),
        on_errors=errors.append,
        on_rows=rows.append,
    )
    assert [each.shape for each in errors] == [(600, 10)] * 3 + [(300, 10)]
    assert rows == [200, 200, 200, 100]


@pytest.mark.parametrize("augment", [None, unchanged, rotations(10), distortions(1, 1, 1)])
def test_backends_agree(digits, augment):
    """Over blocks and epochs, and at each moment when the weights can be seen: to 1e-12."""
    seen = {}
    for backend in BACKENDS:
        network = Network(hidden_nodes=8, seed=4, dtype="float64")
        moments = seen[backend] = []

        def keep(_, network=network, moments=moments):
            moments.append(network.weights_input_hidden.copy())

        settings = {"augment": augment, "on_rows": keep, "on_errors": keep}
        train(network, ArrayDataset(*digits), epochs=2, backend=backend, **settings)
        keep(None)
    assert len(seen["sparse"]) == len(seen["dense"]) == 13
    assert np.abs(np.subtract(seen["sparse"], seen["dense"])).max() < 1e-12


def test_an_interrupted_training_leaves_whole_weights(digits):
    """Ctrl-C after the first block: what the dense backend has by then."""

    def interrupt(_):
        raise KeyboardInterrupt

    networks = [Network(hidden_nodes=8, seed=4, dtype="float64") for _ in BACKENDS]
    for network, backend in zip(networks, BACKENDS, strict=True):
        with pytest.raises(KeyboardInterrupt):
            train(network, ArrayDataset(*digits), on_rows=interrupt, backend=backend)
    dense, sparse = (network.weights_input_hidden for network in networks)
    assert np.abs(dense - sparse).max() < 1e-12
    assert sparse.flags.c_contiguous


def test_a_network_learns_what_can_be_learned():
    """Ten patterns with noise, told apart almost always."""
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 256, (10, 784))
    patterns[generator.random((10, 784)) < 0.8] = 0  # as digits have it; full ones saturate nodes
    labels = generator.integers(0, 10, 2000).astype(np.uint8)
    noise = generator.normal(0, 40, (2000, 784))
    pixels = (patterns[labels] + noise).clip(0, 255).astype(np.uint8)
    # at a rate of 0.1 it hangs on roundings, which differ from processor to processor
    network = Network(hidden_nodes=20, seed=1, learning_rate=0.05)
    train(network, ArrayDataset(pixels[:1500], labels[:1500]), epochs=3)
    assert evaluate(network, ArrayDataset(pixels[1500:], labels[1500:])).accuracy > 0.98


@pytest.mark.parametrize("backend", BACKENDS)
def test_evaluation_counts_each_answer(digits, backend):
    """Against answers counted one by one."""
    network = Network(hidden_nodes=8, seed=4)
    dataset = ArrayDataset(*digits)
    expected = np.zeros((10, 10), int)
    for pixels, label in zip(*digits, strict=True):
        expected[label, network.query(scale_pixels(pixels)).argmax()] += 1
    rows = []
    evaluation = evaluate(network, dataset, on_rows=rows.append, backend=backend)
    assert np.array_equal(evaluation.confusion, expected)
    assert evaluation.samples == sum(rows) == 700
    assert evaluation.accuracy == pytest.approx(np.diag(expected).sum() / 700)


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
