"""`pi-nn sweep` with Dask on this computer: killed workers, interrupts, second starts."""

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nn.cli import main
from nn.cli.console import progress_of
from nn.cli.sweep import _estimate, _print_vote, _seconds_here, _short_name
from nn.data.sources import SAMPLE_NAME, find_source
from nn.saving.atomic import alone_with
from nn.sweeps.cluster import run_here
from nn.sweeps.findings import Cell
from nn.sweeps.grid import read_grid
from nn.sweeps.results import Result
from nn.sweeps.tasks import digits_of, run_task
from tests.conftest import PROJECT

GRID = """
preset = "smoke"
rows = 600
learning_rate = [0.05, 0.1, 0.2]
hidden_nodes = [10, 20]
seed = [1, 2, 3, 4, 5, 6]
"""
SECONDS = 90


@pytest.fixture
def grid(tmp_path) -> Path:
    """A grid of 36 short trainings."""
    path = tmp_path / "grid.toml"
    path.write_text(GRID)
    return path


class Sweep:
    """A sweep in a process of its own; its output goes to a file."""

    def __init__(self, grid: Path, *words: str):
        self.results = grid.with_suffix(".jsonl")
        self.output = grid.with_suffix(".out")
        # a shell without job control would make its background processes ignore Ctrl-C
        code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        code += "from nn.cli import main; sys.exit(main())"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, "sweep", str(grid), "--offline", *words],
                cwd=PROJECT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def lines(self) -> int:
        """Count the results so far."""
        return self.results.read_bytes().count(b"\n") if self.results.exists() else 0

    def wait_for(self, lines: int) -> None:
        """Wait for so many results."""
        end = time.monotonic() + SECONDS
        while self.lines() < lines:
            assert time.monotonic() < end, self.output.read_text()
            assert self.process.poll() in (None, 0), self.output.read_text()
            time.sleep(0.02)

    def workers(self) -> list[int]:
        """List the processes that train."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                same_group = os.getpgid(int(folder.name)) == self.process.pid
                if same_group and b"spawn_main" in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
        return found

    def end(self) -> str:
        """Wait for the end; return what was printed."""
        assert self.process.wait(SECONDS) == 0, self.output.read_text()
        return self.output.read_text()


@pytest.fixture
def start(grid):
    """Start sweeps; kill what is left of them at the end."""
    begun = []

    def start_one(*words: str) -> Sweep:
        begun.append(Sweep(grid, *words))
        return begun[-1]

    yield start_one
    for sweep in begun:
        with suppress(ProcessLookupError):
            os.killpg(sweep.process.pid, signal.SIGKILL)
        sweep.process.wait()


def held(results: Path, grid: Path) -> None:
    """Check that each task has one result, and that it is what the task gives when run alone."""
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    counts = Counter(json.dumps(line["task"], sort_keys=True) for line in lines)
    tasks = read_grid(grid).tasks(lines[0]["task"]["dataset"])
    assert counts == Counter(json.dumps(task, sort_keys=True) for task in tasks)
    for line in lines[:: len(lines) // 4]:
        assert line["correct"] == run_task(line["task"])["correct"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the workers in /proc")
def test_a_killed_worker_costs_no_result(grid, start):
    """Another does its task; each has one result, the right one."""
    sweep = start("--workers", "2")
    sweep.wait_for(3)
    os.kill(sweep.workers()[-1], signal.SIGKILL)
    said = sweep.end()
    assert "Traceback" not in said
    assert "of 36 trainings" in said
    held(sweep.results, grid)


def test_ctrl_c_keeps_results_and_the_next_start_does_the_rest(grid, start):
    """And half a line, as a power cut leaves it, is done again."""
    sweep = start("--workers", "2")
    sweep.wait_for(3)
    os.killpg(sweep.process.pid, signal.SIGINT)
    assert sweep.process.wait(SECONDS) == 130
    said = sweep.output.read_text()
    assert "Traceback" not in said
    there = sweep.lines()
    assert f"error: interrupted: {there} of 36 results are in" in said
    with sweep.results.open("ab") as file:
        file.write(b'{"task": {"se')
    again = start("--workers", "1")
    assert f"{there} of 36 results are in" in again.end()
    held(again.results, grid)


@pytest.mark.slow
def test_a_killed_sweep_goes_on(grid, start):
    """The process that schedules is killed, and started again at once."""
    sweep = start("--workers", "2")
    sweep.wait_for(3)
    sweep.process.kill()
    sweep.process.wait()
    again = start("--workers", "2")
    again.end()
    held(again.results, grid)


def test_a_sweep_does_not_join_another(grid, start):
    """Two that write to the same file."""
    sweep = start("--workers", "1")
    sweep.wait_for(1)
    second = start()
    assert second.process.wait(SECONDS) == 1
    assert "another sweep is writing to it" in second.output.read_text()


def test_a_dry_run_trains_nothing_of_the_grid(grid, run):
    """It says how many trainings there are, and about how long they take."""
    said = run("sweep", grid, "--dry-run", "--offline", "--workers", "3")
    assert said.returncode == 0
    assert said.stdout.startswith("36 trainings: about ")
    assert "on 3 cores of this computer" in said.stdout
    assert not grid.with_suffix(".jsonl").exists()


@pytest.mark.parametrize(
    ("nodes", "workers", "rounds"), [([10], 8, 1), ([10] * 8, 8, 1), ([10] * 9, 8, 2), ([10], 1, 1)]
)
def test_an_estimate_counts_rounds(nodes, workers, rounds, monkeypatch, capsys):
    """A training is done by one worker, however many there are."""
    monkeypatch.setattr("nn.cli.sweep._seconds_here", lambda task, rows: 20.0)
    arguments = SimpleNamespace(pis=False, laptop=False, workers=workers)
    task = {
        "hidden_nodes": 10,
        "dataset": find_source(environ={}, offline=True).name,
        "samples": 100,
    }
    _estimate([task for _ in nodes], arguments)
    assert f"about {20 * rounds} seconds on" in capsys.readouterr().out


def test_an_estimate_counts_this_computer_beside_pis(monkeypatch, capsys, tmp_path):
    """Two Pis of 100 seconds and one core of 10 do 12 trainings in a hundred seconds."""
    monkeypatch.setattr("nn.cli.sweep._seconds_here", lambda task, rows: 10.0)
    monkeypatch.setattr("nn.cli.sweep._seconds_on_a_pi", lambda task, rows: 100.0)
    for name in ("pi-1.pem", "pi-2.pem", "authority.pem"):
        (tmp_path / name).touch()
    arguments = SimpleNamespace(pis=True, laptop=True, workers=1, keys=tmp_path)
    dataset = find_source(environ={}, offline=True).name
    _estimate([{"hidden_nodes": 10, "dataset": dataset, "samples": 100}] * 6, arguments)
    where = "one core of this computer and 2 Pi Zeros (estimated)"
    assert capsys.readouterr().out == f"6 trainings: about 50 seconds on {where}\n"


@pytest.mark.slow
def test_a_picture_that_cannot_be_drawn_does_not_end_a_sweep(grid, tmp_path, monkeypatch, capsys):
    """Such as on a full disk; the end says so."""

    def fail(figure, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nn.plots.save_figure", fail)
    monkeypatch.setattr("nn.cli.sweep._SECONDS_BETWEEN_PICTURES", 0)
    monkeypatch.setattr("nn.cli.sweep._runner", lambda arguments: nullcontext(run_here))
    picture = tmp_path / "map.png"
    assert main(["sweep", str(grid), "--offline", "--picture", str(picture)]) == 1
    said = capsys.readouterr()
    assert f"{picture} could not be drawn: No space left on device" in said.err
    assert "best " in said.out
    assert len(grid.with_suffix(".jsonl").read_text().splitlines()) == 36


def test_an_estimate_does_not_train_every_epoch(grid, monkeypatch):
    """One is timed, and counts as often as there are epochs."""
    asked = []

    def run_task(task):
        asked.append(task["epochs"])
        return {"seconds": 1 + task["samples"] / 1000}

    monkeypatch.setattr("nn.sweeps.tasks.run_task", run_task)
    task = read_grid(grid).tasks("MNIST")[0] | {"epochs": 100}
    assert _seconds_here(task, 1000) == pytest.approx(1 + 100)
    assert set(asked) == {1}


def test_an_estimate_without_pis_says_so(grid, tmp_path, run):
    """No keys, no Pis."""
    grid.write_text('preset = "smoke"')
    said = run("sweep", grid, "--dry-run", "--offline", "--pis", "--keys", tmp_path / "none")
    assert re.match(
        r"1 training: about .* on 1 Pi Zero \(estimated\). No Pi is set up", said.stdout
    )


def test_this_computers_cores_are_added_to_pis_alone(grid, run):
    """LAPTOP=1 without PIS=1 is a slip."""
    refused = run("sweep", grid, "--laptop", "--offline")
    assert refused.returncode == 2
    assert "--laptop adds this computer's cores to the Pis'" in refused.stderr


def test_two_names_of_a_file_have_one_lock(tmp_path, grid, run):
    """A second sweep that reaches it through a link waits its turn."""
    results = grid.with_suffix(".jsonl")
    results.touch()
    (tmp_path / "link.jsonl").symlink_to(results)
    with alone_with(results):
        second = run("sweep", grid, "--offline", "--results", tmp_path / "link.jsonl")
    assert second.returncode == 1
    assert "another sweep is writing to it" in second.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the workers in /proc")
@pytest.mark.parametrize("seconds", [0, 0.3, 0.6, 0.9, 1.2, 2])
def test_ctrl_c_while_workers_start_is_no_traceback(seconds, grid, start):
    """At any moment, one line, and soon: Dask waits for 60 s when it is left half started."""
    sweep = start("--workers", "2")
    end = time.monotonic() + SECONDS
    while not sweep.workers():
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(seconds)
    os.killpg(sweep.process.pid, signal.SIGINT)
    sweep.process.wait(SECONDS / 3)
    assert "Traceback" not in sweep.output.read_text()


def test_the_best_so_far_fits_a_terminal(monkeypatch):
    """Of 80 columns, beside the bar."""
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "80")
    cell = Cell(0.003, 200, (0.9412,), frozenset())
    with progress_of("sweep", "trainings", 1000, 100) as advance:
        time.sleep(0.15)  # tqdm draws no more often than that
        advance(1, _short_name(cell))
    assert "best: 0.003, 200 nodes, 94.1 %]" in screen.getvalue()


def test_without_dask_one_core_does_the_work(tmp_path, grid, run):
    """As on a Pi; a changed grid does what is new, and keeps what was there."""
    blocked = "import sys, importlib.util as u\nf = u.find_spec\n"
    blocked += "u.find_spec = lambda name, *rest: None if name == 'distributed' else f(name, *rest)"
    (tmp_path / "sitecustomize.py").write_text(blocked)
    path = f"{tmp_path}{os.pathsep}{PROJECT}"
    grid.write_text('preset = "smoke"\nrows = 100\nseed = [1, 2]')
    first = run("sweep", grid, "--offline", "--picture", "map.png", PYTHONPATH=path)
    assert first.returncode == 0, first.stderr
    assert "Dask is not installed, so one core does all the work" in first.stderr
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    grid.write_text('preset = "smoke"\nrows = 100\nseed = [2, 3]')
    second = run("sweep", grid, "--offline", PYTHONPATH=path)
    assert "1 of 2 results are in" in second.stderr
    assert "1 more in" in second.stderr
    assert "best" in second.stdout
    assert len(grid.with_suffix(".jsonl").read_text().splitlines()) == 3


def test_other_digits_under_mnists_names_are_refused(tmp_path, grid, run):
    """Their results would count for any other files of these names."""
    for name in ("train", "test"):
        (tmp_path / f"mnist_{name}.csv").write_text("7" + ",0" * 784 + "\n")
    refused = run("sweep", grid, "--offline", MNIST_DIR=str(tmp_path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "error: expected MNIST or the bundled sample, which all machines" in refused.stderr


def test_answers_to_other_digits_do_not_vote(capsys):
    """A line of a results file that was changed by hand."""
    grid_task = {"dataset": SAMPLE_NAME, "samples": None, "folds": 0, "fold": 0}
    labels = np.concatenate([each for _, each in digits_of(grid_task)[1].blocks()])
    right = "".join(map(str, labels))
    results = [Result(grid_task, {"answers": answers}) for answers in (right, "123")]
    _print_vote(results)
    printed = capsys.readouterr()
    assert printed.out == "a vote of this one network reads 100.00 %\n"
    assert "1 of the results answers other digits: it does not vote" in printed.err
    _print_vote(results[1:])
    assert capsys.readouterr().out == ""


def test_a_bad_grid_and_a_bad_picture_are_refused(tmp_path, grid, run):
    """In one line, before anything is trained."""
    (tmp_path / "note.txt").write_text("mine")
    refused = run("sweep", grid, "--picture", "note.txt", "--offline")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "note.txt exists and is not a PNG picture" in refused.stderr
    os.mkfifo(tmp_path / "pipe")
    refused = run("sweep", grid, "--picture", "pipe", "--offline")
    assert "pipe exists and is not a PNG picture" in refused.stderr
    refused = run("sweep", grid, "--picture", "grid.jsonl", "--offline")
    assert "grid.jsonl is for the results: give the picture another name" in refused.stderr
    assert not (tmp_path / "grid.jsonl").exists()
    grid.write_text("seeds = [1]")
    refused = run("sweep", grid, "--offline")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: {grid}:1: seeds is unknown")
