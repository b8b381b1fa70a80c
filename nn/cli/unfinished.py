"""A training that was broken off: find it, make sure it is the same, tell how to go on."""

import functools
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nn.cli.arguments import seconds
from nn.cli.console import remark, this_program
from nn.cli.signals import Interrupted
from nn.errors import KitError

if TYPE_CHECKING:  # which would import numpy
    from nn.presets import Preset
    from nn.saving.checkpoint import Checkpoint, Generations

_WAYS = "--re"  # what --resume, --resume-or-start and --restart begin with, written out or not


class UnfinishedError(KitError, RuntimeError):
    """There is a training where none was expected, or none where one was."""


def add_flags(parser) -> None:
    """Add the flags that say what to do about an unfinished training."""
    group = parser.add_argument_group(
        "broken off",
        "A training is saved beside its model until it is finished, and goes on from there.",
    )
    ways = group.add_mutually_exclusive_group()
    ways.add_argument("--resume", action="store_true", help="go on with the unfinished training")
    ways.add_argument(
        "--resume-or-start", action="store_true", help="go on where there is one, else begin"
    )
    ways.add_argument(
        "--restart", action="store_true", help="throw the unfinished training away, and begin"
    )
    group.add_argument(
        "--checkpoint-every",
        type=seconds,
        default=60,
        metavar="SECONDS",
        help="save so often; default: %(default)s. 0: all the time, whatever it costs",
    )


@contextmanager
def only_training_of(model: Path) -> Iterator[None]:
    """Keep two trainings from saving themselves over each other beside one model.

    Its folder is made when missing.

    Raises
    ------
    UnfinishedError
        When another process is training it.
    OSError
        When the folder cannot be made, or not written to.
    """
    from nn.saving.atomic import alone_with

    model.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_with(model))
        except BlockingIOError:
            raise UnfinishedError(
                f"{model} is being trained by another process: end it, wait for it, or give "
                "another name with --model"
            ) from None
        yield


def identity(preset: "Preset", arguments, dataset) -> Callable[[], dict]:
    """Make a function that tells, reading the digits once, which training of which digits this is.

    The same settings and digits end in the same weights, bit by bit.
    """

    @functools.cache
    def settings() -> dict:
        from nn.data.checksum import checksum

        return {
            "hidden_nodes": preset.hidden_nodes,
            "epochs": preset.epochs,
            "batch_size": preset.batch_size,
            "learning_rate": preset.learning_rate,
            "samples": preset.samples,
            "augment_degrees": preset.augment_degrees,
            "rule": arguments.rule,
            "seed": arguments.seed,
            "curve": bool(arguments.curve),
            "training_digits": checksum(dataset.files()),
        }

    return settings


def find(arguments, generations: "Generations", model: Path, settings: Callable[[], dict]):
    """Find the checkpoint to go on from, or None to begin.

    Raises
    ------
    UnfinishedError
        When there is one and no flag says what to do, or there is none to resume, or it is that of
        another training: the message shows both values.
    CheckpointError
        When there is one, and it is damaged.
    """
    if arguments.restart or not generations.exist():
        if arguments.resume:
            raise UnfinishedError(f"{model} has no unfinished training.{_others(model)}")
        return None
    found = _newest(generations, arguments)
    if not (arguments.resume or arguments.resume_or_start):
        raise UnfinishedError(
            f"{model} has an unfinished training, saved {describe(found)}: give --resume to go on "
            "with it, or --restart to throw it away"
        )
    ours, theirs = settings(), found.settings
    if arguments.execution != "auto":
        ours, theirs = (
            {"execution": name} | values
            for name, values in ((arguments.execution, ours), (found.execution, theirs))
        )
    _check_same(model, theirs, ours)
    remark(f"Going on with the unfinished training of {model}, saved {describe(found)}")
    return found


def describe(checkpoint: "Checkpoint") -> str:
    """Say where a training was saved."""
    epoch, row = checkpoint.place
    return f"after {row:,} digits of epoch {epoch + 1} of {checkpoint.settings.get('epochs')}"


@contextmanager
def telling_how_to_go_on(generations: "Generations", arguments) -> Iterator[None]:
    """Add to whatever ends a training early that it is kept, and the command that goes on."""
    try:
        yield
    except Interrupted as error:
        if generations.exist():
            told = f"{error}. The training is saved; to go on: {_command_to_go_on(arguments)}"
            raise Interrupted(error.number, told) from None
        raise
    except KitError:
        raise
    except OSError as error:
        if generations.exist():
            where = f"{error.filename}: " if error.filename else ""
            told = (
                f"{where}{error.strerror or error}. What was saved before is kept; to go on from "
                f"there: {_command_to_go_on(arguments)}"
            )
            raise UnfinishedError(told) from None
        raise


def _command_to_go_on(arguments) -> str:
    words = [word for word in arguments.words if not word.startswith(_WAYS)]
    return f"{this_program()} {shlex.join(words)} --resume"


def _newest(generations: "Generations", arguments) -> "Checkpoint":
    from nn.saving.checkpoint import CheckpointError

    try:
        return generations.newest(say=remark)
    except CheckpointError as error:
        raise CheckpointError(f"{error}. Give --restart to begin again") from None


def _check_same(model: Path, theirs: dict, ours: dict) -> None:
    differing = [
        f"{name.replace('_', ' ')}: {_value(theirs.get(name))} then, {_value(ours.get(name))} now"
        for name in ours
        if theirs.get(name) != ours[name]
    ]
    if differing:
        raise UnfinishedError(
            f"the unfinished training of {model} is another one ({'; '.join(differing)}): give the "
            "same again, or --restart to throw it away, or another --model"
        )


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "all" if value is None else str(value)


def _others(model: Path) -> str:
    """Name a training that is unfinished beside the one that was asked for."""
    for path in sorted(model.parent.glob("*.checkpoint-[ab]")):
        return f" There is one of {path.with_suffix('')}: give its --preset, or --model"
    return " Leave --resume out to begin one"
