"""The running process itself: its age, its memory, and the BLAS that numpy has loaded."""

import ctypes
import functools
import os
import re
import resource
import sys
import time
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h
_KEEP_BYTES = 16 * 1024 * 1024
_LARGEST_KEPT_BYTES = 4 * 1024 * 1024

_FAST_BLAS = "openblas|mkl|blis|atlas"

_IMPORTED = time.monotonic()
_START_FIELD = 22 - 3  # of proc_pid_stat(5), counted from the field after the name


@functools.cache
def keep_freed_memory() -> None:
    """Keep the C library from handing memory back to the kernel between two batches.

    numpy asks for the same arrays again for each block and batch. glibc returns blocks from
    128 KB up to the kernel at once, and every page of the next array is then faulted in and
    zeroed: two thirds of the time to parse a CSV file went there. After this call, freed
    arrays of up to 4 MB, 16 MB in all, are used again. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)


def loaded_blas() -> str:
    """Tell which library multiplies numpy's matrices in this process.

    Returns
    -------
    blas : {"openblas", "mkl", "blis", "atlas", "reference", "none", "unknown"}
        "reference" is Netlib's, which Debian's numpy comes with: it knows neither vectors nor
        caches. "none" where numpy has only its own loops; "unknown" where there is no /proc.
    """
    try:
        text = Path("/proc/self/maps").read_bytes().decode(errors="replace")
    except OSError:
        return "unknown"
    paths = {Path(line.split(maxsplit=5)[-1]) for line in text.splitlines() if ".so" in line}
    # libblas.so.3 may be anybody's: Debian's folders say whose. Others have names of their own.
    named = [path for path in paths if re.match(r"lib(c|flexi)?blas(64)?(\.so|_)", path.name)]
    for path in named:
        if found := re.search(_FAST_BLAS, f"{path.parent.name}/{path.name}"):
            return found[0]
    if named:
        return "reference"
    found = {
        match[1] for path in paths if (match := re.match(rf"lib\w*?({_FAST_BLAS})", path.name))
    }
    return min(found, default="none")


def seconds_since_start() -> float:
    """Return how long ago this process was started, its imports included.

    A Pi Zero spends seconds on imports: a time that leaves them out would flatter. Where there is
    no /proc, it is counted from the import of this module.
    """
    status = Path("/proc/self/stat")
    if not status.exists():
        return time.monotonic() - _IMPORTED
    after_name = status.read_text().rpartition(")")[2].split()
    started = int(after_name[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def peak_rss_mb() -> float:
    """Return the most memory this process has had in use so far, in MB (10^6 bytes).

    The kernel's VmHWM where there is one: getrusage counts the parent process's in, too.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
