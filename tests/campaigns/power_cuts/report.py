"""The campaign's report, as Markdown."""

import platform
from datetime import date

import numpy as np

_TITLE = """# Power cuts: the last full run

`make test-power-cuts` kills the kit's commands in the middle of their work, compares every file
that has its final name with those of an undisturbed run, then lets the command finish and compares
the result: for a training, the SHA-256 of the weights. The tests run a short form of it.
"""
_MOMENTS = """
## SIGKILL at random moments

{kills} kills in {runs} runs of real processes; most trainings were killed several times before they
could finish. {at_work} of the kills hit the command at work, the others its imports or its end.

| command | runs | kills | at work | files seen | checkpoints left | temporary left | complaints |
|---|---|---|---|---|---|---|---|
"""
_CALLS = """
## Cut at each system call

Every call by which a command opens, writes, syncs, names or removes its files, one after another
(of several writes to one file: all of a training's; otherwise the first, the middle one and the
last). The process is killed as it makes the call, or the call fails with EIO, or a write with
ENOSPC. A command that meets an error must succeed, or end with one line and exit code 1.

| command | calls | killed | EIO | ENOSPC | ended with 0 | ended with 1 | complaints |
|---|---|---|---|---|---|---|---|
"""
_DISK = """
## A disk that forgets

The same system calls, replayed up to each of them on a disk that has lost everything that was not
synced. To show that the check works, the last column counts the complaints about the same calls
without their syncs.

| command | calls | states of the disk | complaints | without syncs |
|---|---|---|---|---|
"""


def head(seed: int) -> str:
    """Write the title, and what this was run on."""
    kernel = f"Linux {platform.release()}, {platform.machine()}"
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    return f"{_TITLE}\n{date.today()}, seed {seed}, {kernel}, {versions}.\n"


def moments(counts_by_job: dict) -> str:
    """Write the table of kills at random moments."""
    total = sum(counts_by_job.values(), start=type(next(iter(counts_by_job.values())))())
    text = _MOMENTS.format(kills=total["kills"], runs=total["runs"], at_work=total["while at work"])
    columns = (
        "runs", "kills", "while at work", "files seen", "checkpoints left",
        "temporary files left", "complaints",
    )  # fmt: skip
    return text + _rows(counts_by_job, columns)


def system_calls(counts_by_job: dict) -> str:
    """Write the table of cut system calls."""
    columns = (
        "calls", "signal=SIGKILL", "error=EIO", "error=ENOSPC", "exit code 0", "exit code 1",
        "complaints",
    )  # fmt: skip
    return _CALLS + _rows(counts_by_job, columns)


def disk(counts_by_job: dict) -> str:
    """Write the table of the disk that forgets."""
    return _DISK + _rows(counts_by_job, ("calls", "states", "complaints", "without syncs"))


def _rows(counts_by_job: dict, columns: tuple[str, ...]) -> str:
    lines = (
        f"| `{name}` | " + " | ".join(f"{counts[column]:,}" for column in columns) + " |\n"
        for name, counts in counts_by_job.items()
    )
    return "".join(lines)
