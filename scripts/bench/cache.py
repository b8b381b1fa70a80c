"""`make bench-cache`: instructions and cache misses of the book's loop and this kit on a Pi Zero.

QEMU, which `make bench-arm` uses, has no cache; a Pi Zero has 16 KB, and waits for everything that
is not in it. Both sides run under cachegrind with a Pi Zero's caches, on two numbers of rows: the
difference is the cost of a row, and the rest is the start. Published measurements of the BCM2835
give the latency of a miss, and the author's 25 minutes set the scale.
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from nn.data.dataset import FirstRows, open_dataset
from nn.data.sources import DATASET_FOLDER
from nn.errors import KitError
from nn.presets import PRESETS
from nn.saving.atomic import atomic_write
from scripts.bench import PROJECT
from scripts.bench.cache_report import (
    LATENCIES,
    NAMES,
    Job,
    conditions,
    cycles,
    latencies,
    table_of_jobs,
    table_of_parts,
    table_of_steps,
)
from scripts.bench.cachegrind import Counts, Meter
from scripts.bench.digits import find_mnist, write_rows
from scripts.bench.markers import write_between
from scripts.machines.host import MachineError

BASELINE = Path(__file__).with_name("cache_misses.json")
BEFORE = "e3095ed"  # the commit before the hidden copies were removed
KIT_ROWS, BOOK_ROWS, STEP_ROWS = (256, 768), (12, 36), (512, 1536)
SAMPLE_ROWS = (256, 768)
PARTS = ("products", "compressing", "output layer")
MOST_GROWTH = 1.1  # of the sparse step's misses
MOST_COST = 1 / 3  # of the sparse step at 200 nodes, relative to its earlier cost


def main() -> int:
    """Count, print, and return 1 if a promise is broken."""
    arguments = _arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="pi-nn-bench-cache-") as folder:
            _write_sample(Path(folder))
            meter = Meter(Path(folder))
            if arguments.check:
                return _check(count_sample_step(meter))
            _write_digits(Path(folder))
            return _report(meter, arguments)
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", metavar="FILE", help="write both tables between its markers")
    parser.add_argument(
        "--check",
        action="store_true",
        help="only check that the sparse step's cache misses have not grown",
    )
    return parser.parse_args()


def _write_sample(folder: Path) -> None:
    """Write the bundled sample as packed rows, so that the check needs no download."""
    blocks = open_dataset(DATASET_FOLDER / "sample_train.csv.gz").blocks()
    (folder / "sample.bytes").write_bytes(_packed(blocks))


def _packed(blocks) -> bytes:
    """Return rows of a label and 784 pixels."""
    return b"".join(np.column_stack([labels, pixels]).tobytes() for pixels, labels in blocks)


def _write_digits(folder: Path) -> None:
    """Write MNIST's first rows as files, and as the bytes of packed rows."""
    source = find_mnist(_say)
    for rows in (*KIT_ROWS, *BOOK_ROWS):
        write_rows(folder / str(rows), source, rows)
    blocks = FirstRows(open_dataset(source.train), STEP_ROWS[1]).blocks()
    (folder / "train.bytes").write_bytes(_packed(blocks))


def count_job(meter: Meter, kit: Path, rows: tuple[int, int], *words: object) -> Job:
    """Count a job on two numbers of rows; the difference is the cost of a row."""
    few, many = rows
    _say(" ".join(map(str, words)))
    less, more = (meter.count(kit, *words, number) for number in rows)
    row = (more - less) * (1 / (many - few))
    return Job(less - row * few, row)


def count_step(meter: Meter, kit: Path, backend: str, hidden_nodes: int, batch: int) -> Counts:
    """Count training alone, per row."""
    words = ("step", "train.bytes", backend, hidden_nodes, batch)
    return count_job(meter, kit, STEP_ROWS, *words).row


def count_sample_step(meter: Meter) -> Counts:
    """Count the sparse training step at 200 nodes on the bundled sample, per row."""
    return count_job(meter, PROJECT, SAMPLE_ROWS, "step", "sample.bytes", "sparse", 200, 16).row


def count_parts(meter: Meter, whole: Counts, hidden_nodes: int, batch: int) -> dict[str, Counts]:
    """Count the cost of each part of the sparse step, per row: the difference without it."""
    words = ("train.bytes", "sparse", hidden_nodes, batch)
    parts = {
        part: whole - count_job(meter, PROJECT, STEP_ROWS, "without", part, *words).row
        for part in PARTS
    }
    rest = whole
    for counts in parts.values():
        rest = rest - counts
    return parts | {"all else": rest}


def _report(meter: Meter, arguments) -> int:
    book = {name: count_job(meter, PROJECT, BOOK_ROWS, "book", name) for name in NAMES}
    kit = {name: count_job(meter, PROJECT, KIT_ROWS, "kit", name) for name in NAMES}
    idx = {name: count_job(meter, PROJECT, KIT_ROWS, "idx", name) for name in NAMES}
    steps = {
        f"{backend}, {when}": _count_steps(meter, tree, backend)
        for when, tree in (("now", PROJECT), (f"at {BEFORE}", _older_tree(meter)))
        for backend in ("sparse", "dense")
    }
    parts = {
        nodes: count_parts(meter, steps["sparse, now"][nodes], nodes, batch)
        for nodes, batch in ((10, 8), (200, 16))
    }
    jobs_text = "\n".join([*table_of_jobs(book, kit, idx), "", conditions()])
    steps_text = "\n".join([*table_of_steps(steps), "", *table_of_parts(parts), "", latencies()])
    print(f"{jobs_text}\n\n{steps_text}")
    if arguments.report:
        write_between(Path(arguments.report), "bench-cache", jobs_text)
        write_between(Path(arguments.report), "bench-steps", steps_text)
        now = count_sample_step(meter)
        figures = {"l1_misses": round(now.l1_misses), "ll_misses": round(now.ll_misses)}
        with atomic_write(BASELINE) as file:
            file.write(f"{json.dumps(figures)}\n".encode())
    latency = LATENCIES["CSE 221, cycles"]
    share = cycles(steps["sparse, now"][200], latency) / cycles(
        steps[f"sparse, at {BEFORE}"][200], latency
    )
    if share > MOST_COST:
        _say(
            f"MISSED: expected at most {MOST_COST:.3f} of the sparse step's earlier cost, "
            f"got {share:.3f}"
        )
    return int(share > MOST_COST)


def _count_steps(meter: Meter, tree: Path, backend: str) -> dict[int, Counts]:
    batches = {PRESETS[name].hidden_nodes: PRESETS[name].batch_size for name in NAMES}
    return {nodes: count_step(meter, tree, backend, nodes, batches[nodes]) for nodes in batches}


def _older_tree(meter: Meter) -> Path:
    """Unpack the earlier version of the kit, beside the rows."""
    folder = meter.data / BEFORE
    archive = subprocess.run(["git", "archive", BEFORE, "nn"], cwd=PROJECT, capture_output=True)
    if archive.returncode:
        raise MachineError(f"git has no commit {BEFORE} here: use a full clone, not a shallow one")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tree:
        tree.extractall(folder, filter="data")
    return folder


def _check(now: Counts) -> int:
    """Compare with the recorded misses; return 1 if they have grown."""
    code = 0
    for name, before in json.loads(BASELINE.read_text()).items():
        misses = getattr(now, name)
        print(
            f"sparse step, 200 nodes, bundled sample: {misses:,.0f} {name} per row, "
            f"{before:,} recorded"
        )
        if misses > MOST_GROWTH * before:
            print(
                f"error: {name} of the sparse step grew from {before:,} to {misses:,.0f} per row: "
                "look for a copy, or run 'make bench-cache' to record them, and explain why",
                file=sys.stderr,
            )
            code = 1
    return code


def _say(message: str) -> None:
    print(f"bench-cache: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
