"""`make measure-draw`: what the page to draw on costs a Pi Zero, estimated from emulated ARM.

The page runs in a root of Debian's armhf packages, on an emulated Cortex-A7 without numpy's vector
unit. Processor seconds of its start, and of each drawing, are scaled so that the book's loop takes
what its author reported for a Pi Zero; so are the seconds that thirty wait who draw at once, from
outside the emulator. QEMU's time includes the translation of code that a start runs only once, so
the start is also estimated from instructions and cache misses, as in `make bench-cache`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nn.errors import KitError
from nn.network import Network
from nn.presets import AUTHOR_MINUTES, PRESETS
from nn.saving.model_file import save_model
from scripts.bench import PROJECT
from scripts.bench.arm import ROWS, WHOLE, Bench, bench_in
from scripts.bench.cache import BOOK_ROWS, count_job
from scripts.bench.cache_report import Job, minutes
from scripts.bench.cachegrind import Counts, Meter
from scripts.bench.digits import find_mnist, write_rows
from scripts.bench.draw_job import PORT, URL, state
from scripts.bench.drawers import draw_at_once
from scripts.bench.kinds import PAGE
from scripts.bench.markers import write_between
from scripts.machines.host import HangError

CLASS, ROUNDS = 30, 5
_SECONDS = 120  # until the page must be awake


def main() -> int:
    """Measure, print the table, and write it between its markers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", metavar="FILE", help="write the table between its markers")
    arguments = parser.parse_args()
    try:
        with bench_in(PAGE) as bench:
            book = bench.measure("-m", "scripts.bench.side", "book", "pi-zero", "/tmp")
            page = bench.measure("-m", "scripts.bench.draw_job", "/tmp")
            crowd = draw_with_a_class(bench)
        counted = awake_by_counting()
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    factor = 60 * AUTHOR_MINUTES / (book["start"] + book["rows"] * WHOLE / ROWS)
    text = table(page, counted, crowd, factor)
    print(text)
    if arguments.report:
        write_between(Path(arguments.report), "measure-draw", text)
    return 0


def draw_with_a_class(bench: Bench) -> dict:
    """Let thirty draw at once on the emulated page; return what `draw_at_once` does."""
    words = ("-m", "nn", "draw", "--port", str(PORT), "--models", "/tmp/models")
    server = subprocess.Popen([*bench.python, *words], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + _SECONDS
        while state() != 200:
            if time.monotonic() > end:
                raise HangError(f"the page is not awake after {_SECONDS} seconds")
            time.sleep(0.1)
        draw_at_once(URL, 1, 1)
        sources = [f"127.0.0.{number}" for number in range(2, CLASS + 2)]  # as thirty phones have
        return draw_at_once(URL, CLASS, ROUNDS, sources)
    finally:
        server.kill()  # and with it all in the root
        server.wait()


def awake_by_counting() -> tuple[float, float]:
    """Estimate the seconds until the page is awake by its cache misses: the least and the most."""
    with tempfile.TemporaryDirectory(prefix="pi-nn-measure-draw-") as name:
        folder = Path(name)
        meter = Meter(folder)
        source = find_mnist(lambda message: print(message, file=sys.stderr))
        for rows in BOOK_ROWS:
            write_rows(folder / str(rows), source, rows)
        (folder / "models").mkdir()
        network = Network(hidden_nodes=PRESETS["book"].hidden_nodes, seed=1)
        save_model(network, folder / "models/model.npz")
        book = count_job(meter, PROJECT, BOOK_ROWS, "book", "pi-zero")
        awake = meter.count(meter.compiled(PROJECT), "awake")
    least, most = minutes(Job(awake, Counts(0, 0, 0)), book)
    return 60 * least, 60 * most


def table(page: dict[str, float], counted: tuple[float, float], crowd: dict, factor: float) -> str:
    """Return the figures, and how they were found."""
    names = "waiting", "awake", "first", "drawing"
    waiting, awake, first, each = (factor * page[name] for name in names)
    return "\n".join(
        [
            "| on a Pi Zero, estimated | |",
            "|---|---|",
            f"| the waiting page, after the first request | {waiting:.1f} s |",
            f"| the page is awake | {awake:.1f} s; by its cache misses {counted[0]:.1f} to "
            f"{counted[1]:.1f} s |",
            f"| the first answer, then | {first:.2f} s |",
            f"| one answer | {each:.2f} s |",
            f"| {CLASS} who draw at once, {ROUNDS} times each: 95th percentile of an answer | "
            f"{factor * crowd['p95_s']:.1f} s |",
            "",
            f"Processor time on an emulated Cortex-A7 (`make measure-draw`): {page['waiting']:.2f} "
            f"s, {page['awake']:.2f} s, {1000 * page['first']:.0f} ms and "
            f"{1000 * page['drawing']:.0f} ms, times {factor:.1f}. By this factor, the book's loop "
            f"takes the {AUTHOR_MINUTES} minutes that its author reported. The model has "
            f"{PRESETS['book'].hidden_nodes} hidden nodes. The {CLASS} clients were outside the "
            f"emulator: of {CLASS * ROUNDS} drawings {crowd['answers']} were answered, 95 % within "
            f"{crowd['p95_s']:.2f} s, and {crowd['refused']} asked to come again.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
