"""Time the book's loop and this kit side by side: `make bench`.

Each run is a separate process on the same core, with the same CSV files, from its start to the
accuracy on the test digits. The two take turns; medians are printed. The kit finds no packed file
from an earlier run.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from nn.presets import PRESETS, Preset
from scripts.bench.markers import write_between

# How many times as fast the kit must be, and how many points of accuracy it may lose. The book's
# loop spends most of its time in Python itself, and hosts differ in that: with ten nodes it took
# 12 s on one host, 14 times as long as the kit, and 4.7 s on another, 7 times as long.
PROMISES = {"pi-zero": (6, 1.5), "pi-zero-100": (10, 1.0), "book": (24, 0.3)}
MOST_MEMORY_MB = 64
SEED = 1


@dataclass(frozen=True)
class Run:
    """One process: seconds on the clock, peak memory in MB, accuracy from 0 to 1."""

    seconds: float
    peak_mb: float
    accuracy: float


def main() -> int:
    """Run everything and print the table."""
    arguments = _arguments()
    core = max(os.sched_getaffinity(0)) if arguments.core is None else arguments.core
    os.sched_setaffinity(0, {core})
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    with tempfile.TemporaryDirectory(prefix="pi-nn-bench-") as folder:
        train, test = _make_csv(Path(folder))
        rows = [_compare(train, test, PRESETS[name], arguments.runs) for name in PROMISES]
        table = "\n".join(_table(rows))
        print(table, flush=True)
        remarks = f"{_memory_line(train, test)}\n\n{_conditions(arguments.runs)}"
        print(f"\n{remarks}")
    if arguments.report:
        write_between(Path(arguments.report), "bench", f"{table}\n\n{remarks}")
    broken = [complaint for row in rows for complaint in _broken_promises(row)]
    for complaint in broken:
        _say(f"MISSED: {complaint}")
    return 1 if broken else 0


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--core", type=int, help="which to run on; default: the last")
    parser.add_argument("--report", metavar="FILE", help="write the table between its markers")
    return parser.parse_args()


def _make_csv(folder: Path) -> tuple[Path, Path]:
    """Write MNIST as CSV files, the book's format."""
    from nn.data.sources import find_source

    source = find_source(environ=os.environ, say=_say)
    if not source.is_mnist:
        sys.exit("bench: needs MNIST: set MNIST_DIR, or run 'make fetch'")
    targets = folder / "mnist_train.csv", folder / "mnist_test.csv"
    for path, target in zip((source.train, source.test), targets, strict=True):
        _say(f"writing {target.name}")
        command = [sys.executable, "-m", "nn", "data", "convert", path, target]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return targets


def _compare(train: Path, test: Path, preset: Preset, runs: int) -> dict:
    """Run the book's loop and the kit in turn at one preset."""
    book, kit = [], []
    for number in range(1, runs + 1):
        _say(f"{preset.name}, run {number} of {runs}")
        book.append(_run_book(train, test, preset))
        kit.append(_run_kit(train, test, preset))
    return {"preset": preset, "book": book, "kit": kit}


def _run_book(train: Path, test: Path, preset: Preset) -> Run:
    words = [train, test, preset.hidden_nodes, preset.epochs, SEED]
    return _run(["-m", "nn.lessons.book_loop", *words])


def _run_kit(train: Path, test: Path, preset: Preset) -> Run:
    for path in (train, test):
        path.with_name(path.name + ".packed").unlink(missing_ok=True)
    flags = ["--preset", preset.name, "--seed", SEED, "--json"]
    model = train.with_name("model.npz")
    return _run(["-m", "nn", "train", "--train", train, "--test", test, "--model", model, *flags])


def _run(words: list) -> Run:
    """Run python with these arguments; the kernel reports the peak memory of that process."""
    command = [sys.executable, *map(str, words)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, remarks = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"bench: {' '.join(command)} failed:\n{remarks}")
    return Run(seconds, usage.ru_maxrss * 1024 / 1e6, json.loads(output)["accuracy"])


def _memory_line(train: Path, test: Path) -> str:
    """Compare the kit's peak memory on the training file and on one four times as long."""
    longer = train.with_name("four_times.csv")
    with longer.open("wb") as file:
        for _ in range(4):
            with train.open("rb") as part:
                shutil.copyfileobj(part, file)
    once, four_times = (
        _run_kit(path, test, PRESETS["pi-zero"]).peak_mb for path in (train, longer)
    )
    return (
        f"Peak memory on a training file four times as long: {four_times:.1f} MB, "
        f"against {once:.1f} MB."
    )


def _table(rows: list[dict]) -> list[str]:
    lines = [
        "| preset: hidden nodes, epochs | the book's loop | this kit | ratio | accuracy, book | "
        "accuracy, kit | memory, book | memory, kit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        preset, book, kit = row["preset"], row["book"], row["kit"]
        book_seconds, kit_seconds = (_median(runs, "seconds") for runs in (book, kit))
        lines.append(
            f"| `{preset.name}`: {preset.hidden_nodes}, {preset.epochs} | {book_seconds:.1f} s | "
            f"{kit_seconds:.2f} s | **{book_seconds / kit_seconds:.1f}×** | "
            f"{_median(book, 'accuracy'):.2%} | {_median(kit, 'accuracy'):.2%} | "
            f"{_median(book, 'peak_mb'):.0f} MB | {_median(kit, 'peak_mb'):.0f} MB |"
        )
    return lines


def _broken_promises(row: dict) -> list[str]:
    """List the promises that the kit misses."""
    ratio, points = PROMISES[row["preset"].name]
    book, kit = row["book"], row["kit"]
    measured = {
        "ratio": _median(book, "seconds") / _median(kit, "seconds") - ratio,
        "accuracy": _median(kit, "accuracy") - _median(book, "accuracy") + points / 100,
        "memory": MOST_MEMORY_MB - _median(kit, "peak_mb"),
    }
    return [f"{row['preset'].name}: {name}" for name, slack in measured.items() if slack < 0]


def _median(runs: list[Run], name: str) -> float:
    return statistics.median(getattr(run, name) for run in runs)


def _conditions(runs: int) -> str:
    import platform

    import numpy

    return (
        f"Medians of {runs} alternating runs on one {platform.machine()} core, Python "
        f"{platform.python_version()}, numpy {numpy.__version__}; from process start with the CSV "
        "files to the accuracy on 10,000 digits."
    )


def _say(message: str) -> None:
    print(f"bench: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
