"""Cut a command at each system call on its files, by strace: killed there, or told of an error."""

import itertools
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.power_cuts.jobs import DEADLINE_SECONDS
from tests.campaigns.power_cuts.moments import Trial

# What changes files, or decides whether they are changed
CHANGING = "openat write fsync chmod rename unlink mkdir flock close ftruncate".split()
WAYS = ("signal=SIGKILL", "error=EIO", "error=ENOSPC")
_BY_NAME = ("openat", "chmod", "rename", "unlink", "mkdir")
_CALL = re.compile(r"^(\w+)\((.*)\) += \S+")


@dataclass(frozen=True)
class Call:
    """A system call: name, arguments and result as strace writes them.

    Attributes
    ----------
    ordinal : int
        Which of the process's calls of that name it is, counted from 1.
    """

    name: str
    arguments: str
    result: str
    ordinal: int


def missing_tool() -> str | None:
    """Say why commands cannot be traced here, or None."""
    if not shutil.which("strace"):
        return "no strace: apt install strace"
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return None if probe.returncode == 0 else f"strace: {probe.stderr.strip()}"


def trace(trial: Trial, place: Path) -> list[Call]:
    """Run the job to its end; return its system calls on the files that it writes."""
    log = trial.folder / "strace.log"
    options = ["strace", "-y", "-o", str(log), "-e", f"trace={','.join(CHANGING)}"]
    process = trial.job.start(place, tuple(options))
    _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    if process.returncode:
        raise AssertionError(f"{trial.job.name} under strace: {errors}")
    calls = _on_written_files(_parsed(log.read_text()), place)
    return list(itertools.dropwhile(_is_listing, calls))  # Python's own, for modules to import


def _parsed(log: str) -> Iterator[Call]:
    counts: Counter = Counter()
    for line in log.splitlines():
        if match := _CALL.match(line):
            name, arguments = match.groups()
            counts[name] += 1
            yield Call(name, arguments, line.rpartition(" = ")[2], counts[name])


def _on_written_files(calls: Iterable[Call], place: Path) -> Iterator[Call]:
    """Leave out what is not below a folder, and files that are only read."""
    only_read: dict[str, bool] = {}
    for call in calls:
        if call.name in _BY_NAME:
            names = re.findall(r'"([^"]*)"', call.arguments)
            here = any(
                not name.startswith("/") or Path(name).is_relative_to(place) for name in names
            )
        else:
            descriptor, path = re.match(r"(\d+)<([^>]*)>", call.arguments).groups()
            here = Path(path).is_relative_to(place) and not only_read.get(descriptor)
        if call.name == "openat" and (opened := re.match(r"(\d+)<([^>]*)>", call.result)):
            descriptor, path = opened.groups()
            only_read[descriptor] = "O_RDONLY" in call.arguments and not _is_folder_or_part(path)
            here = here and not only_read[descriptor]
        if here:
            yield call


def _is_listing(call: Call) -> bool:
    return "O_DIRECTORY" in call.arguments or call.name == "close"


def _is_folder_or_part(path: str) -> bool:
    return Path(path).is_dir() or path.endswith(".part")


def cuts(calls: list[Call], every: bool = False) -> Iterator[tuple[Call, str]]:
    """List what is done to a job: each call with the way in which it is cut.

    Unless `every` one is asked for, of a row of writes to one file the first, the middle one and
    the last stand for all.
    """
    for _, row in itertools.groupby(calls, key=_row):
        row = list(row)
        some = {0, len(row) // 2, len(row) - 1}
        for number in range(len(row)) if every else sorted(some):
            for way in WAYS:
                if way != "error=ENOSPC" or row[number].name == "write":
                    yield row[number], way


def _row(call: Call) -> object:
    """Tell the rows of writes apart; any other call is a row of its own."""
    return call.arguments.partition(",")[0] if call.name == "write" else call.ordinal


def cut(trial: Trial, call: Call, way: str, counts: Counter) -> list[str]:
    """Run a job and cut it once; let it end afterwards; return complaints."""
    place = trial.place()
    log = trial.folder / "cut.log"
    inject = f"inject={call.name}:{way}:when={call.ordinal}"
    options = ["strace", "-o", str(log), "-e", f"trace={call.name}", "-e", inject]
    process = trial.job.start(place, tuple(options))
    _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    counts[way] += 1
    complaints = trial.view.complaints(place)
    if way == "signal=SIGKILL":
        if process.returncode != -signal.SIGKILL:
            complaints.append(f"was not killed: exit code {process.returncode}")
    else:
        complaints += _manners(process.returncode, errors)
        if "(INJECTED)" not in log.read_text():
            complaints.append("the call did not come")
        counts[f"exit code {process.returncode}"] += 1
    if trial.view.unfinished(place):
        complaints += [f"after its end: {each}" for each in trial.finish(place)]
    return complaints


def _manners(code: int, errors: str) -> list[str]:
    """Say how a command that met an error should not have ended: but well, or with one line."""
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    if "Traceback" in errors:
        return [f"traceback: {errors.splitlines()[-1]}"]
    if (code, len(lines)) not in ((0, 0), (1, 1)):
        return [f"exit code {code} with {len(lines)} error lines"]
    return []
