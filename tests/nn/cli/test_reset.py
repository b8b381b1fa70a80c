"""``reset``: a notebook as it was shipped, and the changed one beside it."""

import shutil
import subprocess

import pytest

from nn.cli import main, reset
from scripts.bench.packed_kit import unpack_kit
from tests.conftest import PROJECT

NAME = "notebooks/03_train_on_mnist.ipynb"


@pytest.fixture(params=["pi", "clone"])
def kit(request, tmp_path, monkeypatch):
    """A kit as on a Pi, and one in a clone."""
    folder = unpack_kit(tmp_path)
    if request.param == "pi":
        shutil.copy(tmp_path / "kit.tar.gz", folder / ".kit.tar.gz")
    else:
        git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "kit"]):
            subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(reset, "KIT_FOLDER", folder)
    return folder


@pytest.mark.parametrize("wanted", ["3", "03", "03_train_on_mnist", NAME])
def test_a_changed_notebook_is_reset_and_kept(kit, wanted, capsys):
    """By its number, its name or its path; a second time nothing is to be done."""
    shipped = (PROJECT / NAME).read_bytes()
    (kit / NAME).write_text("mine")
    for expected in (
        f"reset: {NAME}; yours is kept as 03_train_on_mnist.mine-1.ipynb",
        "unchanged",
    ):
        assert main(["reset", wanted]) == 0
        assert capsys.readouterr().out.startswith(expected)
        assert (kit / NAME).read_bytes() == shipped
    assert (kit / "notebooks/03_train_on_mnist.mine-1.ipynb").read_text() == "mine"


def test_a_removed_notebook_comes_back(kit):
    """And an earlier one that was kept stays."""
    (kit / NAME).unlink()
    (kit / "notebooks/03_train_on_mnist.mine-1.ipynb").write_text("earlier")
    assert main(["reset", "03"]) == 0
    assert (kit / NAME).read_bytes() == (PROJECT / NAME).read_bytes()
    (kit / NAME).write_text("later")
    assert main(["reset", "03"]) == 0
    assert (kit / "notebooks/03_train_on_mnist.mine-1.ipynb").read_text() == "earlier"
    assert (kit / "notebooks/03_train_on_mnist.mine-2.ipynb").read_text() == "later"


def test_one_that_was_never_shipped_is_refused(kit, capsys):
    """Before any other is touched."""
    (kit / NAME).write_text("mine")
    assert main(["reset", "03", "42"]) == 1
    assert "no notebook '42' was shipped: expected one of 00_start_here" in capsys.readouterr().err
    assert (kit / NAME).read_text() == "mine"


def test_without_originals_it_says_where_it_looked(tmp_path, monkeypatch, capsys):
    """As in an unpacked zip."""
    monkeypatch.setattr(reset, "KIT_FOLDER", tmp_path)
    assert main(["reset", "03"]) == 1
    assert "expected the shipped notebooks in" in capsys.readouterr().err
