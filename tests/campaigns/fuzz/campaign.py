"""Run all formats, each in a process of its own, and write the report."""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from tests.campaigns import PROJECT
from tests.campaigns.fuzz.trial import LARGEST_MB, LONGEST_SECONDS, Tally

ATHERIS = "CSV, atheris"
# Shares of all inputs: the byte parser has most to get wrong, and the cheapest inputs.
SHARES = {ATHERIS: 0.5, "CSV": 0.1, "gzip": 0.1} | dict.fromkeys(
    ("IDX", "image", "model", "checkpoint"), 0.075
)
INPUTS_A_PROCESS = 20_000  # of atheris, which takes some 4 KB more with each
COMMANDS = 100  # inputs of each format that go through the real command line, too
PACKAGES = ("hypothesis", "atheris", "numpy", "pillow")


def main() -> int:
    """Run the campaign; exit code 1 when anything was found."""
    arguments = _arguments()
    started = time.monotonic()
    tallies = {}
    for name, share in SHARES.items():
        inputs = round(arguments.inputs * share)
        tally = _run(name, inputs, arguments.seed)
        if tally is None:
            print(f"{name}: a finding, told above: no report is written", file=sys.stderr)
            return 1
        tallies[name] = tally
        minutes = (time.monotonic() - started) / 60
        told = f"{name}: {tally.inputs:,} inputs, nothing found, {minutes:.0f} minutes so far"
        print(told, file=sys.stderr, flush=True)
    report = _report(tallies, arguments.seed, time.monotonic() - started)
    if arguments.report:
        arguments.report.write_text(report)
    print(report)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.fuzz", description=__doc__)
    parser.add_argument(
        "--inputs", type=int, default=1_050_000, help="in all; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--report", type=Path, metavar="FILE.md", help="write the report here, too")
    return parser.parse_args()


def _run(name: str, inputs: int, seed: int) -> Tally | None:
    """Run one format under a progress bar; return what became of its inputs, or None at a finding.

    That is one process by hypothesis, or several by atheris, one after the other on one corpus.
    """
    total = Tally()
    bar = tqdm(total=inputs, desc=name, unit=" inputs", leave=False, disable=None)
    with bar, tempfile.TemporaryDirectory() as corpus:
        for words in _processes(name, inputs, seed, corpus):
            tally = Tally()
            with subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
                for tally in _tallies(process.stdout):
                    bar.update(total.inputs + tally.inputs - bar.n)
            if process.returncode:
                return None
            total.add(tally)
    return total


def _processes(name: str, inputs: int, seed: int, corpus: str) -> Iterator[list[str]]:
    """Give the commands that try one format, one after the other."""
    if name != ATHERIS:
        module = "tests.campaigns.fuzz.one_format"
        yield [sys.executable, "-m", module, name, str(inputs), str(seed), str(COMMANDS)]
        return
    for number, start in enumerate(range(0, inputs, INPUTS_A_PROCESS)):
        count = min(INPUTS_A_PROCESS, inputs - start)
        own_seed = str(seed * 1000 + number)
        module = "tests.campaigns.fuzz.byte_parser"
        yield [sys.executable, "-m", module, str(count), own_seed, corpus]


def _tallies(lines) -> Iterator[Tally]:
    """Read the tallies among what a process prints, and pass on the rest."""
    for line in lines:
        if line.startswith("{"):
            yield Tally(**json.loads(line))
        else:
            print(line, end="", file=sys.stderr)


def _report(tallies: dict[str, Tally], seed: int, seconds: float) -> str:
    """Write the report, in Markdown."""
    total = sum(tally.inputs for tally in tallies.values())
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    rows = [
        f"| {name} | {tally.inputs:,} | {tally.accepted:,} | {tally.inputs - tally.accepted:,} | "
        f"{tally.commands:,} | {tally.slowest_seconds:.3f} s | {tally.peak_mb:.0f} MB |"
        for name, tally in tallies.items()
    ]
    return _REPORT.format(
        total=total,
        rows="\n".join(rows),
        seed=seed,
        date=datetime.now(UTC).date().isoformat(),
        minutes=seconds / 60,
        python=platform.python_version(),
        machine=platform.machine(),
        versions=versions,
        seconds=LONGEST_SECONDS,
        megabytes=LARGEST_MB,
    )


_REPORT = """\
# Bad input: the fuzz campaign

**{total:,} inputs, nothing found.** Written by `make fuzz` on {date}: seed {seed},
{minutes:.0f} minutes, one {machine} core, Python {python}, {versions}.

| format | inputs | accepted | refused | of them through `python -m nn` | slowest | peak memory |
|---|---|---|---|---|---|---|
{rows}

Each input is a valid file with up to four edits: bits flipped, the end cut off, pieces removed,
inserted, copied or blanked, numbers and sizes changed (up to 2^64 - 1), and edits particular to the
format: other fields and separators in CSV, counts in IDX, width, height and corrected checksums in
PNG, shapes, types, settings and pickles in model files and checkpoints. "CSV, atheris" is the byte
parser of CSV only; its inputs are guided by the branches they reach.

Any of these would have ended the campaign:

- an exception other than the error that the command line turns into one line, or a warning;
- more than {seconds:.0f} s of processor time, or {megabytes} MB of memory in the reading process;
- rows that differ from those of the csv module, zlib and the plain IDX format, or are refused
  though these accept them; a picture that is not 784 pixels of ink; a model whose answers are not
  numbers; a pickle loaded; a whole file refused;
- from the command line, anything but exit code 0 and silence on standard error, or 1 and one line
  (`train` first says what it will do).

The tests run a few thousand inputs of the same kinds.
"""
