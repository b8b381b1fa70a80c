"""What the process takes of the machine."""

import platform
import subprocess
import sys
import time

import pytest

from nn.process import loaded_blas, seconds_since_start
from tests.conftest import PROJECT


def test_peak_memory_is_what_was_touched():
    """A process of its own that touches 64 MB: all of it more."""
    code = (
        "from nn.process import peak_rss_mb\n"
        "before = peak_rss_mb()\n"
        "held = b'x' * 64_000_000\n"
        "print(peak_rss_mb() - before)"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout
    assert float(output) == pytest.approx(64, abs=2)


def test_age_counts_from_the_start_of_the_process():
    """A process that sleeps before it imports anything is as old as its parent says."""
    code = (
        "import time; time.sleep(0.5)\n"
        "from nn.process import loaded_blas, seconds_since_start; print(seconds_since_start())"
    )
    start = time.monotonic()
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout
    assert 0.5 <= float(output) <= time.monotonic() - start + 0.02
    assert seconds_since_start() > 0


@pytest.mark.parametrize(
    ("libraries", "expected"),
    [
        (["/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0"], "reference"),
        (["/usr/lib/arm-linux-gnueabihf/openblas-pthread/libblas.so.3"], "openblas"),
        (["/usr/lib/x86_64-linux-gnu/atlas/libblas.so.3.10.3"], "atlas"),
        (["/usr/lib/x86_64-linux-gnu/blis-openmp/libblas.so.4.0.0"], "blis"),
        (["/v/numpy.libs/libscipy_openblas64_-ff651d7f.so"], "openblas"),
        (["/opt/conda/lib/libmkl_rt.so.2"], "mkl"),
        (
            [  # numpy.linalg's LAPACK may be another's
                "/usr/lib/i386-linux-gnu/openblas-pthread/liblapack.so.3",
                "/usr/lib/i386-linux-gnu/blas/libblas.so.3.11.0",
            ],
            "reference",
        ),
        (
            ["/usr/lib64/libflexiblas.so.3.3", "/usr/lib64/flexiblas/libflexiblas_netlib.so"],
            "reference",
        ),
        (
            [
                "/usr/lib64/libflexiblas.so.3.3",
                "/usr/lib64/flexiblas/libflexiblas_openblas-openmp.so",
            ],
            "openblas",
        ),
        (["/usr/lib/libc.so.6", "/home/atlas/libfoo.so", "/home/jo/openblas/_mat.so"], "none"),
        (["/srv/caf\xe9/my lib.so (deleted)"], "none"),
    ],
)
def test_blas_is_told_by_the_libraries_in_memory(monkeypatch, libraries, expected):
    """Debian's folders and the wheels' names."""
    maps = "".join(f"7f00-7f01 r-xp 00000000 fe:00 12 {each}\n" for each in libraries)
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda self: maps.encode("latin-1"))
    assert loaded_blas() == expected


def test_without_proc_blas_is_unknown(monkeypatch):
    """On a Mac; or where it may not be read."""

    def refuse(self):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    assert loaded_blas() == "unknown"


def test_numpys_own_blas_is_found():
    """That of this very process, as numpy says what it was built with."""
    code = (
        "import numpy; from nn.process import loaded_blas; print(loaded_blas()); "
        "numpy.show_config()"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, text=True).stdout
    blas, _, built_with = told.partition("\n")
    assert blas == ("openblas" if "openblas" in built_with else "reference")


FAULTS = """
import nn, resource, sys
from nn.data import csv_file
from nn.data.sources import DATASET_FOLDER
if sys.argv[1] == "plain":
    csv_file.keep_freed_memory = lambda: None

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


@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("3", "3")])
def test_one_thread_unless_the_user_says_otherwise(given, expected):
    """Importing the package limits the threads of numpy's BLAS."""
    code = "import nn, os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    environ = {"OPENBLAS_NUM_THREADS": given} if given else {}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True)
    assert result.stdout.strip() == expected
