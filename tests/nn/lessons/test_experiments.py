"""Experiments, against the steps they are made of; and networks from wherever they are found."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from nn.augment import rotations
from nn.data.dataset import ArrayDataset, FirstRows, open_dataset
from nn.data.sources import MNIST_NAME, SAMPLE_NAME, find_source
from nn.lessons.experiments import (
    TurnedDataset,
    best_model,
    find_misread,
    hidden_errors_by_rule,
    measure_accuracy,
)
from nn.network import Network
from nn.presets import get_preset
from nn.rules import RULES
from nn.saving.model_file import save_model
from nn.signals import one_hot, scale_pixels
from nn.training import evaluate
from tests.conftest import PROJECT

SETTINGS = replace(get_preset("smoke"), hidden_nodes=6, learning_rate=0.03, epochs=2, batch_size=8)


@pytest.fixture
def sample():
    """The bundled sample."""
    return find_source(environ={}, offline=True)


def keep(path, about=None, **sizes):
    """Save a network that was never trained."""
    network = Network(hidden_nodes=3, seed=1, **sizes)
    save_model(network, path, about)
    return network


@pytest.mark.parametrize("degrees", [0.0, 10.0])
def test_accuracy_is_that_of_training_by_hand(digits, degrees):
    """Each setting counts: nodes, rate, epochs, batches, the first rows, rotations and seed."""
    pixels, labels = digits
    labels = labels % 3  # so that there is something to learn
    pixels[np.arange(700), labels] = 255
    network = Network(hidden_nodes=6, learning_rate=0.03, seed=5)
    turn = rotations(degrees) if degrees else lambda inputs: [inputs]
    for _ in range(2):
        for first in range(0, 400, 8):
            rows = slice(first, first + 8)
            for inputs in turn(scale_pixels(pixels[rows])):
                network.train(inputs, one_hot(labels[rows]))
    answers = network.query(scale_pixels(pixels[500:])).argmax(axis=1)

    rows = []
    settings = replace(SETTINGS, samples=400, augment_degrees=degrees)
    accuracy = measure_accuracy(
        settings,
        ArrayDataset(pixels[:500], labels[:500]),
        ArrayDataset(pixels[500:], labels[500:]),
        seed=5,
        on_rows=rows.append,
    )
    assert accuracy == pytest.approx((answers == labels[500:]).mean(), abs=0.0051)
    assert sum(rows) == 2 * 400


def test_all_rows_are_used_without_a_limit(digits):
    """`samples` None means all of them."""
    rows = []
    dataset = ArrayDataset(*digits)
    measure_accuracy(replace(SETTINGS, samples=None), dataset, dataset, on_rows=rows.append)
    assert sum(rows) == 2 * 700


def test_without_a_model_it_is_the_one_that_comes_with_the_kit(tmp_path, sample):
    """Its origin says what it is; it reads digits that the kit drew."""
    network, origin = best_model(tmp_path / "none")
    assert origin.startswith("best-night, which comes with the kit: 300 hidden nodes, trained on")
    assert re.search(r"MNIST; it read 9[89]\.\d% of its test digits$", origin)
    assert evaluate(network, open_dataset(sample.test)).accuracy > 0.7
    assert not list(tmp_path.iterdir())


def test_the_best_model_is_loaded(tmp_path):
    """By its own test's accuracy; one trained on MNIST comes before all others."""
    keep(tmp_path / "a.npz", {"dataset": SAMPLE_NAME, "accuracy": 0.99})
    keep(tmp_path / "b.npz", {"dataset": MNIST_NAME, "accuracy": 0.95})
    keep(tmp_path / "c.npz", {"dataset": MNIST_NAME, "accuracy": None})
    network, origin = best_model(tmp_path)
    assert origin.startswith("loaded from models/b.npz: 3 hidden nodes, trained on: MNIST")
    assert origin.endswith("it read 95.0% of its test digits")
    assert np.array_equal(
        network.weights_input_hidden, Network(hidden_nodes=3, seed=1).weights_input_hidden
    )


def test_what_is_no_digit_reader_is_passed_over(tmp_path):
    """Damaged, of other sizes, saying nothing of itself."""
    (tmp_path / "damaged.npz").write_bytes(b"PK")
    keep(tmp_path / "small.npz", input_nodes=4)
    assert best_model(tmp_path)[1].startswith("best-night, which comes with the kit")
    keep(tmp_path / "silent.npz")
    assert best_model(tmp_path)[1] == "loaded from models/silent.npz: 3 hidden nodes"


def test_by_default_it_is_what_was_trained_in_the_kits_folder(tmp_path):
    """In a copy of the kit: trained in its folder as by make, loaded from its notebooks/."""
    kit, notebooks = tmp_path / "pi-nn", tmp_path / "pi-nn" / "notebooks"
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "nn", kit / "nn", ignore=left_out)
    notebooks.mkdir()
    train = "--train", PROJECT / "mnist_dataset" / "sample_train.csv.gz"
    code = "from nn.lessons.experiments import best_model\nprint(best_model()[1])"
    for folder, words in (
        (kit, ("-m", "nn", "train", "--preset", "smoke", *train)),
        (notebooks, ("-c", code)),
    ):
        run = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(kit)},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("loaded from models/smoke.npz: 30 hidden nodes, trained on: ")


@pytest.mark.parametrize("most", [7, 10_000])
def test_misread_digits_are_found_in_order(digits, most):
    """Against digits asked one by one: the first seven, or all there are."""
    network = Network(hidden_nodes=8, seed=4)
    expected = []
    for pixels, label in zip(*digits, strict=True):
        answer = network.query(scale_pixels(pixels)).argmax()
        if answer != label:
            expected.append((pixels.tolist(), label, answer))
    pixels, labels, answers = find_misread(network, ArrayDataset(*digits), most)
    found = list(zip(pixels.tolist(), labels, answers, strict=True))
    assert found == expected[:most]
    assert len(expected) > 7


def test_a_network_without_mistakes_has_none_misread(digits):
    """The digits it takes for noughts, as noughts."""
    network = Network(hidden_nodes=8, seed=4)
    answers = network.query(scale_pixels(digits[0])).argmax(axis=1)
    pixels, labels, found = find_misread(network, ArrayDataset(digits[0], answers))
    assert pixels.shape == (0, 784)
    assert len(labels) == len(found) == 0


def test_hidden_errors_are_sent_back_by_each_rule():
    """One digit through two hidden nodes, by hand; and nothing is learned."""
    network = Network(hidden_nodes=2, seed=1, dtype="float64")
    network.weights_hidden_output[:] = np.outer(np.arange(10), [0.1, -0.2])
    before = network.weights_hidden_output.copy()
    pixels = np.zeros((1, 784), "uint8")
    hidden = 1 / (1 + np.exp(-0.01 * network.weights_input_hidden.sum(axis=1)))
    outputs = 1 / (1 + np.exp(-before @ hidden))
    errors = np.where(np.arange(10) == 3, 0.99, 0.01) - outputs
    sent = hidden_errors_by_rule(network, pixels, np.array([3], "uint8"))
    assert list(sent) == list(RULES)
    assert sent["multiply"] == pytest.approx((before.T @ errors)[np.newaxis])
    assert sent["equal"] == pytest.approx(np.full((1, 2), errors.sum() / 2))
    assert np.array_equal(network.weights_hidden_output, before)


def test_a_turned_dataset_holds_the_same_digits_turned(digits):
    """Pixel by pixel as scipy turns them, within a rounding; with their labels."""
    pixels, labels = digits
    turned = TurnedDataset(ArrayDataset(pixels, labels), 30)
    assert turned.estimate_rows() == 700
    assert np.concatenate([each for _, each in turned.blocks()]).tolist() == labels.tolist()
    first, _ = next(TurnedDataset(FirstRows(ArrayDataset(pixels, labels), 3), 30).blocks())
    assert first.dtype == np.uint8
    for row, picture in zip(first, pixels, strict=False):
        sheet = picture.reshape(28, 28).astype(float)
        expected = ndimage.rotate(sheet, 30, reshape=False, order=1, cval=0)
        assert row == pytest.approx(expected.ravel(), abs=0.51)
