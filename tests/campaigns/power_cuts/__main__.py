"""Run the campaign: `make test-power-cuts`."""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.campaigns.power_cuts import disk, report, system_calls
from tests.campaigns.power_cuts.jobs import SHORT, TRAININGS, WRITERS, Job, download
from tests.campaigns.power_cuts.mirror import served
from tests.campaigns.power_cuts.moments import Trial, kill_at_random

PROGRESS = bool(os.environ.get("PROGRESS")) or sys.stderr.isatty()


def main() -> int:
    """Run all of it, write the report, and return 1 when there was any complaint."""
    arguments = _arguments()
    if problem := system_calls.missing_tool():
        sys.exit(f"power_cuts: {problem}")
    mnist = os.environ.get("MNIST_DIR")
    if not mnist:
        _say("MNIST_DIR is not set: 'data fetch' is left out")
    with (
        tempfile.TemporaryDirectory(prefix="pi-nn-power-cuts-") as folder,
        ThreadPoolExecutor(arguments.at_once) as at_once,
        served(Path(mnist or folder)) as address,
    ):
        everywhere = (Path(folder), at_once)
        downloads = (download("data fetch", str(Path(mnist).resolve())),) if mnist else ()
        over_http = (download("data fetch, over HTTP", address),) if mnist else ()
        jobs = (*TRAININGS, *WRITERS, *downloads, *over_http)
        moments = _begin_moments(jobs, arguments, *everywhere)
        calls = [at_once.submit(_calls, job, Path(folder)) for job in (*SHORT, *downloads)]
        by_moment = dict(each.result() for each in moments)
        by_call = {name: counts for name, counts, _ in (each.result() for each in calls)}
        on_disk = {name: counts for name, _, counts in (each.result() for each in calls)}
    text = report.head(arguments.seed) + report.moments(by_moment)
    text += report.system_calls(by_call) + report.disk(on_disk)
    Path(arguments.report).write_text(text)
    print(text)
    everything = [*by_moment.values(), *by_call.values(), *on_disk.values()]
    return 1 if any(counts["complaints"] for counts in everything) else 0


def _arguments():
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.power_cuts", description=__doc__
    )
    parser.add_argument("--runs", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--at-once", type=int, default=os.cpu_count(), help="default: each core's")
    parser.add_argument("--report", metavar="FILE", required=True)
    return parser.parse_args()


def _begin_moments(jobs, arguments, folder: Path, at_once: ThreadPoolExecutor) -> list[Future]:
    """Begin to kill each job at random moments; trainings have three quarters of the runs."""
    trainings = [job for job in jobs if job.trains]
    others = [job for job in jobs if not job.trains]
    runs = Counter(trainings[number % len(trainings)] for number in range(arguments.runs * 3 // 4))
    runs.update(others[number % len(others)] for number in range(arguments.runs - runs.total()))
    return [
        at_once.submit(_moments, job, count, arguments.seed, folder) for job, count in runs.items()
    ]


def _moments(job: Job, runs: int, seed: int, folder: Path) -> tuple[str, Counter]:
    """Kill one job at random moments."""
    trial = Trial(job, folder / "moments" / job.name)
    dice, counts = random.Random(f"{seed} {job.name}"), Counter(runs=runs)
    for number in range(runs):
        complaints = kill_at_random(trial, dice, counts)
        counts["complaints"] += len(complaints)
        _tell(f"{number + 1}/{runs} {job.name}", complaints)
    return job.name, counts


def _calls(job: Job, folder: Path) -> tuple[str, Counter, Counter]:
    """Cut one job at each of its calls; play them on the disk that forgets."""
    trial = Trial(job, folder / "calls" / job.name)
    calls = system_calls.trace(trial, trial.place())
    counts = Counter(calls=len(calls))
    cuts = list(system_calls.cuts(calls, every=job.trains))
    for number, (call, way) in enumerate(cuts, start=1):
        complaints = system_calls.cut(trial, call, way, counts)
        counts["complaints"] += len(complaints)
        _tell(f"{number}/{len(cuts)} {job.name}: {way} at {call.name} {call.ordinal}", complaints)
    return job.name, counts, _on_disk(trial, calls)


def _on_disk(trial: Trial, calls) -> Counter:
    place = trial.place()
    complaints, states = disk.violations(calls, place)
    unsafe, _ = disk.violations(disk.without_syncs(calls), place)
    _tell(f"{trial.job.name}: the disk that forgets", complaints)
    return Counter(
        {
            "calls": len(calls),
            "states": states,
            "complaints": len(complaints),
            "without syncs": len(unsafe),
        }
    )


def _tell(what: str, complaints: list[str]) -> None:
    if complaints or PROGRESS:
        _say(f"{what}: {'; '.join(complaints) or 'well'}")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
