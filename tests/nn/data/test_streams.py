"""Reading files: the memory it takes. What they may hold is tried with each format's reader."""

import platform
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

FAULTS = """
import nn, resource, sys
from nn.data import csv_file, streams
from nn.data.sources import DATASET_FOLDER
if sys.argv[1] == "plain":
    streams.keep_freed_memory = lambda: None

def parse():
    for rows in csv_file.read_csv(DATASET_FOLDER / "sample_train.csv"):
        pass

parse()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    parse()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how):
    command = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has these thresholds")
def test_freed_memory_is_kept():
    """The same file parsed again hardly faults a page in; without the call each block does."""
    kept, plain = page_faults("keep"), page_faults("plain")
    assert kept < 1000
    assert plain > 10 * kept
