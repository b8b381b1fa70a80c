"""What each ingredient of presets `best` and `best-night` brings: `make measure-best`.

Each ingredient is left out in turn, and the network trained on MNIST's first 50,000
training digits and tested on the 10,000 others, which were also used to choose the settings. Only
the presets themselves are trained on all 60,000 and tested on the 10,000 test digits.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from nn.data.dataset import ArrayDataset
from nn.errors import KitError
from nn.presets import PRESETS, Preset
from scripts.bench.digits import find_mnist
from scripts.bench.markers import write_between
from scripts.bench.preset_seeds import load, measure

HELD_BACK = 10_000  # the last of the training digits
SEEDS = range(1, 6)
WITHOUT = {
    "as it is": {},
    "half the hidden nodes": {},
    "a learning rate that stays": {"final_learning_rate": None},
    "targets 0.01 and 0.99": {"target_low": None},
    "no shifts, turns, stretches and slants": {"affine": None},
    "no elastic distortions": {"elastic": None},
    "no distortions": {"affine": None, "elastic": None},
    "the book's rule, `multiply`": {"rule": "multiply"},
}


TESTED = "**trained on all 60,000, test digits**"


def main() -> int:
    """Train with and without each ingredient, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=["best", "best-night"], metavar="PRESET")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="default: %(default)s")
    parser.add_argument("--report", metavar="FILE", help="write the table between its markers")
    arguments = parser.parse_args()
    try:
        source = find_mnist(_say)
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    with ProcessPoolExecutor(arguments.jobs) as pool:
        columns = {}
        for name in arguments.presets:
            columns[name] = {
                what: [pool.submit(accuracy, preset, seed, source.train, None) for seed in SEEDS]
                for what, preset in variants(PRESETS[name]).items()
            }
            columns[name][TESTED] = [
                pool.submit(accuracy, PRESETS[name], seed, source.train, source.test)
                for seed in SEEDS
            ]
        measured = {}
        for name, column in columns.items():
            measured[name] = {}
            for what, futures in column.items():
                measured[name][what] = [each.result() for each in futures]
                _say(f"{name}, {what}: {_cell(measured[name][what])}")
    text = "\n".join(table(measured))
    print(text)
    if arguments.report:
        write_between(Path(arguments.report), "measure-best", text)
    return 0


def variants(preset: Preset) -> dict[str, Preset]:
    """Return a preset without each of its ingredients, and as it is."""
    changes = WITHOUT | {"half the hidden nodes": {"hidden_nodes": preset.hidden_nodes // 2}}
    if preset.final_learning_rate:  # their mean, or it would be too high at the end
        mean = (preset.learning_rate + preset.final_learning_rate) / 2
        changes["a learning rate that stays"] |= {"learning_rate": mean}
    return {what: replace(preset, **change) for what, change in changes.items()}


loaded = cache(load)  # once in each process


def accuracy(preset: Preset, seed: int, train: Path, test: Path | None) -> float:
    """Train with a seed, and test on a file; None for the digits held back from the training."""
    training_set = loaded(train)
    if test:
        test_set = loaded(test)
    else:
        pixels, labels = training_set.pixels, training_set.labels
        test_set = ArrayDataset(pixels[-HELD_BACK:], labels[-HELD_BACK:])
        training_set = ArrayDataset(pixels[:-HELD_BACK], labels[:-HELD_BACK])
    return measure(replace(preset, seed=seed), training_set, test_set, "auto")


def table(measured: dict[str, dict[str, list[float]]]) -> list[str]:
    """Write a row for each variant and a column for each preset."""
    lines = [
        "| mean (lowest to highest) | " + " | ".join(f"`{name}`" for name in measured) + " |",
        "|---|" + "---|" * len(measured),
    ]
    for what in next(iter(measured.values())):
        lines.append(f"| {what} | {' | '.join(_cell(each[what]) for each in measured.values())} |")
    lines += ["", f"{len(SEEDS)} trainings per figure, on the digits held back but for the last."]
    return lines


def _cell(accuracies: list[float]) -> str:
    low, mean, high = min(accuracies), np.mean(accuracies), max(accuracies)
    return f"{mean:.2%} ({low:.2%} to {high:.2%})"


def _say(message: str) -> None:
    print(f"measure-best: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
