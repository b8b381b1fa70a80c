"""What a command that compares programs makes of their runs."""

import sys
from pathlib import Path

import pytest

from scripts.bench import comparison
from scripts.bench.comparison import NAMES, Comparison, Medians, table
from scripts.bench.kinds import PEERS
from scripts.bench.places import Arm, Here, Run
from scripts.machines.host import MachineError


class FakePlace:
    """A place where each side takes a second a letter of its name; one may fail or be missing."""

    name, cell = "here", staticmethod(Here.cell)

    def __init__(self, failing: str = "", error: type[BaseException] = MachineError):
        self.failing, self.error, self.ran = failing, error, []

    def missing(self, side):
        """Say how to install the one that is called so."""
        return "run `apt-get install it`" if side == "missing" else ""

    def run(self, side, preset):
        """Note the side; fail, or take its time."""
        self.ran.append(side)
        if side == self.failing:
            raise self.error("ended with 1")
        return Run(float(len(side)), 0.9, 40.0)


def comparison_of(*sides: str, complaints: tuple[str, ...] = ()) -> Comparison:
    """Return a comparison of sides, of which each is its own name; the last one is the unit."""
    return Comparison(
        "compare-letters",
        kind=PEERS,
        unit=sides[-1],
        titles={"here": "Medians of {} runs."},
        sides=lambda place: {name: name for name in sides},
        check=lambda place, medians: list(complaints),
        prepare=lambda folder: Path(folder, "prepared").touch(),
    )


COMPARISON = comparison_of("a", "bb")


def test_sides_take_turns(capsys):
    """Each after the others, and again; each run is told."""
    place = FakePlace()
    medians, failures = COMPARISON.measure(place, {"a": "a", "bb": "bb"}, runs=2)
    assert place.ran == ["a", "bb"] * 2 * len(NAMES)
    assert medians["bb"] == dict.fromkeys(NAMES, Run(2, 0.9, 40))
    assert failures == []
    assert "compare-letters: 12 of 12: book, run 2 of 2: bb: 2.000 s\n" in capsys.readouterr().err


def test_a_side_that_fails_is_left_out_and_named(capsys):
    """It is not tried again, and the others go on."""
    place = FakePlace(failing="bb")
    medians, failures = COMPARISON.measure(place, {"a": "a", "bb": "bb"}, runs=3)
    assert list(medians) == ["a"]
    assert failures == ["bb: ended with 1"]
    assert place.ran.count("bb") == 1
    assert "pi-zero, run 1 of 3: bb: failed\n" in capsys.readouterr().err


def test_what_is_left_out_stands_below_the_table():
    """Missing, with the command that installs it; or failed, as a complaint says."""
    place = FakePlace(failing="bb")
    text, failures = comparison_of("a", "missing", "bb").compare(place, runs=2)
    assert text.splitlines()[2:] == [
        "| a | 1.00 s, 90.00%, 40 MB | 1.00 s, 90.00%, 40 MB | 1.00 s, 90.00%, 40 MB |",
        "",
        "Medians of 2 runs.",
        "Left out: missing. To have it, run `apt-get install it`.",
        "Left out: bb.",
    ]
    assert failures == ["bb: ended with 1"]


@pytest.fixture
def run_main(monkeypatch):
    """Run the command of a comparison in one place, without digits; return its exit code."""
    monkeypatch.setattr(comparison, "find_mnist", lambda say: None)
    monkeypatch.setattr(comparison, "write_rows", lambda stem, source, rows: None)
    monkeypatch.setattr(comparison.os, "sched_setaffinity", lambda process, cores: None)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # and what the command sets is undone

    def run(command: Comparison, place: FakePlace, *words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["compare-letters", "--no-arm", "--runs=1", *words])
        monkeypatch.setattr(comparison, "Here", lambda folder: place)
        return command.main("Compare letters.")

    return run


def test_the_tables_are_printed_and_written(run_main, tmp_path, capsys):
    """Between their markers, and nothing else is changed."""
    report = tmp_path / "report.md"
    begin, end = (f"<!-- compare-letters:{edge} -->" for edge in ("begin", "end"))
    report.write_text(f"a\n{begin}\nold\n{end}\nb\n")
    assert run_main(COMPARISON, FakePlace(), f"--report={report}") == 0
    printed = capsys.readouterr().out.strip()
    assert "| bb | 2.00 s, 1.0×, 90.00%, 40 MB |" in printed
    assert report.read_text() == f"a\n{begin}\n{printed}\n{end}\nb\n"


def test_complaints_end_with_1(run_main, tmp_path, capsys):
    """Of the check, of a side that fails, of a report without markers."""
    assert run_main(comparison_of("a", complaints=("too slow",)), FakePlace()) == 1
    assert "compare-letters: FAILED: too slow\n" in capsys.readouterr().err
    assert run_main(COMPARISON, FakePlace(failing="a")) == 1
    assert "FAILED: a: ended with 1\n" in capsys.readouterr().err
    (tmp_path / "report.md").touch()
    assert run_main(COMPARISON, FakePlace(), f"--report={tmp_path / 'report.md'}") == 1
    assert "expected one <!-- compare-letters:begin -->" in capsys.readouterr().err


def test_an_interruption_ends_with_130(run_main):
    """By Ctrl-C, in the midst of a run."""
    assert run_main(COMPARISON, FakePlace("bb", KeyboardInterrupt)) == 130


def medians_of(**seconds: float) -> Medians:
    return {name: dict.fromkeys(NAMES, Run(each, 0.95, 50)) for name, each in seconds.items()}


def test_the_table_has_ratios_to_the_limit():
    """A row for each side, a column for each preset; no ratio without the limit."""
    head, _, kit, limit = table(medians_of(kit=3, limit=2), "limit", Here.cell)
    assert "`book`: 200, 5" in head
    assert kit.startswith("| kit | 3.00 s, 1.5×, 95.00%, 50 MB | ")
    assert "2.00 s, 1.0×" in limit
    assert "3.00 s, 95.00%" in table(medians_of(kit=3), "limit", Here.cell)[-1]
    of_arm = table(medians_of(kit=3, limit=2), "limit", Arm.cell)
    assert of_arm[2].startswith("| kit | 1.500 ms, 1.5× | ")
