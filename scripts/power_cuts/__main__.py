"""Run the campaign: `make test-power-cuts`."""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.power_cuts import disk, report, system_calls
from scripts.power_cuts.jobs import SHORT, TRAININGS, WRITERS, download
from scripts.power_cuts.moments import Trial, kill_at_random

PROGRESS = bool(os.environ.get("PROGRESS")) or sys.stderr.isatty()


def main() -> int:
    """Run all of it, write the report, and return 1 when there was any complaint."""
    arguments = _arguments()
    if problem := system_calls.missing_tool():
        sys.exit(f"power_cuts: {problem}")
    mnist = os.environ.get("MNIST_DIR")
    downloads = (download(Path(mnist).resolve()),) if mnist else ()
    if not mnist:
        _say("MNIST_DIR is not set: 'data fetch' is left out")
    with tempfile.TemporaryDirectory(prefix="pi-nn-power-cuts-") as folder:
        jobs = (*TRAININGS, *WRITERS, *downloads)
        with ThreadPoolExecutor() as at_once:
            moments = at_once.submit(_moments, jobs, Path(folder), arguments.runs, arguments.seed)
            calls = at_once.submit(_calls, (*SHORT, *downloads), Path(folder))
            by_moment, (by_call, on_disk) = moments.result(), calls.result()
    text = report.head(arguments.seed) + report.moments(by_moment)
    text += report.system_calls(by_call) + report.disk(on_disk)
    Path(arguments.report).write_text(text)
    print(text)
    everything = [*by_moment.values(), *by_call.values(), *on_disk.values()]
    return 1 if any(counts["complaints"] for counts in everything) else 0


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--report", metavar="FILE", required=True)
    return parser.parse_args()


def _moments(jobs, folder: Path, runs: int, seed: int) -> dict[str, Counter]:
    """Kill the jobs in turn; trainings have three turns of four."""
    dice = random.Random(seed)
    trials = [Trial(job, folder / f"{number}") for number, job in enumerate(jobs)]
    trainings = [trial for trial in trials if trial.job.trains]
    others = [trial for trial in trials if not trial.job.trains]
    counts = {trial.job.name: Counter() for trial in trials}
    for number in range(runs):
        turn = others if number % 4 == 3 else trainings
        trial = turn[number // 4 % len(turn)] if turn is others else turn[number % len(turn)]
        complaints = kill_at_random(trial, dice, counts[trial.job.name])
        counts[trial.job.name].update({"runs": 1, "complaints": len(complaints)})
        _tell(f"{number + 1}/{runs} {trial.job.name}", complaints)
    return counts


def _calls(jobs, folder: Path) -> tuple[dict[str, Counter], dict[str, Counter]]:
    """Cut each job at each of its calls; play them on the disk that forgets."""
    by_call, on_disk = {}, {}
    for number, job in enumerate(jobs):
        trial = Trial(job, folder / f"calls-{number}")
        place = trial.place()
        calls = system_calls.trace(trial, place)
        counts = by_call[job.name] = Counter(calls=len(calls))
        cuts = list(system_calls.cuts(calls))
        for done, (call, way) in enumerate(cuts, start=1):
            complaints = system_calls.cut(trial, call, way, counts)
            counts["complaints"] += len(complaints)
            _tell(f"{done}/{len(cuts)} {job.name}: {way} at {call.name} {call.ordinal}", complaints)
        on_disk[job.name] = _on_disk(trial, calls)
    return by_call, on_disk


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
