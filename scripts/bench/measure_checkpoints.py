"""Measure the cost of saving during training: `make measure-checkpoints`.

Each preset is trained for some minutes with and without saves, on the same digits. The result is
the time spent in saves, including the checksum of the digits: the total time varies more than that
from run to run, as the last column shows. Exits with 1 if a share is above 2 %.
"""

import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from nn.data.checksum import checksum
from nn.data.dataset import Dataset, open_dataset
from nn.data.sources import find_source
from nn.presets import PRESETS, Preset
from nn.saving.autosaver import Autosaver
from nn.saving.checkpoint import CheckpointFiles
from nn.training import train

SECONDS = 150.0  # of each training: long enough for a save every minute
MOST_PERCENT = 2.0


@dataclass(frozen=True)
class Cost:
    """One training: epochs, seconds, saves, seconds spent saving, and seconds without saves."""

    epochs: int
    seconds: float
    saves: int
    seconds_saving: float
    seconds_checksum: float
    seconds_without: float

    @property
    def percent(self) -> float:
        """Return the share of the time spent on saving."""
        return 100 * (self.seconds_saving + self.seconds_checksum) / self.seconds


def main() -> int:
    """Measure each preset, print the table."""
    source = find_source(environ=os.environ, offline=True)
    dataset = open_dataset(source.train)
    print(f"{source}; {SECONDS:.0f} s per training\n")
    print(
        "| preset | epochs | saves | time of a save | checksum | share | total time, with/without |"
    )
    print("|---|---|---|---|---|---|---|")
    dear = False
    for name in sys.argv[1:] or ("pi-zero", "book", "rotations"):
        cost = _measure(PRESETS[name], dataset)
        each = 1000 * cost.seconds_saving / max(1, cost.saves)
        print(
            f"| `{name}` | {cost.epochs} | {cost.saves} | {each:.0f} ms | "
            f"{1000 * cost.seconds_checksum:.0f} ms | **{cost.percent:.2f} %** | "
            f"{cost.seconds / cost.seconds_without:.3f} |",
            flush=True,
        )
        dear = dear or cost.percent > MOST_PERCENT
    return 1 if dear else 0


def _measure(preset: Preset, dataset: Dataset) -> Cost:
    epochs = math.ceil(SECONDS / _train(preset, dataset, 1, None))
    without = _train(preset, dataset, epochs, None)
    checksum_seconds = []

    def identity() -> dict:
        if not checksum_seconds:  # as the command line does: once
            start = time.perf_counter()
            checksum(dataset.files())
            checksum_seconds.append(time.perf_counter() - start)
        return {}

    with tempfile.TemporaryDirectory(dir=".") as folder:  # on this disk: /tmp may be memory
        autosaver = Autosaver(CheckpointFiles(Path(folder) / "model.npz"), identity)
        seconds = _train(preset, dataset, epochs, autosaver)
    return Cost(epochs, seconds, autosaver.saves, autosaver.seconds, sum(checksum_seconds), without)


def _train(preset: Preset, dataset: Dataset, epochs: int, autosaver: Autosaver | None) -> float:
    start = time.perf_counter()
    train(
        preset.network(),
        dataset,
        **preset.training() | {"epochs": epochs},
        autosaver=autosaver,
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
