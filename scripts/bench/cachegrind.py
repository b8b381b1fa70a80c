"""Count instructions and cache misses with a Pi Zero's caches.

The program runs in a root of Debian's i386 packages under cachegrind: 32 bits, the reference BLAS,
numpy's vector code disabled, no random addresses or hashes. So the counts of two runs differ by
only a few parts in a thousand.
"""

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.kinds import CACHE
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import MachineError, call
from scripts.machines.roots import RELEASE, ensure_root

# ARM1176JZF-S as in the BCM2835: 16 KB each for code and data, 4 ways, lines of 32 bytes; and the
# GPU's 128 KB, which Raspberry Pi's firmware shares with it.
GEOMETRY = ("--I1=16384,4,32", "--D1=16384,4,32", "--LL=131072,8,32")
SECONDS = 1800
BENCH = Path(__file__).parent

_NO_VECTORS = "SSE3 SSSE3 SSE41 POPCNT SSE42 AVX F16C FMA3 AVX2"
_SETTINGS = (
    "PYTHONHASHSEED=0",
    "PYTHONDONTWRITEBYTECODE=1",
    "PYTHONWARNINGS=ignore",  # numpy says which of these this processor lacks
    f"NPY_DISABLE_CPU_FEATURES={_NO_VECTORS}",
    "LD_LIBRARY_PATH=/usr/lib/i386-linux-gnu/blas",
    "GLIBC_TUNABLES=glibc.cpu.hwcaps=-SSSE3,-SSE4_1,-SSE4_2,-AVX2_Usable",
)


@dataclass(frozen=True)
class Counts:
    """Events of a program, or of one row of it.

    Attributes
    ----------
    instructions : float
    l1_misses : float
        Of code and data, in the first caches.
    ll_misses : float
        Of these, those that miss the last cache as well, and wait for memory.
    """

    instructions: float
    l1_misses: float
    ll_misses: float

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(
            *(mine - theirs for mine, theirs in zip(self.all(), other.all(), strict=True))
        )

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            *(mine + theirs for mine, theirs in zip(self.all(), other.all(), strict=True))
        )

    def __mul__(self, factor: float) -> "Counts":
        return Counts(*(factor * mine for mine in self.all()))

    def all(self) -> tuple[float, float, float]:
        """Return the three."""
        return self.instructions, self.l1_misses, self.ll_misses


class Meter:
    """Runs cache_job.py in the root, on a kit's tree as /kit and a folder of data as /data.

    Parameters
    ----------
    data : Path
    """

    def __init__(self, data: Path):
        self._root, self.data = ensure_root(RELEASE, CACHE), data

    def compiled(self, kit: Path) -> Path:
        """Return a copy of a kit's package, compiled, as on a Pi that has started it before."""
        folder = self.data / "compiled"
        shutil.copytree(kit / "nn", folder / "nn", ignore=shutil.ignore_patterns("__pycache__"))
        mount = Mount(folder, "/kit", "bind")
        call(*inside(self._root, mount), "python3", "-m", "compileall", "-q", "/kit/nn")
        return folder

    def count(self, kit: Path, *job: object) -> Counts:
        """Do a job of cache_job.py, and count.

        Raises
        ------
        MachineError
            When it fails, or valgrind prints no counts.
        """
        with tempfile.TemporaryDirectory(prefix="pi-nn-cachegrind-") as scratch:
            mounts = (
                Mount(kit, "/kit"),
                Mount(BENCH, "/bench"),
                Mount(self.data, "/data"),
                Mount(Path(scratch), "/tmp", "bind"),
            )
            valgrind = ("valgrind", "--tool=cachegrind", "--cache-sim=yes", *GEOMETRY)
            run = call(
                *inside(self._root, *mounts),
                *("env", "-i", "PATH=/usr/bin:/bin", "HOME=/tmp", "PYTHONPATH=/kit", *_SETTINGS),
                *("setarch", "-R", *valgrind, "--cachegrind-out-file=/tmp/counts"),
                *("/usr/bin/python3", "/bench/cache_job.py", *job),
                timeout=SECONDS,
            )
        return read_counts(run.stderr)


def read_counts(printed: str) -> Counts:
    """Read what cachegrind prints at the end.

    Raises
    ------
    MachineError
        When a line is missing.
    """
    values = {}
    for name in ("I   refs", "I1  misses", "D1  misses", "LLi misses", "LLd misses"):
        found = re.search(rf"{name}:\s*([\d,]+)", printed)
        if not found:
            raise MachineError(f"expected cachegrind's {name!r}, got:\n{printed[-2000:]}")
        values[name] = int(found[1].replace(",", ""))
    instructions, code, data, code_last, data_last = values.values()
    return Counts(instructions, code + data, code_last + data_last)
