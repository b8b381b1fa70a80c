"""Flags that several commands share, and the types of their values."""

import argparse
import dataclasses
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from nn.cli.console import remark
from nn.errors import KitError
from nn.presets import HYPERPARAMETERS, Preset

if TYPE_CHECKING:  # which would import numpy
    from nn.data.labels import Labels
    from nn.data.sources import Source


class FlagError(KitError, ValueError):
    """Flags do not go together."""


def whole_number(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """Make an argument type: a whole number from `lowest` to `highest`."""
    span = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if number < lowest or (highest is not None and number > highest):
            raise argparse.ArgumentTypeError(f"expected a whole number {span}, got {text!r}")
        return number

    return convert


def number_above_zero(text: str) -> float:
    """Convert an argument to a finite number above zero."""
    return _number(text, "a number above 0", lambda number: number > 0)


def strength(text: str) -> float:
    """Convert an argument to a number from 0 to 10."""
    return _number(text, "a number from 0 to 10", lambda number: 0 <= number <= 10)


def share(text: str) -> float:
    """Convert an argument to a number from zero to below a half."""
    return _number(text, "a number from 0 to below 0.5", lambda number: 0 <= number < 0.5)


def degrees(text: str) -> float:
    """Convert an argument to an angle from 0 to 180 degrees."""
    return _number(text, "an angle from 0 to 180", lambda number: 0 <= number <= 180)


def seconds(text: str) -> float:
    """Convert an argument to a number of seconds, 0 or more."""
    return _number(text, "a number of seconds of at least 0", lambda number: number >= 0)


def _number(text: str, expected: str, fits: Callable[[float], bool]) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and fits(number)):
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
    return number


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which digits to use."""
    group = parser.add_argument_group(
        "data", "Without --train: MNIST_DIR, mnist_dataset/, a download, or the bundled sample."
    )
    group.add_argument(
        "--train", metavar="FILE", help="training digits: CSV or IDX, gzipped or not"
    )
    group.add_argument(
        "--test", metavar="FILE", help="test digits; default: the file beside --train"
    )
    group.add_argument(
        "--samples", type=whole_number(1), metavar="N", help="use only the first N training digits"
    )
    add_labels_flag(group)
    group.add_argument("--offline", action="store_true", help="do not try to download MNIST")


def add_labels_flag(parser) -> None:
    """Add --labels."""
    parser.add_argument(
        "--labels",
        metavar="LABELS",
        help="other labels than 0 to 9: how many (26), a range (1-26), or a file of names, one "
        "in a line",
    )


def add_mending_flags(parser) -> None:
    """Add --transpose and --invert."""
    parser.add_argument(
        "--transpose",
        action="store_true",
        help="swap rows and columns of each digit, as EMNIST needs it",
    )
    parser.add_argument(
        "--invert", action="store_true", help="turn light on a dark ground into dark on light"
    )


def given_labels(arguments) -> "Labels":
    """Return the labels that --labels describes, by default the ten digits."""
    from nn.data.labels import DIGITS, parse_labels  # with numpy: slow to import on a Pi

    return DIGITS if arguments.labels is None else parse_labels(arguments.labels)


def given_source(arguments, labels: "Labels") -> "Source":
    """Find the digits that --train, --test and --offline describe, by default MNIST."""
    from nn.data.sources import find_source

    return find_source(
        arguments.train,
        arguments.test,
        labels=labels,
        environ=os.environ,
        offline=arguments.offline,
        say=remark,
    )


def add_network_flags(group) -> None:
    """Add the flags of a network and its training steps; each overrides a preset's value."""
    group.add_argument(
        "--hidden-nodes",
        type=whole_number(1, 100_000),
        metavar="N",
        help="size of the hidden layer",
    )
    group.add_argument(
        "--batch-size",
        type=whole_number(1, 1000),
        metavar="N",
        help="digits per update; above 16, accuracy falls",
    )
    group.add_argument(
        "--learning-rate",
        type=number_above_zero,
        metavar="RATE",
        help="how far each update goes",
    )
    group.add_argument(
        "--seed", type=whole_number(0), metavar="N", help="seed of the initial weights"
    )


def overridden(preset: Preset, arguments) -> Preset:
    """Return a preset with the values of the flags that were given.

    Raises
    ------
    FlagError
        When they do not go together.
    """
    for name in HYPERPARAMETERS:
        if (given := getattr(arguments, name, None)) is not None:
            preset = dataclasses.replace(preset, **{name: given})
    if preset.final_learning_rate and preset.final_learning_rate > preset.learning_rate:
        raise FlagError(
            f"expected a final learning rate of at most the learning rate, "
            f"{preset.learning_rate:g}, got {preset.final_learning_rate:g}. Set both with "
            "--learning-rate and --final-learning-rate"
        )
    return preset


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, and nothing else, to stdout"
    )
