"""Execute each notebook, and write its time and memory into it and into notebooks/README.md.

    python -m scripts.bench.measure_notebooks

This measures processor time and memory of the kernel with one thread, as on a Pi, on the bundled
sample and on MNIST: the median of three runs. It needs MNIST_DIR. The time on a Pi Zero is
estimated as forty times as long: imports and text take 30 to 50 times as long there. Products of
large matrices take longer still.
"""

import os
import re
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat

from nn.saving.atomic import atomic_write
from scripts.bench import PROJECT
from scripts.bench.markers import write_between
from scripts.bench.notebook_runner import executed
from scripts.bench.packed_kit import unpack_kit

FOLDER = PROJECT / "notebooks"
RUNS = 3
PI_ZERO = 40
TIME = re.compile(r"\*\*Time:\*\* .*? on a laptop, about .*? on a Pi Zero \(estimated\)\.")


@dataclass(frozen=True)
class Measured:
    """The cost of a notebook on one kind of data: processor time, and peak memory in MB."""

    seconds: float
    peak_mb: float


def main() -> None:
    """Measure all notebooks; an interrupted run writes nothing."""
    mnist = os.environ.get("MNIST_DIR") or sys.exit("measure_notebooks: set MNIST_DIR to MNIST")
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        kit = unpack_kit(Path(folder))
        for path in sorted(FOLDER.glob("*.ipynb")):
            data = {"sample": None, "MNIST": Path(mnist).resolve()}
            table[path] = {name: _measure(kit, path, where) for name, where in data.items()}
            print(path.stem, table[path], flush=True)
    for path, measured in table.items():
        _write_time(path, measured["MNIST"].seconds)
    _write_table(table)


def _measure(kit: Path, path: Path, mnist: Path | None) -> Measured:
    seconds, peaks = [], []
    for _ in range(RUNS):
        with executed(kit, path.stem, mnist) as run:
            seconds.append(run.seconds)
            peaks.append(run.peak_mb)
    return Measured(statistics.median(seconds), max(peaks))


def _write_time(path: Path, seconds: float) -> None:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    words = (
        f"**Time:** about {seconds:.0f} s on a laptop, about {_minutes(seconds * PI_ZERO)} "
        "on a Pi Zero (estimated)."
    )
    head = notebook.cells[0]
    head.source, found = TIME.subn(words, head.source)
    if not found:
        sys.exit(f"measure_notebooks: {path} does not say how long it takes in its first cell")
    with atomic_write(path) as file:
        file.write((nbformat.writes(notebook) + "\n").encode())


def _write_table(table: dict[Path, dict[str, Measured]]) -> None:
    lines = [
        "| notebook | sample | MNIST | memory, sample / MNIST |",
        "|---|---|---|---|",
        *(
            f"| [{path.stem}]({path.name}) | {on['sample'].seconds:.1f} s | "
            f"{on['MNIST'].seconds:.1f} s | {on['sample'].peak_mb:.0f} / "
            f"{on['MNIST'].peak_mb:.0f} MB |"
            for path, on in table.items()
        ),
    ]
    write_between(FOLDER / "README.md", "measured", "\n".join(lines))


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    main()
