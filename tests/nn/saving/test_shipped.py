"""The model that comes with the kit, and which model answers by default."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from nn.network import Network
from nn.presets import PRESETS
from nn.saving.model_file import load_model, save_model
from nn.saving.shipped import SHIPPED_MODEL, default_model
from nn.signals import scale_pixels
from nn.training import evaluate
from scripts.bench.packed_kit import unpack_kit
from tests.conftest import PROJECT

ACCURACY = 0.9899  # docs/performance.md says 99.00 %; rounding may turn a digit over


def test_it_is_small_and_says_what_it_is():
    """Under 700 KB; the preset's own settings; nothing about the computer that trained it."""
    assert SHIPPED_MODEL.stat().st_size < 700_000
    network = load_model(SHIPPED_MODEL)
    settings = PRESETS["best-night"].hyperparameters() | {"samples": 60_000}
    assert {name: network.about[name] for name in settings} == settings
    assert network.sizes == (784, settings["hidden_nodes"], 10)
    assert (network.about["dataset"], network.about["test_samples"]) == ("MNIST", 10_000)
    assert network.about["accuracy"] >= ACCURACY
    assert not [value for value in network.about.values() if "/" in str(value)]


@pytest.mark.mnist
def test_it_reads_as_many_test_digits_as_it_says(mnist):
    """All 10,000: by the kit, and by plain arithmetic on the file's own numbers."""
    _, test_set = mnist
    network = load_model(SHIPPED_MODEL)
    accuracy = evaluate(network, test_set).accuracy
    assert accuracy >= ACCURACY
    assert accuracy == pytest.approx(network.about["accuracy"], abs=2e-4)
    arrays = np.load(SHIPPED_MODEL)
    first, second = (
        arrays[name].astype(float) * arrays[f"{name}_scales"][:, None]
        for name in ("weights_input_hidden", "weights_hidden_output")
    )
    pixels = test_set.pixels[:2000]
    hidden = 1 / (1 + np.exp(-scale_pixels(pixels, "float64") @ first.T))
    outputs = 1 / (1 + np.exp(-hidden @ second.T))
    assert np.abs(network.query(scale_pixels(pixels)) - outputs).max() < 1e-4


def test_a_pi_gets_it(tmp_path):
    """It is among the files that are packed for a Pi, unchanged."""
    packed = unpack_kit(tmp_path) / SHIPPED_MODEL.relative_to(PROJECT)
    assert packed.read_bytes() == SHIPPED_MODEL.read_bytes()


def test_by_default_the_newest_model_answers(tmp_path):
    """Before anybody trained, the kit's; then the one that was trained last."""
    assert default_model(tmp_path / "none") == SHIPPED_MODEL
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "book.npz.checkpoint-a").touch()
    assert default_model(tmp_path) == SHIPPED_MODEL
    for number, name in enumerate(("b.npz", "a.npz", "c.npz")):
        shutil.copy(SHIPPED_MODEL, tmp_path / name)
        os.utime(tmp_path / name, (1e9 - number, 1e9 - number))
    assert default_model(tmp_path) == tmp_path / "b.npz"


@pytest.mark.slow
def test_commands_say_which_model_answers(run, tmp_path, csv_pair):
    """The kit's until there is one's own; none of it on standard output; --model says nothing."""
    kits = run("test", "--test", csv_pair[1])
    assert kits.returncode == 0
    assert "Model: best-night, which comes with the kit" in kits.stderr.splitlines()
    assert "Model:" not in kits.stdout
    (tmp_path / "models").mkdir()
    save_model(Network(hidden_nodes=5, seed=1), tmp_path / "models" / "mine.npz")
    for words in (("predict", csv_pair[1], "--out", "a.csv"), ("backquery",)):
        own = run(*words)
        assert f"Model: {Path('models', 'mine.npz')}" in own.stderr.splitlines()
    named = run("test", "--test", csv_pair[1], "--model", "models/mine.npz")
    assert "Model:" not in named.stderr
