"""The choice between backends."""

import pytest

from nn.backends import faster_backend, start_backend
from nn.errors import UnknownNameError
from nn.network import Network


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
