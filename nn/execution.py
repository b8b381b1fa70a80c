"""Two ways of carrying out one training step, and which is the faster here.

``dense`` multiplies whole matrices; `nn.sparse` leaves the blanks out. They do the same
arithmetic in another order, so results agree but for roundings.
"""

import platform
import sys

from nn.dense import DenseExecution
from nn.errors import KitError
from nn.network import Network
from nn.sparse import SparseExecution

# Where matrix products use the processor's vector unit; a Pi Zero's has none for them. Measured by
# `make bench-arm`, for 10, 100 and 200 hidden nodes: on ARM without vectors the sparse execution is
# faster by 2 to 4 times, on x86-64 the dense one by 1.5 to 2. 64-bit ARM is not measured.
_VECTOR_MACHINES = ("x86_64", "amd64", "aarch64", "arm64")


class UnknownExecutionError(KitError, KeyError):
    """No execution has this name."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would put the message in quotes


EXECUTIONS = {each.name: each for each in (DenseExecution, SparseExecution)}
Execution = DenseExecution | SparseExecution


def start_execution(network: Network, name: str = "auto") -> Execution:
    """Prepare a network for many steps; close the execution after the last.

    Parameters
    ----------
    network : Network
    name : {"auto", "dense", "sparse"}
        "auto" is what `faster_execution` says.

    Raises
    ------
    UnknownExecutionError
        When no execution has that name; the message lists those there are.
    """
    if name == "auto":
        name = faster_execution()
    try:
        return EXECUTIONS[name](network)
    except KeyError:
        known = ", ".join(["auto", *EXECUTIONS])
        raise UnknownExecutionError(
            f"unknown execution {name!r}: expected one of {known}"
        ) from None


def faster_execution() -> str:
    """Tell which execution is the faster on this machine with this numpy."""
    machine = platform.machine().lower()  # the kernel's: a system of 32 bits has no such vectors
    wide = sys.maxsize > 2**32
    return "dense" if wide and machine in _VECTOR_MACHINES else "sparse"
