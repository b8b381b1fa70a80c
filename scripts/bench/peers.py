"""Time the book's loop, this kit and its peers, here and on emulated ARM: `make bench-peers`.

The peers are FANN, scikit-learn, and the same network written by hand in C, which is the practical
limit. Each run is a separate process on one core, from CSV files to the accuracy; the sides take
turns, and the medians of their processor time are printed. On ARM, where the complete job would
take hours, they run 2,000 rows, and the start is not counted. A slow limit would prove nothing: at
200 nodes, the book's loop must take at least 25 times as long as the limit.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import astuple
from itertools import product
from pathlib import Path

from nn.errors import KitError
from nn.lessons.speed import ProgramError
from nn.presets import PRESETS
from scripts.bench.digits import find_mnist, write_rows
from scripts.bench.markers import MarkersError, write_between
from scripts.bench.peer_places import BOOK, FEW, LIMIT, ROWS, SIDES, Arm, Here, Run, Side
from scripts.machines.host import MachineError

NAMES = ("pi-zero", "pi-zero-100", "book")
LEAST_RATIO = 25  # the book's loop to the sparse C loop, at 200 nodes

Medians = dict[str, dict[str, Run]]  # of each side, at each preset


def main() -> int:
    """Run everything, print the tables, and return 1 if a side failed or the limit is slow."""
    arguments = _arguments()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    texts, complaints = [], []
    try:
        with tempfile.TemporaryDirectory(prefix="pi-nn-bench-peers-") as folder:
            source = find_mnist(_say)
            for name, rows in (("whole", 60_000), ("few", FEW), ("many", FEW + ROWS)):
                write_rows(Path(folder, name), source, rows)
            for place in (Here, Arm) if arguments.arm else (Here,):
                text, failures = _compare(place(Path(folder)), arguments.runs)
                print(f"{text}\n", flush=True)
                texts.append(text)
                complaints += failures
        if arguments.report:
            write_between(Path(arguments.report), "bench-peers", "\n\n".join(texts))
    except (KitError, MarkersError, OSError) as error:
        complaints.append(str(error))
    except KeyboardInterrupt:
        return 130
    for complaint in complaints:
        _say(f"FAILED: {complaint}")
    return 1 if complaints else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--report", metavar="FILE", help="write the tables between its markers")
    parser.add_argument("--arm", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def _compare(place: Here, runs: int) -> tuple[str, list[str]]:
    """Measure a place; return its table, and what went wrong."""
    absent = {name: why for name, side in SIDES.items() if (why := place.missing(side))}
    for name, why in absent.items():
        _say(f"{name} is left out: to have it, {why}")
    sides = {name: side for name, side in SIDES.items() if name not in absent}
    medians, failures = measure(place, sides, runs)
    notes = [f"Left out: {name}." for name in SIDES if name not in medians]
    text = "\n".join([*table(medians, place.cell), "", place.title.format(runs), *notes])
    return text, failures + check_limit(medians)


def measure(place: Here, sides: dict[str, Side], runs: int) -> tuple[Medians, list[str]]:
    """Run all sides in turn at each preset; leave out those that fail, and say so."""
    failures: dict[str, str] = {}
    measured = {name: {preset: [] for preset in NAMES} for name in sides}
    for preset, number, name in product(NAMES, range(1, runs + 1), sides):
        if name in failures:
            continue
        try:
            run = place.run(sides[name], PRESETS[preset])
        except (MachineError, ProgramError, ValueError, KeyError) as error:
            failures[name] = f"{name}: {error}"
            continue
        measured[name][preset].append(run)
        _say(f"{preset}, run {number} of {runs}: {name}: {run.seconds:.3f} s")
    return {
        name: {preset: _median(of_preset) for preset, of_preset in presets.items()}
        for name, presets in measured.items()
        if name not in failures
    }, list(failures.values())


def _median(runs: list[Run]) -> Run:
    return Run(*map(statistics.median, zip(*map(astuple, runs), strict=True)))


def table(medians: Medians, cell: Callable[[Run, str], str]) -> list[str]:
    """Return the lines of a Markdown table: a row for each side, a column for each preset."""
    presets = [PRESETS[name] for name in NAMES]
    heads = [f"`{each.name}`: {each.hidden_nodes}, {each.epochs}" for each in presets]
    lines = [f"| hidden nodes, epochs | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for name, runs in medians.items():
        cells = (cell(runs[preset], _times(medians, name, preset)) for preset in NAMES)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _times(medians: Medians, name: str, preset: str) -> str:
    if LIMIT not in medians:
        return ""
    return f", {medians[name][preset].seconds / medians[LIMIT][preset].seconds:.1f}×"


def check_limit(medians: Medians) -> list[str]:
    """Complain if the sparse C loop is too slow to be a limit, or was not measured."""
    if BOOK not in medians or LIMIT not in medians:
        return [f"expected both {BOOK} and {LIMIT}, got {', '.join(medians) or 'none'}"]
    ratio = medians[BOOK]["book"].seconds / medians[LIMIT]["book"].seconds
    if ratio >= LEAST_RATIO:
        return []
    return [
        f"expected {BOOK} to take at least {LEAST_RATIO} times as long as {LIMIT} at "
        f"{PRESETS['book'].hidden_nodes} nodes, got {ratio:.1f}: a slow limit proves nothing"
    ]


def _say(message: str) -> None:
    print(f"bench-peers: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
