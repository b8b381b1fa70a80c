"""A network that can read, from wherever it is to be had."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from nn.data.dataset import open_dataset
from nn.data.sources import MNIST_NAME, SAMPLE_NAME, find_source
from nn.evaluation import evaluate
from nn.lessons.trained import best_model, load_or_train
from nn.network import Network
from tests.conftest import PROJECT


@pytest.fixture
def sample():
    """The bundled sample."""
    return find_source(environ={}, offline=True)


def keep(path, about=None, **sizes):
    """Save a network that was never trained."""
    network = Network(hidden_nodes=3, seed=1, **sizes)
    network.save(path, about)
    return network


def test_without_a_model_one_is_trained_that_reads(tmp_path, sample):
    """4,000 digits shown; the origin says how many and of what."""
    rows = []
    network, origin = load_or_train(
        sample, folder=tmp_path / "none", samples=4000, on_rows=rows.append
    )
    assert sum(rows) == 4000
    assert "1,000 digits, each seen 4 times" in origin
    assert SAMPLE_NAME in origin
    assert evaluate(network, open_dataset(sample.test)).accuracy > 0.5
    assert not list(tmp_path.iterdir())


def test_fewer_digits_than_there_are_can_be_asked_for(tmp_path, sample):
    """The first 320 alone, once."""
    _, origin = load_or_train(sample, folder=tmp_path, samples=320)
    assert "320 digits, each seen once" in origin


def test_the_best_model_is_loaded(tmp_path, sample):
    """By its own test's accuracy; one trained on MNIST comes before all others."""
    keep(tmp_path / "a.npz", {"dataset": SAMPLE_NAME, "accuracy": 0.99})
    keep(tmp_path / "b.npz", {"dataset": MNIST_NAME, "accuracy": 0.95})
    keep(tmp_path / "c.npz", {"dataset": MNIST_NAME, "accuracy": None})
    network, origin = load_or_train(sample, folder=tmp_path)
    assert origin.startswith("loaded from models/b.npz: 3 hidden nodes, trained on: MNIST")
    assert origin.endswith("it read 95.0% of its test digits")
    assert np.array_equal(
        network.weights_input_hidden, Network(hidden_nodes=3, seed=1).weights_input_hidden
    )


def test_what_is_no_digit_reader_is_passed_over(tmp_path):
    """Damaged, of other sizes, saying nothing of itself."""
    (tmp_path / "damaged.npz").write_bytes(b"PK")
    keep(tmp_path / "small.npz", input_nodes=4)
    assert best_model(tmp_path) is None
    keep(tmp_path / "silent.npz")
    assert best_model(tmp_path)[1] == "loaded from models/silent.npz: 3 hidden nodes"


def test_by_default_it_is_what_was_trained_in_the_kits_folder(tmp_path):
    """In a copy of the kit: trained in its folder as by make, loaded from its notebooks/."""
    kit, notebooks = tmp_path / "pi-nn", tmp_path / "pi-nn" / "notebooks"
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "nn", kit / "nn", ignore=left_out)
    notebooks.mkdir()
    train = "--train", PROJECT / "mnist_dataset" / "sample_train.csv"
    code = (
        "from nn.data.sources import Source\n"
        "from nn.lessons.trained import load_or_train\n"
        "print(load_or_train(Source('nothing to train on', None, None))[1])"
    )
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
