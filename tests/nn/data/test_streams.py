"""Reading files: the memory it takes. What they may hold is tried with each format's reader."""

import platform
import subprocess
import sys

import pytest

from tests.conftest import PROJECT, unpack_sample

FAULTS = """
import nn, resource, sys
from pathlib import Path
from nn.data import csv_file, streams
if sys.argv[1] == "plain":
    streams.keep_freed_memory = lambda: None

def parse():
    for rows in csv_file.read_csv(Path(sys.argv[2])):
        pass

parse()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    parse()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how, path):
    command = [sys.executable, "-c", FAULTS, how, path]
    return int(subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has these thresholds")
def test_freed_memory_is_kept(tmp_path):
    """The same file parsed again hardly faults a page in; without the call each block does."""
    path = unpack_sample("train", 1000, tmp_path)
    kept, plain = page_faults("keep", path), page_faults("plain", path)
    assert kept < 1000
    assert plain > 10 * kept
