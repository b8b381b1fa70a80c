"""Training and testing over datasets."""

import numpy as np
import pytest

from nn.augment import rotations, unchanged
from nn.backends import EXECUTIONS
from nn.data.dataset import ArrayDataset, open_dataset
from nn.evaluation import evaluate
from nn.network import Network, one_hot, scale_pixels
from nn.training import LearningCurve, train, whole_batches
from tests.conftest import csv_text, write_idx


@pytest.mark.parametrize("batch_size", [1, 7, 16, 256, 999])
@pytest.mark.parametrize("lengths", [[1], [5, 3, 1], [16, 16], [100, 1, 99, 300]])
def test_any_blocks_are_cut_into_whole_batches(lengths, batch_size):
    """All rows, in order, in equal blocks; only the last may be shorter, and end within a batch."""
    labels = np.arange(sum(lengths)).astype(np.uint16)
    cuts = np.cumsum(lengths)[:-1]
    pixels = np.repeat(labels[:, None], 2, axis=1)
    blocks = zip(np.split(pixels, cuts), np.split(labels, cuts), strict=True)
    result = list(whole_batches(blocks, batch_size))
    assert np.array_equal(np.concatenate([each[1] for each in result]), labels)
    assert np.array_equal(np.concatenate([each[0] for each in result]), pixels)
    block = {1: 256, 7: 252, 16: 256, 256: 256, 999: 999}[batch_size]
    assert all(len(each[1]) == block for each in result[:-1])
    assert 0 < len(result[-1][1]) <= block


def trained(dataset, **settings):
    network = Network(hidden_nodes=8, seed=4)
    report = train(network, dataset, **settings)
    return network, report


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_every_kind_of_file_trains_the_same_network(tmp_path, digits, execution):
    """Bit by bit: the readers' blocks end elsewhere in each, those of the training do not."""
    csv = tmp_path / "digits.csv"
    csv.write_bytes(csv_text(*digits))
    first, _ = trained(ArrayDataset(*digits), execution=execution)
    for dataset in (
        open_dataset(csv),
        open_dataset(csv),  # packed by now
        open_dataset(write_idx(tmp_path, *digits)),
    ):
        network, report = trained(dataset, execution=execution)
        assert report.samples == 700
        assert np.array_equal(network.weights_input_hidden, first.weights_input_hidden)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_epochs_and_batches_are_those_of_a_plain_loop(digits, execution):
    """Two epochs of batches of 16, written out: to 1e-12, in float64."""
    pixels, labels = digits
    network, expected = (Network(hidden_nodes=8, seed=4, dtype="float64") for _ in range(2))
    train(network, ArrayDataset(*digits), epochs=2, batch_size=16, execution=execution)
    for _ in range(2):
        for start in range(0, 700, 16):
            rows = slice(start, start + 16)
            inputs = scale_pixels(pixels[rows], "float64")
            expected.train(inputs, one_hot(labels[rows], dtype="float64"))
    assert np.abs(network.weights_input_hidden - expected.weights_input_hidden).max() < 1e-12


def test_augmentation_trains_on_each_variant(digits):
    """Three updates a batch, told to on_batch; rows are counted once."""
    errors, rows = [], []
    trained(
        ArrayDataset(*digits),
        batch_size=100,
        augment=rotations(10),
        on_batch=errors.append,
        on_rows=rows.append,
    )
    assert [each.shape for each in errors] == [(100, 10)] * 21
    assert sum(rows) == 700


@pytest.mark.parametrize("augment", [unchanged, rotations(10)])
def test_executions_agree(digits, augment):
    """Over blocks and epochs, and at each moment when the weights can be seen: to 1e-12."""
    seen = {}
    for execution in EXECUTIONS:
        network = Network(hidden_nodes=8, seed=4, dtype="float64")
        moments = seen[execution] = []

        def keep(_, network=network, moments=moments):
            moments.append(network.weights_input_hidden.copy())

        settings = {"augment": augment, "on_rows": keep, "on_batch": keep}
        train(network, ArrayDataset(*digits), epochs=2, execution=execution, **settings)
        keep(None)
    assert len(seen["sparse"]) == len(seen["dense"]) > 80
    assert np.abs(np.subtract(seen["sparse"], seen["dense"])).max() < 1e-12


def test_an_interrupted_training_leaves_whole_weights(digits):
    """Ctrl-C after the first block: what the dense execution has by then."""

    def interrupt(_):
        raise KeyboardInterrupt

    networks = [Network(hidden_nodes=8, seed=4, dtype="float64") for _ in EXECUTIONS]
    for network, execution in zip(networks, EXECUTIONS, strict=True):
        with pytest.raises(KeyboardInterrupt):
            train(network, ArrayDataset(*digits), on_rows=interrupt, execution=execution)
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


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_evaluation_counts_each_answer(digits, execution):
    """Against answers counted one by one."""
    network = Network(hidden_nodes=8, seed=4)
    dataset = ArrayDataset(*digits)
    expected = np.zeros((10, 10), int)
    for pixels, label in zip(*digits, strict=True):
        expected[label, network.query(scale_pixels(pixels)).argmax()] += 1
    rows = []
    evaluation = evaluate(network, dataset, on_rows=rows.append, execution=execution)
    assert np.array_equal(evaluation.confusion, expected)
    assert evaluation.samples == sum(rows) == 700
    assert evaluation.accuracy == pytest.approx(np.diag(expected).sum() / 700)


def test_the_learning_curve_averages_stretches():
    """Two stretches of 20 digits, the second half as wrong."""
    curve = LearningCurve(stretch=20)
    for error in (1.0, 1.0, 0.5, 0.5, 0.1):
        curve(np.full((10, 3), error))
    assert curve.points() == ([20, 40], [pytest.approx(1.0), pytest.approx(0.25)])


def test_reading_is_timed_apart(digits):
    """Seconds spent waiting for rows are no more than all seconds."""
    _, report = trained(ArrayDataset(*digits))
    assert 0 <= report.seconds_parsing <= report.seconds
