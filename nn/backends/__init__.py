"""Two backends that compute a training step, and the choice of the faster one.

``dense`` multiplies dense matrices; ``sparse`` skips blank pixels. They do the same arithmetic in a
different order, so their results differ only by rounding.
"""

import importlib
import platform
import re
import sys
from pathlib import Path

from nn.errors import UnknownNameError
from nn.network import Network

BACKENDS = ("dense", "sparse")  # each a module of this package, with a class Backend

_FAST_BLAS = "openblas|mkl|blis|atlas"  # these use the vector unit, if there is one
_VECTOR_MACHINES = ("x86_64", "amd64", "aarch64", "arm64")
_FEW_NODES = 50


def start_backend(network: Network, name: str = "auto", *, batch_size: int = 16):
    """Prepare a network for many training steps; close the backend after the last.

    Parameters
    ----------
    network : Network
    name : {"auto", "dense", "sparse"}
        "auto" selects the result of `faster_backend`.
    batch_size : int
        Batch size of the steps.

    Returns
    -------
    backend : nn.backends.dense.Backend or nn.backends.sparse.Backend

    Raises
    ------
    UnknownNameError
        When no backend has this name.
    """
    if name == "auto":
        name = faster_backend(network.sizes[1], batch_size)
    if name not in BACKENDS:
        raise UnknownNameError("backend", name, ["auto", *BACKENDS])
    return importlib.import_module(f"nn.backends.{name}").Backend(network)


def faster_backend(hidden_nodes: int, batch_size: int) -> str:
    """Return the backend that should be faster here.

    This is a fixed rule that measures nothing, so the same seed always gives the same network. It
    follows the figures of `make bench-backends` in docs/performance.md: dense products are
    faster if BLAS has a vector unit and a batch to work on; otherwise they take up to 6 times as
    long. With batches of 2, wheels and Debian's packages differ, and the choice may be a third
    slower than the alternative. 64-bit ARM has not been measured; it is treated like x86-64.

    Parameters
    ----------
    hidden_nodes, batch_size : int
    """
    wide = sys.maxsize > 2**32  # a 32-bit system has no such vectors, whatever its kernel
    vectors = wide and platform.machine().lower() in _VECTOR_MACHINES
    if not vectors or loaded_blas() in ("reference", "none"):
        return "sparse"
    return "sparse" if batch_size == 1 and hidden_nodes > _FEW_NODES else "dense"


def loaded_blas() -> str:
    """Return the library that numpy uses to multiply matrices in this process.

    Returns
    -------
    blas : {"openblas", "mkl", "blis", "atlas", "reference", "none", "unknown"}
        "reference" is Netlib's BLAS, the default of Debian's numpy, which is not optimised for
        vectors or caches. "none" means that numpy uses only its own loops, "unknown" that the
        system has no /proc, as on macOS.
    """
    try:
        text = Path("/proc/self/maps").read_bytes().decode(errors="replace")
    except OSError:
        return "unknown"
    named, found = False, set()
    for line in text.splitlines():
        path = Path(line.split(maxsplit=5)[-1] if ".so" in line else "")
        # libblas.so.3 can be any library: in Debian, its folder says which. Others have own names.
        if re.match(r"lib(c|flexi)?blas(64)?(\.so|_)", path.name):
            named = True
            if match := re.search(_FAST_BLAS, f"{path.parent.name}/{path.name}"):
                return match[0]
        elif match := re.match(rf"lib\w*?({_FAST_BLAS})", path.name):
            found.add(match[1])
    return "reference" if named else min(found, default="none")
