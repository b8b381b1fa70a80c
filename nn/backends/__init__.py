"""Two ways of carrying out one training step, and which is the faster here.

``dense`` multiplies whole matrices; ``sparse`` leaves the blanks out. They do the same arithmetic
in another order, so results agree but for roundings.
"""

import platform
import sys

from nn.backends.dense import DenseExecution
from nn.backends.sparse import SparseExecution
from nn.errors import KitError
from nn.network import Network
from nn.process import loaded_blas

# They use the vector unit, where there is one; "unknown" is a Mac's. The others never do.
_FAST_BLAS = ("openblas", "mkl", "blis", "atlas", "unknown")
_VECTOR_MACHINES = ("x86_64", "amd64", "aarch64", "arm64")
_FEW_NODES = 50


class UnknownExecutionError(KitError, KeyError):
    """No execution has this name."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would put the message in quotes


EXECUTIONS = {each.name: each for each in (DenseExecution, SparseExecution)}
Execution = DenseExecution | SparseExecution


def start_execution(network: Network, name: str = "auto", *, batch_size: int = 16) -> Execution:
    """Prepare a network for many steps; close the execution after the last.

    Parameters
    ----------
    network : Network
    name : {"auto", "dense", "sparse"}
        "auto" is what `faster_execution` says.
    batch_size : int
        Of the steps to come.

    Raises
    ------
    UnknownExecutionError
        When no execution has that name; the message lists those there are.
    """
    if name == "auto":
        name = faster_execution(network.sizes[1], batch_size)
    try:
        return EXECUTIONS[name](network)
    except KeyError:
        known = ", ".join(["auto", *EXECUTIONS])
        raise UnknownExecutionError(
            f"unknown execution {name!r}: expected one of {known}"
        ) from None


def faster_execution(hidden_nodes: int, batch_size: int) -> str:
    """Tell which execution is the faster here, by a rule: nothing is timed.

    So the same seed gives the same network each time. The figures behind the rule are those of
    `make bench-executions`, in docs/speed.md: dense products are faster where BLAS has a vector
    unit and a batch to work on; elsewhere they take up to 6 times as long. With batches of 2,
    wheels and Debian's packages differ, and the choice may be a third slower than the other.
    64-bit ARM is not measured: it is taken to be like x86-64.

    Parameters
    ----------
    hidden_nodes, batch_size : int
    """
    wide = sys.maxsize > 2**32  # a system of 32 bits has no such vectors, whatever its kernel
    vectors = wide and platform.machine().lower() in _VECTOR_MACHINES
    if not vectors or loaded_blas() not in _FAST_BLAS:
        return "sparse"
    return "sparse" if batch_size == 1 and hidden_nodes > _FEW_NODES else "dense"
