"""Two ways to compute a training step, and which is faster here.

``dense`` multiplies whole matrices; ``sparse`` leaves the blanks out. They do the same arithmetic
in another order, so results agree but for rounding.
"""

import importlib
import platform
import re
import sys
from pathlib import Path

from nn.errors import UnknownNameError
from nn.network import Network

BACKENDS = ("dense", "sparse")  # each a module of this package, with a class Backend

_FAST_BLAS = "openblas|mkl|blis|atlas"  # which use the vector unit, where there is one
_VECTOR_MACHINES = ("x86_64", "amd64", "aarch64", "arm64")
_FEW_NODES = 50


def start_backend(network: Network, name: str = "auto", *, batch_size: int = 16):
    """Prepare a network for many steps; close the backend after the last.

    Parameters
    ----------
    network : Network
    name : {"auto", "dense", "sparse"}
        "auto" is what `faster_backend` says.
    batch_size : int
        Of the steps to come.

    Returns
    -------
    backend : nn.backends.dense.Backend or nn.backends.sparse.Backend

    Raises
    ------
    UnknownNameError
        When no backend has that name.
    """
    if name == "auto":
        name = faster_backend(network.sizes[1], batch_size)
    if name not in BACKENDS:
        raise UnknownNameError("backend", name, ["auto", *BACKENDS])
    return importlib.import_module(f"nn.backends.{name}").Backend(network)


def faster_backend(hidden_nodes: int, batch_size: int) -> str:
    """Return which backend is faster here, by a rule: nothing is timed.

    So the same seed gives the same network each time. The figures behind the rule are those of
    `make bench-backends`, in docs/performance.md: dense products win where BLAS has a vector
    unit and a batch to work on; elsewhere they take up to 6 times as long. With batches of 2,
    wheels and Debian's packages differ, and the choice may be a third slower than the other.
    64-bit ARM is not measured: it is taken to be like x86-64.

    Parameters
    ----------
    hidden_nodes, batch_size : int
    """
    wide = sys.maxsize > 2**32  # a system of 32 bits has no such vectors, whatever its kernel
    vectors = wide and platform.machine().lower() in _VECTOR_MACHINES
    if not vectors or loaded_blas() in ("reference", "none"):
        return "sparse"
    return "sparse" if batch_size == 1 and hidden_nodes > _FEW_NODES else "dense"


def loaded_blas() -> str:
    """Return which library multiplies numpy's matrices in this process.

    Returns
    -------
    blas : {"openblas", "mkl", "blis", "atlas", "reference", "none", "unknown"}
        "reference" is Netlib's, which Debian's numpy comes with: it uses neither vectors nor
        caches. "none" where numpy has only its own loops; "unknown" where there is no /proc, as on
        a Mac.
    """
    try:
        text = Path("/proc/self/maps").read_bytes().decode(errors="replace")
    except OSError:
        return "unknown"
    named, found = False, set()
    for line in text.splitlines():
        path = Path(line.split(maxsplit=5)[-1] if ".so" in line else "")
        # libblas.so.3 may be anybody's: Debian's folders say whose. Others have names of their own.
        if re.match(r"lib(c|flexi)?blas(64)?(\.so|_)", path.name):
            named = True
            if match := re.search(_FAST_BLAS, f"{path.parent.name}/{path.name}"):
                return match[0]
        elif match := re.match(rf"lib\w*?({_FAST_BLAS})", path.name):
            found.add(match[1])
    return "reference" if named else min(found, default="none")
