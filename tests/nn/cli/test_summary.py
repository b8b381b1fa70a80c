"""What a command says of its own cost."""

import subprocess
import sys
import time

import numpy as np
import pytest

from nn.cli.summary import TimedReading, cost
from nn.data.dataset import ArrayDataset
from tests.conftest import PROJECT


def test_peak_memory_is_what_was_touched():
    """A process of its own that touches 64 MB: all of it more."""
    code = (
        "from nn.cli.summary import cost\n"
        "before = cost()['peak_rss_mb']\n"
        "held = b'x' * 64_000_000\n"
        "print(cost()['peak_rss_mb'] - before)"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout
    assert float(output) == pytest.approx(64, abs=2)


def test_age_counts_from_the_start_of_the_process():
    """A process that sleeps before it imports anything is as old as its parent says."""
    code = (
        "import time; time.sleep(0.5)\n"
        "from nn.cli.summary import cost; print(cost()['seconds_total'])"
    )
    start = time.monotonic()
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout
    assert 0.5 <= float(output) <= time.monotonic() - start + 0.02
    assert cost()["seconds_total"] > 0


def test_reading_is_timed_apart(digits):
    """Each row comes through; the seconds are those of the reader, not of who uses the rows."""
    dataset = ArrayDataset(*digits)
    timed = TimedReading(dataset)
    assert timed.estimate_rows() == 700
    start = time.perf_counter()
    for (pixels, _), (expected, _) in zip(timed.blocks(100), dataset.blocks(100), strict=True):
        assert np.array_equal(pixels, expected)
        time.sleep(0.01)
    assert 0 < timed.seconds < time.perf_counter() - start - 0.07
