"""Kill commands at random moments."""

import random
import shutil
import time
from collections import Counter
from pathlib import Path

from tests.campaigns.power_cuts.jobs import DEADLINE_SECONDS, Job, run
from tests.campaigns.power_cuts.judge import View, temporary_files

_MOST_KILLS = 3  # of one training, before it may end


class Trial:
    """One job, whose unbroken run is known.

    Parameters
    ----------
    job : Job
    folder : Path
        For its work; made when missing.

    Attributes
    ----------
    view : View
        What may be in the job's folder.
    """

    def __init__(self, job: Job, folder: Path):
        self.job, self.folder = job, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._before, after = folder / "before", folder / "after"
        job.prepare(self._before)
        shutil.copytree(self._before, after)
        self.seconds_to_begin, self.seconds = self._time(after)
        self.view = View(self._before, after)

    def place(self) -> Path:
        """Return a folder as it is before the command, with its files' times."""
        place = self.folder / "now"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._before, place)
        return place

    def finish(self, place: Path) -> list[str]:
        """Run the command to its end; say in what the folder is not that of an unbroken run."""
        words = self.job.words
        if words[:2] == ("data", "convert") and "--force" not in words:
            words = (*words, "--force")
        run(words, place, self.job.before)
        return self.view.unfinished(place)

    def _time(self, folder: Path) -> tuple[float, float]:
        """Measure seconds to the work's begin, where the command tells it, and to its end."""
        start = time.perf_counter()
        process = self.job.start(folder)
        line = process.stderr.readline() if self.job.trains else ""
        begun = time.perf_counter() - start if line else 0.0
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
        if process.returncode:
            raise AssertionError(f"{self.job.name}: exit code {process.returncode}: {errors}")
        return begun, time.perf_counter() - start


def kill_at_random(trial: Trial, dice: random.Random, counts: Counter) -> list[str]:
    """Kill one job, a training perhaps again and again, and let it end; return complaints."""
    place = trial.place()
    complaints = []
    for _ in range(dice.randint(1, _MOST_KILLS) if trial.job.trains else 1):
        counts["kills"] += 1
        if _kill_one(trial, place, dice):
            counts["while at work"] += 1
        complaints += trial.view.complaints(place)
        counts["files seen"] += sum(path.is_file() for path in place.rglob("*"))
        counts["checkpoints left"] += len(list(place.glob("*.checkpoint-*")))
        counts["temporary files left"] += len(temporary_files(place))
    return complaints + [f"after its end: {each}" for each in trial.finish(place)]


def _kill_one(trial: Trial, place: Path, dice: random.Random) -> bool:
    """Start the command and kill it; tell whether that met it alive and at its work."""
    process = trial.job.start(place)
    begun = dice.uniform(0, 1) < 0.8 and trial.job.trains
    if begun:  # most kills are to meet the training, not the imports before
        process.stderr.readline()
    time.sleep(dice.uniform(0, trial.seconds - trial.seconds_to_begin * begun))
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive and (begun or not trial.job.trains)
