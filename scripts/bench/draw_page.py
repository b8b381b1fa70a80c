"""`make measure-draw`: what the page to draw on costs a Pi Zero, estimated from emulated ARM.

The page runs in a root of Debian's armhf packages, on an emulated Cortex-A7 without numpy's vector
unit. Processor seconds of its start, and of each drawing, are scaled so that the book's loop takes
what its author reported for a Pi Zero. All drawings of a class that arrive at once wait in one
queue: the 95th percentile of thirty is 95 % of the time that thirty take.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from nn.errors import KitError
from nn.presets import AUTHOR_MINUTES, PRESETS
from scripts.bench.arm import FEW, ROWS, WHOLE, Bench
from scripts.bench.digits import find_mnist, write_rows
from scripts.bench.kinds import PAGE
from scripts.bench.markers import write_between
from scripts.machines.arm import enable_arm
from scripts.machines.host import require_root
from scripts.machines.roots import RELEASE, ensure_root

CLASS = 30


def main() -> int:
    """Measure, print the table, and write it between its markers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", metavar="FILE", help="write the table between its markers")
    arguments = parser.parse_args()
    try:
        require_root()
        enable_arm()
        root = ensure_root(RELEASE, PAGE)
        with tempfile.TemporaryDirectory(prefix="pi-nn-measure-draw-") as folder:
            source = find_mnist(print)
            write_rows(Path(folder, "few"), source, FEW)
            write_rows(Path(folder, "many"), source, FEW + ROWS)
            bench = Bench(root, Path(folder))
            book = bench.measure("-m", "scripts.bench.side", "book", "pi-zero", "/tmp")
            page = bench.measure("-m", "scripts.bench.draw_job", "/tmp")
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    factor = 60 * AUTHOR_MINUTES / (book["start"] + book["rows"] * WHOLE / ROWS)
    text = table(page, factor)
    print(text)
    if arguments.report:
        write_between(Path(arguments.report), "measure-draw", text)
    return 0


def table(page: dict[str, float], factor: float) -> str:
    """Return the figures, and how they were found."""
    names = "waiting", "awake", "first", "drawing"
    waiting, awake, first, each = (factor * page[name] for name in names)
    return "\n".join(
        [
            "| on a Pi Zero, estimated | |",
            "|---|---|",
            f"| the waiting page, after the first request | {waiting:.1f} s |",
            f"| the page is awake | {awake:.1f} s |",
            f"| the first answer, then | {first:.2f} s |",
            f"| one answer | {each:.2f} s |",
            f"| {CLASS} drawings at once, 95th percentile | {0.95 * CLASS * each:.1f} s |",
            "",
            f"Processor time on an emulated Cortex-A7 (`make measure-draw`): {page['waiting']:.2f} "
            f"s, {page['awake']:.2f} s, {1000 * page['first']:.0f} ms and "
            f"{1000 * page['drawing']:.0f} ms, times {factor:.1f}. By this factor, the book's loop "
            f"takes the {AUTHOR_MINUTES} minutes that its author reported. The model has "
            f"{PRESETS['book'].hidden_nodes} hidden nodes.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
