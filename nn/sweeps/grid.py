"""A grid of trainings: read from a TOML file, and taken apart into tasks."""

import itertools
import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nn.errors import KitError
from nn.presets import PRESETS, Preset

MOST_TASKS = 100_000
_EXAMPLE = "'seed = [1, 2, 3]'"

Task = dict[str, int | float | str | bool | None]


class GridError(KitError, ValueError):
    """A grid's file is missing, or does not hold a grid."""


@dataclass(frozen=True)
class Grid:
    """Trainings to compare: each learning rate with each number of hidden nodes and each seed.

    Attributes
    ----------
    preset : Preset
        The settings that are the same in all of them.
    learning_rate, hidden_nodes, seed : tuple
        The values to try.
    folds : int
        0 tests on the test digits. Otherwise, the training digits are divided into so many parts;
        each is the test once, and the others the training (cross-validation).
    answers : bool
        Whether each result keeps the answers to all test digits, so that networks can vote.
    """

    preset: Preset
    learning_rate: tuple[float, ...]
    hidden_nodes: tuple[int, ...]
    seed: tuple[int, ...] = (1,)
    folds: int = 0
    answers: bool = False

    def tasks(self, dataset: str) -> list[Task]:
        """List the trainings; with each, all that decides its result.

        The seeds and the folds are outermost: each cell has its first result early.

        Parameters
        ----------
        dataset : str
            The digits' name, as in `nn.data.sources.Source`.
        """
        shared = {"dataset": dataset, "folds": self.folds, "answers": self.answers}
        return [
            shared
            | replace(
                self.preset, learning_rate=rate, hidden_nodes=nodes, seed=seed
            ).hyperparameters()
            | {"fold": fold}
            for seed, fold, nodes, rate in itertools.product(
                self.seed, range(max(1, self.folds)), self.hidden_nodes, self.learning_rate
            )
        ]


@dataclass(frozen=True)
class _Value:
    """What a key of the file may hold."""

    expected: str
    fits: Callable[[object], bool]
    several: bool = False


def _whole(lowest: int, highest: float = math.inf) -> Callable[[object], bool]:
    return lambda value: type(value) is int and lowest <= value <= highest


def _is_rate(value: object) -> bool:
    try:
        return type(value) in (int, float) and math.isfinite(value) and value > 0
    except OverflowError:  # a whole number of 400 digits
        return False


_KEYS = {
    "preset": _Value(f"one of {', '.join(PRESETS)}", lambda value: value in [*PRESETS]),
    "rows": _Value("a whole number from 1 to 1000000", _whole(1, 1_000_000)),
    "epochs": _Value("a whole number from 1 to 10000", _whole(1, 10_000)),
    "batch_size": _Value("a whole number from 1 to 1000", _whole(1, 1000)),
    "learning_rate": _Value("numbers above 0", _is_rate, several=True),
    "hidden_nodes": _Value("whole numbers from 1 to 100000", _whole(1, 100_000), several=True),
    "seed": _Value("whole numbers from 0 to 2^64 - 1", _whole(0, 2**64 - 1), several=True),
    "folds": _Value("a whole number from 2 to 100", _whole(2, 100)),
    "answers": _Value("true or false", lambda value: type(value) is bool),
}


def read_grid(path: str | Path) -> Grid:
    """Read a grid from a TOML file.

    Raises
    ------
    GridError
        When the file is missing or not TOML, or a key is unknown or has an unexpected value; with
        file, line and key.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        found = tomllib.loads(text)
    except FileNotFoundError:
        raise GridError(f"{path}: no such grid. docs/sweeps.md shows how to write one") from None
    except UnicodeDecodeError:
        raise GridError(f"{path}: expected text in UTF-8, got other bytes") from None
    except tomllib.TOMLDecodeError as error:
        raise GridError(_with_line(str(path), str(error))) from None
    except RecursionError:
        raise GridError(f"{path}: expected TOML such as {_EXAMPLE}: too many brackets") from None
    except ValueError:  # of a path with a NUL, or of Python for a number of 5,000 digits
        if "\0" in str(path):
            raise GridError(f"expected the path of a grid, got {str(path)!r}") from None
        raise GridError(f"{path}: expected TOML such as {_EXAMPLE}: a number is too long") from None
    for key, value in found.items():
        where = f"{path}:{_line_of(key, text)}: {key}"
        if key not in _KEYS:
            raise GridError(f"{where} is unknown: expected one of {', '.join(_KEYS)}")
        known = _KEYS[key]
        if known.several and not (isinstance(value, list) and value):
            raise GridError(f"{where}: expected a list of {known.expected}, got {_short(value)}")
        for each in value if known.several else [value]:
            if not known.fits(each):
                raise GridError(f"{where}: expected {known.expected}, got {_short(each)}")
        if known.several and len(set(value)) < len(value):
            twice = next(each for number, each in enumerate(value) if each in value[:number])
            raise GridError(f"{where}: expected different values, got {_short(twice)} twice")
    preset = PRESETS[found.get("preset", "pi-zero-100")]
    settings = {name: found[name] for name in ("epochs", "batch_size") if name in found}
    preset = replace(preset, samples=found.get("rows", preset.samples), **settings)
    grid = Grid(
        preset,
        learning_rate=tuple(map(float, found.get("learning_rate", [preset.learning_rate]))),
        hidden_nodes=tuple(found.get("hidden_nodes", [preset.hidden_nodes])),
        seed=tuple(found.get("seed", [preset.seed])),
        folds=found.get("folds", 0),
        answers=found.get("answers", False),
    )
    sizes = map(len, (grid.learning_rate, grid.hidden_nodes, grid.seed))
    tasks = math.prod(sizes) * max(1, grid.folds)
    if tasks > MOST_TASKS:
        raise GridError(f"{path}: expected at most {MOST_TASKS:,} trainings, got {tasks:,}")
    lowest, final = min(grid.learning_rate), preset.final_learning_rate
    if final and lowest < final:
        raise GridError(
            f"{path}:{_line_of('learning_rate', text)}: learning_rate: expected at least "
            f"{final:g}, to which preset {preset.name} falls, got {lowest:g}"
        )
    if grid.folds and preset.samples and preset.samples < grid.folds:
        line = _line_of("folds", text)
        raise GridError(
            f"{path}:{line}: folds: expected at most one for each of {preset.samples} rows, "
            f"got {grid.folds}"
        )
    if grid.folds and grid.answers:
        raise GridError(
            f"{path}:{_line_of('answers', text)}: answers: expected no vote with folds: each fold "
            "has other digits"
        )
    return grid


def _short(value: object) -> str:
    """Write a value for a message."""
    try:
        text = repr(value)
    except ValueError:  # Python writes whole numbers of up to 4,300 digits
        return "a number that is too long"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line_of(key: str, text: str) -> int:
    """Return the number of the line that sets a key, or opens the table of that name."""
    pattern = rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[]=.]"""
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if re.match(pattern, line)), 1)


def _with_line(path: str, message: str) -> str:
    """Put the line of tomllib's message, which is at its end, behind the file's name."""
    reason, _, place = message.partition(" (at ")
    line = re.search(r"line (\d+)", place)
    where = f"{path}:{line[1]}" if line else f"{path}, at its end"
    return f"{where}: expected TOML such as {_EXAMPLE}: {reason}"
