"""Which BLAS numpy has loaded."""

import subprocess
import sys

import pytest

from nn.backends import loaded_blas
from tests.conftest import PROJECT


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
    assert blas == ("openblas" if "openblas" in built_with else "reference")
