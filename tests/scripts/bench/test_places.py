"""How programs are run and measured in a place: their commands, what they need, how they fail."""

import sys
from pathlib import Path

import pytest

from nn.lessons.speed import ProgramError
from nn.presets import PRESETS
from scripts.bench import places
from scripts.bench.peers import BOOK, LIMIT, SIDES
from scripts.bench.places import Arm, Here, Job, Run, Side, Source


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


def test_the_settings_of_a_side_are_its_own(tmp_path):
    """Its program finds them in its environment."""
    code = "import os; print('{\"accuracy\":', os.environ['RIGHT'], '}')"
    side = Side(("python", "-c", code), arguments=lambda job: (), settings=("RIGHT=0.25",))
    assert Here(tmp_path).run(side, PRESETS["pi-zero"]).accuracy == 0.25


def test_a_c_program_is_compiled_by_its_own_flags(tmp_path, monkeypatch):
    """Once; for this very processor only if it asks for it."""
    calls = []
    monkeypatch.setattr(places, "call", lambda *words, timeout: calls.append(words))
    plain, tuned = Source("a/plain.c", ("-O2",)), Source("a/tuned.c", ("-O3",), is_tuned=True)
    here, job = Here(tmp_path), Job(PRESETS["book"], tmp_path, "whole")
    for source in (plain, tuned):
        command = here.command(Side((source, "word")), job)
        program = tmp_path / f"{Path(source.path).stem}.here"
        assert command[-7:-5] == [str(program), "word"]
        program.touch()
        here.command(Side((source,)), job)  # which is there
    (of_plain, of_tuned) = (words[words.index("gcc") :] for words in calls)
    assert of_plain == ("gcc", "-O2", "-o", tmp_path / "plain.here", "a/plain.c", "-lm")
    assert of_tuned[1:3] == ("-O3", "-march=native")


class FakeArm(Arm):
    """ARM on which each start takes 3 s, 7 s more at first, and the rows 2 s."""

    def __init__(self):
        self.seen, self.started = Path("/tmp"), set()
        self.extra = 7.0

    def _seconds(self, side, job):
        extra, self.extra = self.extra, 0.0
        return 3.0 + extra + (2.0 if job.rows == "many" else 0.0)


def test_on_arm_the_start_is_not_counted():
    """Neither the first one, in which Python compiles, nor a later one."""
    arm, side = FakeArm(), Side(("python",))
    assert [arm.run(side, PRESETS["book"]) for _ in range(2)] == [Run(2.0), Run(2.0)]
