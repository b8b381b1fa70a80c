"""The choice between backends, and the BLAS it depends on."""

import subprocess
import sys

import pytest

from nn.backends import faster_backend, loaded_blas, start_backend
from nn.errors import UnknownNameError
from nn.network import Network
from tests.conftest import PROJECT


@pytest.fixture
def on_machine(monkeypatch):
    """Pretend to be another machine with another BLAS."""

    def pretend(machine, bits, blas):
        monkeypatch.setattr("platform.machine", lambda: machine)
        monkeypatch.setattr("sys.maxsize", 2 ** (bits - 1) - 1)
        monkeypatch.setattr("nn.backends.loaded_blas", lambda: blas)

    return pretend


@pytest.mark.parametrize(
    ("machine", "bits", "blas", "expected"),
    [
        ("x86_64", 64, "openblas", "dense"),
        ("x86_64", 64, "reference", "sparse"),  # Debian's numpy without libopenblas
        ("arm64", 64, "unknown", "dense"),  # a Mac, whose products are Apple's
        ("aarch64", 64, "openblas", "dense"),
        ("aarch64", 32, "openblas", "sparse"),  # the 32-bit Raspberry Pi OS of a Zero 2 W
        ("armv6l", 32, "reference", "sparse"),
        ("armv7l", 32, "openblas", "sparse"),
        ("i686", 32, "reference", "sparse"),
    ],
)
def test_processor_and_blas_decide(on_machine, machine, bits, blas, expected):
    """As measured: see docs/performance.md."""
    on_machine(machine, bits, blas)
    for hidden_nodes in (10, 100, 200):
        assert faster_backend(hidden_nodes, batch_size=8) == expected
    assert start_backend(Network(4, 3, 2)).name == expected


@pytest.mark.parametrize(
    ("hidden_nodes", "batch_size", "expected"),
    [(10, 1, "dense"), (100, 1, "sparse"), (200, 1, "sparse"), (200, 4, "dense")],
)
def test_single_digits_are_no_work_for_a_fast_blas(on_machine, hidden_nodes, batch_size, expected):
    """A product with one column, where there are many nodes, is faster without the blanks."""
    on_machine("x86_64", 64, "openblas")
    assert faster_backend(hidden_nodes, batch_size) == expected


def test_an_unknown_backend_is_refused():
    """And the known ones are listed."""
    with pytest.raises(UnknownNameError, match=r"'fast': expected one of auto, dense, sparse"):
        start_backend(Network(4, 3, 2), "fast")


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
        "import numpy; from nn.backends import loaded_blas; print(loaded_blas()); "
        "numpy.show_config()"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, text=True).stdout
    blas, _, built_with = told.partition("\n")
    # Debian's numpy loads whichever BLAS the system has chosen
    expected = {"openblas"} if "openblas" in built_with else {"reference", "atlas", "openblas"}
    assert blas in expected
