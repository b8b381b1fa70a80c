"""``weights``: first weights as text, the same as those of a network with the seed."""

import numpy as np
import pytest

from nn.cli import main
from nn.network import Network
from nn.saving.model_file import save_model
from nn.saving.weights_text import read_weights


def test_defaults(tmp_path, monkeypatch, capsys):
    """Without flags: 784-100-10 from seed 1 into weights.txt, in float64."""
    monkeypatch.chdir(tmp_path)
    assert main(["weights"]) == 0
    expected = Network(hidden_nodes=100, seed=1, dtype="float64")
    wih, who = read_weights("weights.txt")
    assert np.array_equal(wih, expected.weights_input_hidden)
    assert np.array_equal(who, expected.weights_hidden_output)
    assert capsys.readouterr().out == "Written: weights.txt, the weights of a 784-100-10 network\n"


def test_its_size_and_seed(tmp_path):
    """As given; another seed, other weights."""
    for seed in "12":
        words = ["--hidden-nodes", "7", "--seed", seed, "--out", str(tmp_path / f"{seed}.txt")]
        assert main(["weights", *words]) == 0
    first, second = (read_weights(tmp_path / f"{seed}.txt")[0] for seed in "12")
    assert first.shape == (7, 784)
    assert not np.array_equal(first, second)


def test_a_models_weights(tmp_path):
    """Those of the file, to the last bit of float32."""
    network = Network(hidden_nodes=5, seed=9)
    save_model(network, tmp_path / "model.npz")
    out = tmp_path / "w.txt"
    assert main(["weights", "--model", str(tmp_path / "model.npz"), "--out", str(out)]) == 0
    assert np.array_equal(read_weights(out)[0], network.weights_input_hidden)


def test_an_existing_file_stays(tmp_path, capsys):
    """Without --force; with it, it is replaced."""
    out = tmp_path / "w.txt"
    out.write_text("mine")
    assert main(["weights", "--out", str(out)]) == 1
    assert "already exists: use --force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main(["weights", "--out", str(out), "--force"]) == 0
    read_weights(out)


@pytest.mark.parametrize("words", [["--seed", "2"], ["--hidden-nodes", "5"]])
def test_a_model_needs_no_other_settings(words, tmp_path, capsys):
    """Wrong usage: exit code 2, before anything is read."""
    with pytest.raises(SystemExit) as stopped:
        main(["weights", "--model", str(tmp_path / "none.npz"), *words])
    assert stopped.value.code == 2
    assert "--model has weights of its own" in capsys.readouterr().err


def test_a_missing_folder(tmp_path, capsys):
    """One line that names the file; no traceback."""
    assert main(["weights", "--out", str(tmp_path / "none" / "w.txt")]) == 1
    assert "none/w.txt: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["", "."])
def test_no_file(out, capsys):
    """Not even by --force."""
    assert main(["weights", "--out", out, "--force"]) == 1
    assert "expected the name of a file" in capsys.readouterr().err
