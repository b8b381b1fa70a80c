"""A command that compares programs in several places, and writes their table.

Each run is a separate process on one core, from CSV files to the accuracy; the sides take turns,
and the medians of their processor time are printed.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import partial
from itertools import product
from pathlib import Path

from nn.errors import KitError
from nn.lessons.speed import ProgramError
from nn.presets import PRESETS
from scripts.bench.digits import find_mnist, write_rows
from scripts.bench.markers import MarkersError, write_between
from scripts.bench.places import FEW, ROWS, Arm, Here, Run, Side
from scripts.machines.host import MachineError
from scripts.machines.roots import RootKind

NAMES = ("pi-zero", "pi-zero-100", "book")

Medians = dict[str, dict[str, Run]]  # of each side, at each preset


@dataclass(frozen=True)
class Comparison:
    """Programs, and how their figures are judged.

    Attributes
    ----------
    name : str
        Of the command, and of the markers around its tables.
    kind : RootKind
        The root for emulated ARM, with everything that the sides need.
    unit : str
        The side whose time the others' is divided by.
    titles : dict of str to str
        What stands below the table of each place; {} is replaced with the number of runs.
    sides : callable
        Returns the sides in a place, by their names.
    check : callable
        Returns complaints about the medians of a place.
    prepare : callable
        Writes into the folder what the sides need besides the rows.
    runs : int
        The default.
    """

    name: str
    kind: RootKind
    unit: str
    titles: dict[str, str]
    sides: Callable[[Here], dict[str, Side]]
    check: Callable[[Here, Medians], list[str]]
    prepare: Callable[[Path], object] = lambda folder: None
    runs: int = 3

    def main(self, description: str) -> int:
        """Run everything, print the tables, and return 1 if a side failed or there are complaints.

        Parameters
        ----------
        description : str
            Of the command, for --help.
        """
        arguments = self._arguments(description)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        texts, complaints = [], []
        try:
            with tempfile.TemporaryDirectory(prefix=f"pi-nn-{self.name}-") as folder:
                source = find_mnist(self.say)
                for name, rows in (("whole", 60_000), ("few", FEW), ("many", FEW + ROWS)):
                    write_rows(Path(folder, name), source, rows)
                self.prepare(Path(folder))
                for place in (Here, partial(Arm, kind=self.kind))[: 1 + arguments.arm]:
                    text, failures = self.compare(place(Path(folder)), arguments.runs)
                    print(f"{text}\n", flush=True)
                    texts.append(text)
                    complaints += failures
            if arguments.report:
                write_between(Path(arguments.report), self.name, "\n\n".join(texts))
        except (KitError, MarkersError, OSError) as error:
            complaints.append(str(error))
        except KeyboardInterrupt:
            return 130
        for complaint in complaints:
            self.say(f"FAILED: {complaint}")
        return 1 if complaints else 0

    def _arguments(self, description: str) -> argparse.Namespace:
        parser = argparse.ArgumentParser(description=description.splitlines()[0])
        parser.add_argument("--runs", type=int, default=self.runs, help="default: %(default)s")
        parser.add_argument("--report", metavar="FILE", help="write the tables between its markers")
        parser.add_argument("--arm", action=argparse.BooleanOptionalAction, default=True)
        return parser.parse_args()

    def compare(self, place: Here, runs: int) -> tuple[str, list[str]]:
        """Measure a place; return its table, and what went wrong."""
        sides = self.sides(place)
        absent = {name: why for name, side in sides.items() if (why := place.missing(side))}
        for name, why in absent.items():
            self.say(f"{name} is left out: to have it, {why}")
        present = {name: side for name, side in sides.items() if name not in absent}
        medians, failures = self.measure(place, present, runs)
        advice = {name: f" To have it, {why}." for name, why in absent.items()}
        notes = [
            f"Left out: {name}.{advice.get(name, '')}" for name in sides if name not in medians
        ]
        lines = table(medians, self.unit, place.cell)
        text = "\n".join([*lines, "", self.titles[place.name].format(runs), *notes])
        return text, failures + self.check(place, medians)

    def measure(self, place: Here, sides: dict[str, Side], runs: int) -> tuple[Medians, list[str]]:
        """Run all sides in turn at each preset; leave out those that fail, and say so."""
        failures: dict[str, str] = {}
        measured = {name: {preset: [] for preset in NAMES} for name in sides}
        turns = list(product(NAMES, range(1, runs + 1), sides))
        for turn, (preset, number, name) in enumerate(turns, start=1):
            if name in failures:
                continue
            label = f"{turn} of {len(turns)}: {preset}, run {number} of {runs}: {name}: "
            self.say(label, end="")
            try:
                run = place.run(sides[name], PRESETS[preset])
            except (MachineError, ProgramError, ValueError, KeyError) as error:
                failures[name] = f"{name}: {error}"
                print("failed", file=sys.stderr, flush=True)
                continue
            measured[name][preset].append(run)
            print(f"{run.seconds:.3f} s", file=sys.stderr, flush=True)
        return {
            name: {preset: _median(of_preset) for preset, of_preset in presets.items()}
            for name, presets in measured.items()
            if name not in failures
        }, list(failures.values())

    def say(self, message: str, end: str = "\n") -> None:
        """Print a message of the command on standard error."""
        print(f"{self.name}: {message}", end=end, file=sys.stderr, flush=True)


def _median(runs: list[Run]) -> Run:
    return Run(*map(statistics.median, zip(*map(astuple, runs), strict=True)))


def table(medians: Medians, unit: str, cell: Callable[[Run, str], str]) -> list[str]:
    """Return the lines of a Markdown table: a row for each side, a column for each preset.

    Parameters
    ----------
    medians : dict of str to (dict of str to Run)
    unit : str
        The side whose time the others' is divided by.
    cell : callable
        Returns the text of a cell for a run and its ratio.
    """
    presets = [PRESETS[name] for name in NAMES]
    heads = [f"`{each.name}`: {each.hidden_nodes}, {each.epochs}" for each in presets]
    lines = [f"| hidden nodes, epochs | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for name, runs in medians.items():
        cells = []
        for preset in NAMES:
            ratio = ""
            if unit in medians:
                ratio = f", {runs[preset].seconds / medians[unit][preset].seconds:.1f}×"
            cells.append(cell(runs[preset], ratio))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines
