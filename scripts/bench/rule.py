"""`make bench-backends`: the figures behind the rule in nn.backends.

Each place is a processor and a BLAS: Debian's numpy in a root, with the reference BLAS or with
OpenBLAS, and this environment's own numpy. The two backends take turns in one process
(scripts/bench/backends.py).
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from nn.errors import KitError
from scripts.bench import PROJECT
from scripts.bench.backends import ROWS
from scripts.bench.digits import find_mnist, write_rows
from scripts.bench.kinds import ARM, X86_64
from scripts.bench.markers import write_between
from scripts.machines.arm import HARD_FLOAT, enable_arm
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import HangError, call, require_root, retry
from scripts.machines.roots import RELEASE, RootKind, ensure_root

SECONDS = 3600
# Name of a place: its root, and the folder of its BLAS
PLACES = {
    "x86-64, reference BLAS": (X86_64, "x86_64-linux-gnu/blas"),
    "x86-64, OpenBLAS": (X86_64, "x86_64-linux-gnu/openblas-serial"),
    "emulated ARM, reference BLAS": (ARM, "arm-linux-gnueabihf/blas"),
    "emulated ARM, OpenBLAS": (ARM, "arm-linux-gnueabihf/openblas-serial"),
}


def main() -> int:
    """Measure everywhere, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", metavar="FILE", help="write the table between its markers")
    arguments = parser.parse_args()
    try:
        require_root()
        enable_arm()
        with tempfile.TemporaryDirectory(prefix="pi-nn-backends-") as folder:
            write_rows(Path(folder, "some"), find_mnist(_say), ROWS)
            rows = Path(folder, "some_train.csv")
            measured = {"this environment": measure_here(rows)}
            for place, (kind, blas) in PLACES.items():
                _say(place)
                measured[place] = measure_in_root(rows, kind, blas)
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    text = "\n".join(table(measured))
    print(text)
    if arguments.report:
        write_between(Path(arguments.report), "bench-backends", text)
    return 0


def measure_here(rows: Path) -> dict:
    """Time both backends with this environment's numpy."""
    _say("this environment")
    environ = ("env", f"PYTHONPATH={PROJECT}", "OPENBLAS_NUM_THREADS=1")
    command = (*environ, sys.executable, "-m", "scripts.bench.backends", rows)
    return json.loads(call(*command, timeout=SECONDS).stdout)


def measure_in_root(rows: Path, kind: RootKind, blas: str) -> dict:
    """Time both backends with Debian's numpy and one BLAS."""
    mounts = (Mount(PROJECT, "/kit"), Mount(rows.parent, "/tmp", "bind"))
    settings = (
        *(f"QEMU_CPU={HARD_FLOAT}", "PYTHONPATH=/kit", "PYTHONDONTWRITEBYTECODE=1"),
        *("OPENBLAS_NUM_THREADS=1", f"LD_LIBRARY_PATH=/usr/lib/{blas}"),
    )
    words = ("python3", "-m", "scripts.bench.backends", f"/tmp/{rows.name}")
    root = ensure_root(RELEASE, kind)
    command = (*inside(root, *mounts), *settings, *words)
    return json.loads(retry(lambda: call(*command, timeout=SECONDS), on=(HangError,)).stdout)


def table(measured: dict[str, dict]) -> list[str]:
    """Write a row for each place and number of nodes: dense / sparse, the faster one in bold."""
    (first, *_) = measured.values()
    sizes = sorted({each["batch_size"] for each in first["figures"]})
    lines = [
        "| µs per row, dense / sparse | nodes | "
        + " | ".join(f"batches of {size}" for size in sizes)
        + " |",
        "|---|---|" + "---|" * len(sizes),
    ]
    for place, of_place in measured.items():
        rows: dict[int, list[str]] = {}
        for each in of_place["figures"]:
            rows.setdefault(each["hidden_nodes"], []).append(_cell(each["dense"], each["sparse"]))
        lines += [
            f"| {place} ({of_place['blas']}) | {nodes} | {' | '.join(cells)} |"
            for nodes, cells in rows.items()
        ]
    return lines


def _cell(dense: float, sparse: float) -> str:
    left, right = f"{dense:.1f}", f"{sparse:.1f}"
    return f"**{left}** / {right}" if dense <= sparse else f"{left} / **{right}**"


def _say(message: str) -> None:
    print(f"bench-backends: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
