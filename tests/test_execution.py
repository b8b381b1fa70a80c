"""The choice between executions."""

import pytest

from nn.execution import EXECUTIONS, UnknownExecutionError, faster_execution, start_execution
from nn.network import Network


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", "dense"), ("aarch64", "dense"), ("armv6l", "sparse"), ("armv7l", "sparse")],
)
def test_the_processor_decides(monkeypatch, machine, expected):
    """As measured: see nn/execution.py."""
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("sys.maxsize", 2**63 - 1)
    assert faster_execution() == expected
    assert isinstance(start_execution(Network(4, 3, 2)), EXECUTIONS[expected])


def test_a_system_of_32_bits_has_no_vectors(monkeypatch):
    """Whatever its kernel is: the 32-bit Raspberry Pi OS of a Zero 2 W has one of 64."""
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr("sys.maxsize", 2**31 - 1)
    assert faster_execution() == "sparse"


def test_an_unknown_execution_is_refused():
    """And the known ones are listed."""
    with pytest.raises(UnknownExecutionError, match=r"'fast': expected one of auto, dense, sparse"):
        start_execution(Network(4, 3, 2), "fast")
