"""`make bench-arm`: the book's loop and this kit side by side on ARM without a vector unit.

Both run in a root of Debian's armhf packages, on an emulated Cortex-A7. numpy's baseline does not
use its vector unit, so it has the same hard float as Raspberry Pi OS on a Pi Zero.
scripts.bench.side measures the start and the time for 2,000 rows; the complete job, training on
60,000 rows and testing on 10,000, is calculated from both. Times are processor times; the sides
take turns. Afterwards, the parts are timed for notebook 08.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from nn.errors import KitError
from nn.presets import AUTHOR_MINUTES, PRESETS, Preset
from scripts.bench import PROJECT, lesson_figures
from scripts.bench.digits import find_mnist, write_rows
from scripts.bench.kinds import HARD_FLOAT
from scripts.bench.markers import write_between
from scripts.bench.side import SIDES
from scripts.machines.arm import HARD_FLOAT as PROCESSOR
from scripts.machines.arm import enable_arm
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import HangError, call, require_root, retry
from scripts.machines.roots import RELEASE, RootKind, ensure_root

# How many times as fast as the book's loop the kit must be. Hosts differ, because the cost of a
# floating-point operation in QEMU does: with ten nodes, one host measured 13.5 and another 9.
PROMISES = {"pi-zero": 9, "pi-zero-100": 17, "book": 22}
ROWS, FEW = 2000, 400  # few, but more than the head and tail that are hashed of a file
WHOLE = 60_000
SECONDS = 1800


@dataclass(frozen=True)
class Side:
    """One side at one preset: seconds to start, and for 2,000 rows; peak memory in MB."""

    start: float
    rows: float
    peak_mb: float

    @property
    def whole(self) -> float:
        """The seconds of the complete job."""
        return self.start + self.rows * WHOLE / ROWS


def main() -> int:
    """Run everything, print the table, and return 1 if a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--report", metavar="FILE", help="write the table between its markers")
    arguments = parser.parse_args()
    try:
        with bench_in(HARD_FLOAT) as bench:
            sides = {name: bench.compare(PRESETS[name], arguments.runs) for name in PROMISES}
            figures = bench.lesson_figures()
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    text = "\n".join(_table(sides)) + f"\n\n{_conditions(arguments.runs)}"
    print(text)
    if arguments.report:
        write_between(Path(arguments.report), "bench-arm", text)
        lesson_figures.write(figures)
    missed = [name for name, (book, kit, _) in sides.items() if _ratio(book, kit) < PROMISES[name]]
    for name in missed:
        _say(f"MISSED: {name}: {_ratio(*sides[name][:2]):.1f}, expected {PROMISES[name]}")
    return 1 if missed else 0


@contextmanager
def bench_in(kind: RootKind) -> Iterator["Bench"]:
    """Make the root, and the rows that programs in it read."""
    require_root()
    enable_arm()
    root = ensure_root(RELEASE, kind)
    with tempfile.TemporaryDirectory(prefix="pi-nn-bench-arm-") as folder:
        source = find_mnist(_say)
        write_rows(Path(folder, "few"), source, FEW)
        write_rows(Path(folder, "many"), source, FEW + ROWS)
        yield Bench(root, Path(folder))


class Bench:
    """Both programs in the emulated root.

    Parameters
    ----------
    root, folder : Path
        The root, and the folder with the rows, which is the root's /tmp.

    Attributes
    ----------
    python : tuple of str
        What to put before a program's words, to run it there.
    """

    def __init__(self, root: Path, folder: Path):
        mounts = (Mount(PROJECT, "/kit"), Mount(folder, "/tmp", "bind"))
        # compiled only at the first start, as on a Pi, and not in the project
        compiled = ("PYTHONPYCACHEPREFIX=/tmp/compiled", "PYTHONDONTWRITEBYTECODE=")
        settings = (f"QEMU_CPU={PROCESSOR}", *compiled, "PYTHONPATH=/kit")
        self.python = (*inside(root, *mounts), *settings, "OPENBLAS_NUM_THREADS=1", "python3")

    def compare(self, preset: Preset, runs: int) -> tuple[Side, Side, Side]:
        """Run all sides in turn; return medians of the book's loop, the kit, and the kit on IDX."""
        measured: dict[str, list[Side]] = {name: [] for name in SIDES}
        for number in range(1, runs + 1):
            for name, of_side in measured.items():
                _say(f"{preset.name}, run {number} of {runs}: {name}")
                of_side.append(self._run(name, preset))
        return tuple(map(_median, measured.values()))

    def lesson_figures(self) -> dict:
        """Time the parts, for notebook 08."""
        _say("the parts, for notebook 08")
        words = ("-m", "scripts.bench.lesson_figures", "/tmp/many_train.csv")
        return self.measure(*words)

    def _run(self, name: str, preset: Preset) -> Side:
        words = ("-m", "scripts.bench.side", name, preset.name, "/tmp")
        return Side(**self.measure(*words))

    def measure(self, *words: str) -> dict:
        """Run Python with these words; QEMU hangs now and then, and is started again."""
        run = retry(lambda: call(*self.python, *words, timeout=SECONDS), on=(HangError,))
        return json.loads(run.stdout)


def _median(sides: list[Side]) -> Side:
    return Side(*(statistics.median(values) for values in zip(*map(astuple, sides), strict=True)))


def _ratio(book: Side, kit: Side) -> float:
    return book.whole / kit.whole


def _table(sides: dict[str, tuple[Side, Side, Side]]) -> list[str]:
    lines = [
        "| preset: hidden nodes, epochs | the book's loop, per row | this kit, per row | ratio, "
        "whole job | memory of both, with the emulator | estimated on a Pi Zero: the book's loop |"
        " estimated: this kit | estimated: this kit on MNIST's own files |",
        "|---|---|---|---|---|---|---|---|",
    ]
    minutes = AUTHOR_MINUTES / sides["pi-zero"][0].whole
    for name, (book, kit, on_idx) in sides.items():
        preset = PRESETS[name]
        lines.append(
            f"| `{name}`: {preset.hidden_nodes}, {preset.epochs} | "
            f"{book.rows / ROWS * 1000:.2f} ms | {kit.rows / ROWS * 1000:.2f} ms | "
            f"**{_ratio(book, kit):.1f}×** | {book.peak_mb:.0f} MB, {kit.peak_mb:.0f} MB | "
            f"{book.whole * minutes:.0f} min | {kit.whole * minutes:.1f} min | "
            f"{on_idx.whole * minutes:.1f} min |"
        )
    return lines


def _conditions(runs: int) -> str:
    return (
        f"Medians of {runs} alternating runs in processor time, on an emulated Cortex-A7 "
        f"(`make bench-arm`). Measured on {ROWS:,} rows of CSV, in all epochs of the preset, and "
        "a sixth as many test rows; the whole job is 30 times that, plus the start. `make "
        "train-pi` reads MNIST's own files, gzipped IDX, which need no parsing. Minutes on a Pi "
        "Zero are estimates: they are scaled so that the book's loop with ten nodes takes the "
        f"{AUTHOR_MINUTES} that its author reported. Most of the memory is the emulator's: see "
        "[what the kit itself uses](reports/emulated-pi.md). QEMU has no cache, and makes each "
        "floating-point operation many times as expensive as on a Pi, so ratios differ between "
        "hosts."
    )


def _say(message: str) -> None:
    print(f"bench-arm: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
