"""Measure each preset on MNIST over five seeds: `make measure-presets`.

Prints the values of accuracy and seconds in nn/presets.py.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from nn.presets import PRESETS

SEEDS = range(1, 6)


def main() -> None:
    """Train each preset with each seed; print accuracy and seconds as they go into the source."""
    for name in sys.argv[1:] or PRESETS:
        runs = [_run(name, seed) for seed in SEEDS]
        accuracy = [run["accuracy"] for run in runs]
        seconds = statistics.median(run["seconds_total"] for run in runs)
        print(
            f"{name}: accuracy=({statistics.mean(accuracy):.4f}, {min(accuracy):.4f}, "
            f"{max(accuracy):.4f}), seconds={seconds:.1f}",
            flush=True,
        )


def _run(preset: str, seed: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.npz"
        flags = ["--preset", preset, "--seed", str(seed), "--model", str(model), "--json"]
        command = [sys.executable, "-m", "nn", "train", *flags]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
    summary = json.loads(result.stdout)
    if summary["dataset"] != "MNIST":
        sys.exit("measure_presets: needs MNIST: set MNIST_DIR, or run 'make fetch'")
    return summary


if __name__ == "__main__":
    main()
