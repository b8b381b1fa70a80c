"""What is promised of real MNIST: needs MNIST_DIR."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from nn.backends import BACKENDS
from nn.book import neuralNetwork
from nn.data.dataset import ArrayDataset, FirstRows, open_dataset
from nn.lessons import book_loop
from nn.network import Network
from nn.presets import PRESETS
from nn.rules import RULES
from nn.training import evaluate, train
from tests.conftest import PROJECT

pytestmark = [pytest.mark.mnist, pytest.mark.slow]

# Of MNIST as CSV, label first, without a header: published with the project's facts.
CSV_SHA256 = {
    "mnist_train.csv": "fb60bc58af4dac3554e394af262b3184479833d3cc540ff8783f274b73492d5d",
    "mnist_test.csv": "51c292478d94ec3a01461bdfa82eb0885d262eb09e615679b2d69dedb6ad09e7",
}


def run(*words, **environ):
    result = subprocess.run(
        [sys.executable, "-m", "nn", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environ},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="session")
def csv_files(mnist_folder, tmp_path_factory):
    """MNIST fetched from a folder and written as CSV by `data fetch`."""
    folder = tmp_path_factory.mktemp("mnist")
    run("data", "fetch", "--mirror", mnist_folder, "--folder", folder, "--csv")
    return folder / "mnist_train.csv", folder / "mnist_test.csv"


def test_the_csv_files_are_the_known_ones(csv_files):
    """Byte for byte."""
    for path in csv_files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == CSV_SHA256[path.name]


def test_rows_are_those_of_the_csv_module(csv_files, mnist):
    """All 10,000 test rows by csv.reader; all 60,000 by the IDX files' bytes."""
    with csv_files[1].open(newline="") as file:
        expected = np.array([[int(value) for value in row] for row in csv.reader(file)])
    for path, dataset in zip(csv_files, mnist, strict=True):
        blocks = list(open_dataset(path).blocks())
        pixels, labels = (np.concatenate(part) for part in zip(*blocks, strict=True))
        assert np.array_equal(pixels, dataset.pixels)
        assert np.array_equal(labels, dataset.labels)
    assert np.array_equal(np.column_stack([labels, pixels]), expected)


def accuracy_of(preset, mnist, seed=None, backend="auto"):
    training_set, test_set = mnist
    if preset.samples:
        training_set = FirstRows(training_set, preset.samples)
    network = replace(preset, seed=seed or preset.seed).network()
    train(network, training_set, **preset.training(), backend=backend)
    return evaluate(network, test_set).accuracy


@pytest.mark.parametrize("name", ["smoke", "pi-zero", "pi-zero-100", "book", "best"])
def test_presets_reach_their_accuracy(mnist, name):
    """Its own seed lies within the range of 95 in 100, widened by what a CPU may change."""
    preset = PRESETS[name]
    _, low, high = preset.accuracy
    margin = 0.003 if name in ("book", "pi-zero-100", "best") else 0.02
    assert low - margin <= accuracy_of(preset, mnist) <= high + margin


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_pi_zeros_preset_ends_where_it_says(mnist, backend):
    """Its own seed lies within the range itself: on a Pi nobody sees a figure beside it."""
    preset = PRESETS["pi-zero"]
    _, low, high = preset.accuracy
    assert low <= accuracy_of(preset, mnist, backend=backend) <= high


def test_the_sparse_execution_keeps_the_accuracy(mnist):
    """Five epochs in float32, 300,000 digits: within 0.3 points of the dense one."""
    training_set, test_set = mnist
    accuracy = {}
    for execution in BACKENDS:
        network = Network(hidden_nodes=100, seed=1)
        train(network, training_set, epochs=5, backend=execution)
        accuracy[execution] = evaluate(network, test_set).accuracy
    assert accuracy["sparse"] == pytest.approx(accuracy["dense"], abs=0.003)


@pytest.mark.parametrize(
    ("hidden_nodes", "batch_size", "published", "points"),
    [(10, 8, 0.848, 1.5), (200, 16, 0.9547, 0.3)],
)
def test_the_books_accuracy_is_kept(mnist, hidden_nodes, batch_size, published, points):
    """One epoch: as many points under the book's loop, run here on the same digits, as allowed."""
    training_set, test_set = mnist
    wih, who = book_loop.initial_weights(hidden_nodes, seed=2)
    for pixels, label in zip(training_set.pixels, training_set.labels, strict=True):
        targets = np.full(10, 0.01)
        targets[label] = 0.99
        book_loop.learn(wih, who, pixels / 255 * 0.99 + 0.01, targets)
    book = Network(hidden_nodes=hidden_nodes, dtype="float64")
    book.weights_input_hidden, book.weights_hidden_output = wih, who
    expected = evaluate(book, test_set).accuracy
    assert expected == pytest.approx(published, abs=0.04 if hidden_nodes == 10 else 0.004)

    network = Network(hidden_nodes=hidden_nodes, seed=2)
    train(network, training_set, batch_size=batch_size)
    assert evaluate(network, test_set).accuracy >= expected - points / 100


def test_sample_by_sample_is_the_books_arithmetic(mnist):
    """Adapter and network, batch size 1, against the book's loop: 3,000 digits, to 1e-10."""
    pixels, labels = mnist[0].pixels[:3000], mnist[0].labels[:3000]
    wih, who = book_loop.initial_weights(50, seed=2)
    network = Network(hidden_nodes=50, dtype="float64", seed=2)
    n = neuralNetwork(784, 50, 10, 0.1)
    n.wih, n.who = wih.copy(), who.copy()
    assert np.array_equal(network.weights_input_hidden, wih)
    train(network, ArrayDataset(pixels, labels), batch_size=1)
    for row, label in zip(pixels, labels, strict=True):
        inputs, targets = row / 255.0 * 0.99 + 0.01, np.full(10, 0.01)
        targets[label] = 0.99
        n.train(inputs, targets)
        book_loop.learn(wih, who, inputs, targets)
    for weights in (n.wih, network.weights_input_hidden):
        assert np.abs(weights - wih).max() < 1e-10
    for weights in (n.who, network.weights_hidden_output):
        assert np.abs(weights - who).max() < 1e-10


def test_the_rules_come_in_the_authors_order(mnist):
    """Equal stays near 10 %, proportional is like multiply, normalised behind, catching up."""
    training_set, test_set = mnist
    accuracy = {}
    for rule in RULES:
        network = Network(hidden_nodes=100, rule=rule, seed=1)
        accuracy[rule] = []
        for epochs in (1, 1, 3):
            train(network, training_set, epochs=epochs)
            accuracy[rule].append(evaluate(network, test_set).accuracy)
    assert max(accuracy["equal"]) < 0.2
    assert np.abs(np.subtract(accuracy["multiply"], accuracy["proportional"])).max() < 0.01
    behind = np.subtract(accuracy["multiply"], accuracy["normalised"])
    assert 0.02 < behind[2] < behind[1] < behind[0] < 0.1
    assert accuracy["gradient"][2] > 0.96


def peak_mb(csv_path, test_path, tmp_path):
    """Peak memory of a training in a process of its own."""
    model = tmp_path / "model.npz"
    return json.loads(
        run("train", "--train", csv_path, "--test", test_path, "--model", model, "--json")
    )["peak_rss_mb"]


def test_memory_does_not_grow_with_the_file(csv_files, tmp_path):
    """Under 64 MB for MNIST as CSV, and the same within 5 MB for a file four times as long."""
    train_file, test_file = csv_files
    four_times = tmp_path / "four_times.csv"
    four_times.write_bytes(4 * train_file.read_bytes())
    for path in (train_file, test_file):
        path.with_name(path.name + ".packed").unlink(missing_ok=True)
    once = peak_mb(train_file, test_file, tmp_path)
    assert once < 64
    assert abs(peak_mb(four_times, test_file, tmp_path) - once) < 5


def test_the_sample_teaches_something_about_real_digits(mnist):
    """Trained on the 10,000 drawn digits alone, real ones are read far above chance."""
    dataset = open_dataset(PROJECT / "mnist_dataset" / "sample_train.csv.gz")
    network = Network(hidden_nodes=100, seed=1)
    train(network, dataset, epochs=1)
    assert evaluate(network, mnist[1]).accuracy > 0.85
