"""A teacher's file gets to all Pis of a class; the rules for a pupil's work are kit_files.py's."""

import sys

import pytest

from scripts.classroom import hand_out
from scripts.classroom.ask import Answer
from scripts.classroom.transfer import on_pi
from scripts.pis import Pi


@pytest.fixture
def give(homes, monkeypatch, tmp_path):
    """Hand out a file to given Pis; return the exit code."""

    def run(pis, file):
        monkeypatch.setattr(hand_out, "chosen_pis", lambda arguments: pis)
        monkeypatch.setattr(sys, "argv", ["hand_out", "--inventory", "hosts.yml", str(file)])
        return hand_out.main()

    return run


@pytest.mark.slow
def test_a_large_file_is_not_sent_twice(homes, give, tmp_path, capsys, monkeypatch):
    """A Pi that has it says so before it receives anything; one that is off is named."""
    pis = [*homes("pi-1"), Pi("off", [], "off", "pi-nn")]
    file = tmp_path / "it's data.csv"
    file.write_bytes(b"5,0\n" * 100)
    assert give(pis, file) == 1
    assert (homes.folder / "pi-1/pi-nn/notebooks" / file.name).read_bytes() == file.read_bytes()
    assert capsys.readouterr().out == f"pi-1: has notebooks/{file.name}\n"
    monkeypatch.setattr(hand_out, "on_pi", lambda pi, _, first: on_pi(pi, "exit 9", first))
    assert give(pis[:1], file) == 0
    assert capsys.readouterr().out == f"pi-1: had {file.name} already\n"


@pytest.mark.parametrize("name", ["none.ipynb", ".", ".hidden.ipynb"])
def test_what_cannot_be_handed_out_is_refused(give, tmp_path, name):
    """Before a Pi is asked."""
    (tmp_path / ".hidden.ipynb").touch()
    with pytest.raises(SystemExit, match=r"expected a (file|name)"):
        give([], tmp_path / name)


def test_the_programs_own_name_is_refused(give, tmp_path):
    """It would take the program's place on the Pis."""
    (tmp_path / "kit_files.pyz").touch()
    with pytest.raises(SystemExit, match=r"the kit's own program has this name"):
        give([], tmp_path / "kit_files.pyz")


def test_a_pi_that_says_something_else_has_not_got_it(give, tmp_path, monkeypatch, capsys):
    """Whatever its exit code."""
    (tmp_path / "a.csv").touch()
    pi = Pi("pi-1", [], "pi-1", "pi-nn")
    monkeypatch.setattr(hand_out, "ask", lambda pi, *_, **__: Answer(pi, b'{"x": 1}\n'))
    assert give([pi], tmp_path / "a.csv") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert 'pi-1 did not name the new file, but said: {"x": 1}' in said.err


@pytest.mark.slow
def test_folders_of_that_name_are_a_pupils(homes, give, tmp_path, capsys):
    """Whatever is in them."""
    pis = homes("pi-1")
    file = tmp_path / "a.csv"
    file.touch()
    (homes.folder / "pi-1/pi-nn/notebooks/a.csv").mkdir()
    for beside in ("a.new.csv", "a.new-2.csv"):
        (homes.folder / "pi-1/pi-nn/notebooks" / beside).mkdir()
    assert give(pis, file) == 0
    said = "pi-1: has notebooks/a.new-3.csv, beside the pupil's own a.csv\n"
    assert capsys.readouterr().out == said
