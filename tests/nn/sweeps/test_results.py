"""Results on disk: whole lines, each once."""

import json
import signal
import subprocess
import sys

import pytest

from nn.sweeps.results import ResultsError, ResultsFile
from tests.conftest import PROJECT

FOUND = {
    **{"accuracy": 0.5, "correct": 5, "samples": 10, "seconds": 1.0, "machine": "pi-1"},
    **{"architecture": "armv6l, 32 bits", "numpy": "1.24.2", "blas": "none", "backend": "sparse"},
}


def task(seed: int) -> dict:
    return {"seed": seed, "learning_rate": 0.1, "hidden_nodes": 10}


def test_results_are_there_after_a_second_start(tmp_path):
    """And only the others are missing."""
    path = tmp_path / "results.jsonl"
    ResultsFile(path).add(task(1), FOUND)
    ResultsFile(path).add(task(2), FOUND | {"accuracy": 0.75})
    again = ResultsFile(path)
    assert [each.accuracy for each in again.of([task(2), task(1), task(3)])] == [0.75, 0.5]
    assert again.missing([task(1), task(2), task(3)]) == [task(3)]


def test_a_task_has_one_result(tmp_path):
    """The first; the order of its keys does not matter."""
    results = ResultsFile(tmp_path / "results.jsonl")
    results.add(task(1), FOUND)
    results.add(dict(reversed(task(1).items())), FOUND | {"accuracy": 0.9})
    assert len(results.path.read_text().splitlines()) == 1
    assert results.of([task(1)])[0].accuracy == 0.5


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_half_a_line_is_cut_off(cut, tmp_path):
    """After a power cut; its training runs again, and no line is lost after it."""
    path, said = tmp_path / "results.jsonl", []
    for seed in (1, 2):
        ResultsFile(path).add(task(seed), FOUND)
    path.write_bytes(path.read_bytes()[:-cut])
    results = ResultsFile(path, said.append)
    assert results.missing([task(1), task(2)]) == [task(2)]
    assert len(said) == 1
    assert ":2: only part of a line" in said[0]
    results.add(task(2), FOUND)
    assert [json.loads(line)["task"] for line in path.read_text().splitlines()] == [
        task(1),
        task(2),
    ]


@pytest.mark.parametrize(
    "line",
    ["", "null", "[1]", '{"task": 1}', '{"task": {"seed": 1}, "accuracy": "high"}', "\0\0"]
    + ["[" * 100_000]
    + [
        json.dumps({"task": {"seed": 9, "answers": True}} | FOUND | changes)
        for changes in (
            {"accuracy": float("nan")},
            {"accuracy": 5},
            {"accuracy": -1},
            {},
            {"answers": "123"},
            {"answers": "12345678x0"},
        )
    ],
    ids=lambda line: line[:20],
)
def test_a_line_that_is_no_result_is_skipped(line, tmp_path):
    """And named with its number."""
    path, said = tmp_path / "results.jsonl", []
    ResultsFile(path).add(task(1), FOUND)
    path.write_text(path.read_text() + line + "\n")
    ResultsFile(path).add(task(2), FOUND)
    results = ResultsFile(path, said.append)
    assert results.missing([task(1), task(2)]) == []
    assert len(said) == 1
    assert f"{path}:2: expected a result" in said[0]


@pytest.mark.parametrize("length", [1, 4, 30])
def test_part_of_the_first_line_is_cut_off(length, tmp_path):
    """As of any other line."""
    path, said = tmp_path / "results.jsonl", []
    ResultsFile(path).add(task(1), FOUND)
    whole = path.read_bytes()
    path.write_bytes(whole[:length])
    ResultsFile(path, said.append).add(task(1), FOUND)
    assert path.read_bytes() == whole
    assert ":1: only part of a line" in said[0]


def test_a_file_of_something_else_is_left_alone(tmp_path):
    """Somebody's own file must not be added to."""
    path = tmp_path / "notes.txt"
    path.write_text("milk\nbread\n")
    with pytest.raises(ResultsError, match=r"notes.txt: expected results of a sweep, found none"):
        ResultsFile(path)
    path.write_text("no newline")
    with pytest.raises(ResultsError, match=r"notes.txt: expected results of a sweep, found none"):
        ResultsFile(path)


def test_a_failure_is_kept_for_the_reader_and_tried_again(tmp_path):
    """It is no result."""
    path, said = tmp_path / "results.jsonl", []
    ResultsFile(path).add(task(1), {"failed": "no memory"})
    results = ResultsFile(path, said.append)
    assert results.missing([task(1)]) == [task(1)]
    assert said == []
    results.add(task(1), FOUND)
    assert ResultsFile(path).missing([task(1)]) == []


def test_whoever_writes_to_the_file_as_well_loses_nothing(tmp_path):
    """As a sweep on another computer that shares the folder."""
    path = tmp_path / "results.jsonl"
    one, two = ResultsFile(path), ResultsFile(path)
    for seed, results in enumerate((one, two, one, two)):
        results.add(task(seed), FOUND)
    assert ResultsFile(path).missing([task(seed) for seed in range(4)]) == []


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on the size of a file")
def test_a_disk_that_fills_within_a_line_leaves_no_part_of_it(tmp_path):
    """Closing the file writes nothing more."""
    path = tmp_path / "results.jsonl"
    ResultsFile(path).add(task(1), FOUND)
    whole = path.read_bytes()
    code = f"""
import resource, signal
from nn.sweeps.results import ResultsFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
results = ResultsFile({str(path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(whole) + 50}, {len(whole) + 50}))
results.add({task(2)!r}, {FOUND!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    assert "File too large" in done.stderr
    assert path.read_bytes() == whole


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    """The error names the file."""
    path = tmp_path / "results.jsonl"
    results = ResultsFile(path)
    results.add(task(1), FOUND)
    whole = path.read_bytes()

    def fail(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", fail)
        with pytest.raises(OSError, match=r"No space left .*results.jsonl"):
            results.add(task(2), FOUND)
    assert path.read_bytes() == whole
    results.add(task(2), FOUND)
    assert ResultsFile(path).missing([task(1), task(2)]) == []
