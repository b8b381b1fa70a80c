"""Timing and memory, by their structure: no figure of this very machine is asserted."""

import time

import numpy as np
import pytest

from nn.lessons.timing import median_seconds, peak_megabytes


def test_actions_take_turns():
    """Two actions, three runs, twice in each; and each turn is told."""
    calls, turns = [], []
    actions = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = median_seconds(actions, runs=3, repeats=2, on_run=lambda: turns.append(1))
    assert "".join(calls) == "aabb" * 3
    assert len(turns) == 6
    assert list(seconds) == ["a", "b"]


def test_the_median_leaves_a_disturbed_run_out(monkeypatch):
    """Turns of 2, 9 and 3 seconds, of two calls each, give 1.5 a call."""
    clock = iter([0, 2, 10, 19, 20, 23])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert median_seconds({"a": lambda: None}, runs=3, repeats=2) == {"a": 1.5}


def test_peak_memory_counts_what_was_freed_again():
    """Two arrays of 4 MB at a time, then none; what was there before does not count."""
    kept = np.zeros(1_000_000)
    peak = peak_megabytes(lambda: (np.ones(500_000), np.ones(500_000)))
    assert peak == pytest.approx(8, abs=0.1)
    assert peak_megabytes(lambda: kept.sum()) < 1
