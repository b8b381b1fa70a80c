"""The models that the page offers."""

import os

import numpy as np
import pytest

from nn.cli.files import load_reader
from nn.network import Network
from nn.page.models import MOST_LOADED, Models, NoModelError
from nn.saving.model_file import ModelError, save_model


@pytest.fixture
def folder(tmp_path):
    """A folder with two models; "b" is the newer."""
    for time, name in enumerate("ab", 1):
        save_model(Network(seed=time, hidden_nodes=3), tmp_path / f"{name}.npz")
        os.utime(tmp_path / f"{name}.npz", (time, time))
    return tmp_path


def test_the_shipped_model_is_offered_last(folder, tmp_path):
    """However new it is; alone, it answers."""
    (folder / "kit").mkdir()
    shipped = folder / "kit" / "best.npz"
    save_model(Network(seed=3, hidden_nodes=3), shipped)
    assert Models([folder], load_reader, shipped).names() == [
        "b",
        "a",
        "best, which comes with the kit",
    ]
    name, network, _ = Models([tmp_path / "none"], load_reader, shipped).get()
    assert name == "best, which comes with the kit"
    assert network.sizes == (784, 3, 10)


def test_models_of_one_name_are_told_apart(folder):
    """As pi-zero.npz in the kit's folder and beside the notebooks."""
    other = folder / "notebooks"
    other.mkdir()
    save_model(Network(seed=4, hidden_nodes=4), other / "a.npz")
    models = Models([folder, other], load_reader)
    assert models.names() == ["a", "b", f"a in {folder}"]
    assert models.get("a")[1].sizes[1] == 4
    assert models.get(f"a in {folder}")[1].sizes[1] == 3


def test_a_file_that_changes_is_loaded_again(folder):
    """And few are kept in memory."""
    models = Models([folder], load_reader)
    assert models.get("a")[1] is models.get("a")[1]
    for nodes in range(4, 9):
        save_model(Network(seed=5, hidden_nodes=nodes), folder / "a.npz")
        assert models.get("a")[1].sizes[1] == nodes
    assert len(models._loaded) <= MOST_LOADED


def test_what_is_no_model_is_told(folder):
    """By the loader's own words; an unknown name lists those that load."""
    (folder / "c.npz").write_text("no model")
    models = Models([folder], load_reader)
    with pytest.raises(ModelError, match="is not a valid model"):
        models.get("c")
    with pytest.raises(NoModelError, match=r"expected one of the models b, a, got '\.\./a'"):
        models.get("../a")


def test_what_does_not_load_is_left_out(folder):
    """The newest sound model answers; folders, pipes, dead links and odd names end no list."""
    (folder / "c.npz").write_text("no model")
    np.savez(folder / "d.npz", numbers=np.arange(3))
    (folder / "e.npz").mkdir()
    (folder / "f.npz").symlink_to("nowhere")
    os.mkfifo(folder / "g.npz")
    (folder / os.fsdecode(b"\xff.npz")).write_bytes((folder / "a.npz").read_bytes())
    models = Models([folder], load_reader)
    assert models.names() == ["b", "a"]
    assert models.get()[0] == "b"
    save_model(Network(seed=6, hidden_nodes=6), folder / "c.npz")
    assert models.names()[0] == "c"
