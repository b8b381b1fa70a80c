"""Give inputs to one reader, and hold each to what may never happen.

No exception but the kit's own, no warning, no more than two seconds, no more than 200 MB, no wrong
row accepted and no right one refused. A sample goes through the real command line as well.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from nn.cli.summary import cost
from tests.campaigns import PROJECT
from tests.campaigns.fuzz.formats import Files, Format, write_files
from tests.campaigns.fuzz.mutations import CHOICE_BYTES, Choices

LONGEST_SECONDS = 2.0  # of the processor's time: the machine may be busy with something else
LARGEST_MB = 200
COMMAND_SECONDS = 60  # with the imports, on a busy machine
BATCH = 16  # inputs to each of hypothesis's examples, whose own cost is that of several


class Hang(BaseException):
    """A reader took too long; no `except Exception` shall catch it."""


@dataclass
class Tally:
    """What became of the inputs so far."""

    inputs: int = 0
    accepted: int = 0
    commands: int = 0
    slowest_seconds: float = 0.0
    peak_mb: float = 0.0

    def add(self, other: "Tally") -> None:
        """Add those of another process."""
        self.inputs += other.inputs
        self.accepted += other.accepted
        self.commands += other.commands
        self.slowest_seconds = max(self.slowest_seconds, other.slowest_seconds)
        self.peak_mb = max(self.peak_mb, other.peak_mb)


def try_reader(
    reader: Format, files: Files, folder: Path, tally: Tally, through_command: bool = False
) -> None:
    """Let a reader have the files, in a folder of its own.

    Raises
    ------
    AssertionError, Exception
        When something happened that may never happen.
    """
    write_files(folder, files)
    started = time.process_time()
    with _time_limit():
        accepted = reader.accepts(folder, files)
    tally.slowest_seconds = max(tally.slowest_seconds, time.process_time() - started)
    if through_command:
        _try_command(reader, folder, accepted and not reader.always_refused)
    tally.inputs += 1
    tally.accepted += accepted
    tally.commands += through_command


def try_many(
    reader: Format, inputs: int, seed_of_run: int, tally: Tally, commands_every: int
) -> None:
    """Draw inputs by hypothesis and try them all; raises as `try_reader`, with the input shrunk."""

    @seed(seed_of_run)
    @settings(
        max_examples=max(1, inputs // BATCH),
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(choices=st.binary(min_size=BATCH * CHOICE_BYTES, max_size=BATCH * CHOICE_BYTES))
    def trial(choices: bytes) -> None:
        for start in range(0, len(choices), CHOICE_BYTES):
            files = reader.make(Choices(choices[start : start + CHOICE_BYTES]))
            through_command = tally.inputs % commands_every == commands_every - 1
            try_reader(reader, files, folder, tally, through_command)
        check_memory(tally)

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        with chdir(folder), warnings.catch_warnings():
            warnings.simplefilter("error")
            trial()
    except Exception as error:  # the folder stays, with the input as small as it could be made
        error.add_note(f"The files are in {folder}")
        raise
    shutil.rmtree(folder)


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise AssertionError in what runs for too long."""
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)
    try:
        yield
    except Hang:
        raise AssertionError(f"took over {LONGEST_SECONDS:.0f} s") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _stop(_number, _frame) -> None:
    raise Hang


def check_memory(tally: Tally) -> None:
    """Raise AssertionError, once, when too much memory has been in use."""
    peak = cost()["peak_rss_mb"]
    if peak >= LARGEST_MB:
        Path("/proc/self/clear_refs").write_text("5")  # forget it: the next input may do better
        raise AssertionError(f"took {peak:.0f} MB")
    tally.peak_mb = max(tally.peak_mb, peak)


def _try_command(reader: Format, folder: Path, accepted: bool) -> None:
    """Give the same files to ``python -m nn``: exit code 0, or 1 and one line."""
    result = subprocess.run(
        [sys.executable, "-m", "nn", *reader.command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "XDG_CACHE_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    told = f"exit code {result.returncode}, said {result.stderr!r}"
    if accepted:
        assert (result.returncode, result.stderr) == (0, ""), told
    else:
        assert result.returncode == 1, told
        *before, last, end = result.stderr.split("\n")
        assert last.startswith("error: "), told
        assert end == "", told
        # what `train` says it will do
        assert all(line.startswith(("Preset ", "Data: ")) for line in before), told
        assert result.stdout == "", told
