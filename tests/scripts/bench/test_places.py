"""How programs are run and measured in a place: their commands, what they need, how they fail."""

import sys
from pathlib import Path

import pytest

from nn.lessons.speed import ProgramError
from nn.presets import PRESETS
from scripts.bench.peers import BOOK, LIMIT, SIDES
from scripts.bench.places import Here, Job, Side


def test_what_is_missing_is_named_with_its_package(tmp_path, monkeypatch):
    """In the very command that installs it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    here = Here(tmp_path)
    assert here.missing(SIDES[LIMIT]) == "run `apt-get install gcc libc6-dev`"
    assert here.missing(SIDES[BOOK]) == ""


def test_a_run_is_measured_and_its_failure_told(tmp_path):
    """By a process of its own: its seconds, its memory, what it printed."""
    here, preset = Here(tmp_path), PRESETS["pi-zero"]
    for megabytes in (0, 50):
        code = f"text = 'x' * {megabytes * 1_000_000}; print('{{\"accuracy\": 0.5}}')"
        run = here.run(Side(("python", "-S", "-c", code), arguments=lambda job: ()), preset)
        assert run.accuracy == 0.5
        assert 0 < run.peak_mb - megabytes < 25  # this process, with pytest and numpy, has more
        assert 0 < run.seconds < 30
    failing = Side(("python", "-c", "raise SystemExit('no digits')"))
    with pytest.raises(ProgramError, match=r"failed: no digits"):
        here.run(failing, preset)


def test_commands_are_those_of_the_sides(tmp_path):
    """All get the same files, nodes, epochs and seed."""
    here, job = Here(tmp_path), Job(PRESETS["book"], tmp_path, "whole")
    train, test = (str(tmp_path / f"whole_{kind}.csv") for kind in ("train", "test"))
    command = here.command(SIDES[BOOK], job)
    assert command[-7:] == ["-m", "nn.lessons.book_loop", train, test, "200", "5", "1"]
    assert Path(sys.executable) == Path(command[-8])
    of_kit = here.command(SIDES["this kit"], job)
    assert of_kit[of_kit.index("--train") + 1] == train
    assert of_kit[of_kit.index("--preset") + 1] == "book"
