"""Interrupted trainings: find one, check that it is the same, and say how to resume it."""

import functools
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nn.cli.arguments import seconds
from nn.cli.console import Interrupted, remark
from nn.errors import KitError
from nn.kit import command

if TYPE_CHECKING:  # which would import numpy
    from nn.presets import Preset
    from nn.saving.checkpoint import Checkpoint, CheckpointFiles

_WAYS = "--re"  # how --resume, --resume-or-start and --restart begin, even when abbreviated


class UnfinishedError(KitError, RuntimeError):
    """An unfinished training exists but none was expected, or none exists but one was."""


def add_flags(parser) -> None:
    """Add the flags that say what to do about an unfinished training."""
    group = parser.add_argument_group(
        "interrupted training",
        "Until it is finished, a training is saved beside its model and can be resumed.",
    )
    ways = group.add_mutually_exclusive_group()
    ways.add_argument("--resume", action="store_true", help="resume the unfinished training")
    ways.add_argument(
        "--resume-or-start", action="store_true", help="resume if there is one, else start"
    )
    ways.add_argument(
        "--restart", action="store_true", help="delete the unfinished training, then start"
    )
    group.add_argument(
        "--checkpoint-every",
        type=seconds,
        default=60,
        metavar="SECONDS",
        help="seconds between saves; 0 saves after every block; default: %(default)s",
    )


@contextmanager
def only_training_of(model: Path) -> Iterator[None]:
    """Keep two trainings of one model from overwriting each other's files.

    Creates the model's folder if it is missing.

    Raises
    ------
    UnfinishedError
        When another process is training this model.
    OSError
        When the folder cannot be created or written to.
    """
    from nn.saving.atomic import alone_with

    model.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_with(model))
        except BlockingIOError:
            raise UnfinishedError(
                f"{model} is being trained by another process: stop it, wait for it, or give "
                "another name with --model"
            ) from None
        yield


def identity_of(preset: "Preset", with_curve: bool, dataset) -> Callable[[], dict]:
    """Make a function that identifies this training by its settings and a checksum of its digits.

    It reads the digits once. The same settings and digits give the same weights, bit for bit.
    """

    @functools.cache
    def identify() -> dict:
        from nn.data.checksum import checksum
        from nn.data.labels import DIGITS

        digits = {"curve": with_curve, "training_digits": checksum(dataset.files())}
        if str(dataset.labels) != str(DIGITS):
            digits["labels"] = str(dataset.labels)
        return preset.hyperparameters() | digits

    return identify


def find(arguments, files: "CheckpointFiles", model: Path, identity: Callable[[], dict]):
    """Find the checkpoint to resume from, or return None to start a new training.

    Raises
    ------
    UnfinishedError
        When there is a checkpoint but no flag says what to do with it, or none to resume, or the
        checkpoint is of another training: the message then shows both values.
    CheckpointError
        When the checkpoints are damaged.
    """
    from nn.saving.checkpoint import CheckpointError

    if arguments.restart or not files.exist():
        if not arguments.resume:
            return None
        advice = "Leave --resume out to start one"
        for path in sorted(model.parent.glob("*.checkpoint-[ab]")):
            advice = f"{path.with_suffix('')} has one: give its --preset, or --model"
        raise UnfinishedError(f"{model} has no unfinished training. {advice}")
    try:
        found = files.newest(say=remark)
    except CheckpointError as error:
        raise CheckpointError(f"{error}. Give --restart to start again") from None
    if not (arguments.resume or arguments.resume_or_start):
        raise UnfinishedError(
            f"{model} has an unfinished training, saved {describe(found)}: give --resume to resume "
            "it, or --restart to delete it"
        )
    ours, theirs = identity(), found.identity
    if arguments.backend != "auto":
        ours = {"backend": arguments.backend} | ours
        theirs = {"backend": found.backend} | theirs
    differing = []
    for name in ours:
        if theirs.get(name) != ours[name]:
            then, now = (_in_words(name, values.get(name)) for values in (theirs, ours))
            differing.append(f"{name.replace('_', ' ')}: {then} then, {now} now")
    if differing:
        raise UnfinishedError(
            f"the unfinished training of {model} was started with other settings "
            f"({'; '.join(differing)}): give the same settings again, or --restart to delete it, "
            "or another --model"
        )
    remark(f"Resuming the unfinished training of {model}, saved {describe(found)}")
    return found


def _in_words(name: str, value: object) -> str:
    """Write a setting for the user."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "all" if name == "samples" else "none"
    return str(value)


def describe(checkpoint: "Checkpoint") -> str:
    """Describe how far a training was when it was saved."""
    epochs = checkpoint.identity.get("epochs")
    return f"after {checkpoint.row:,} digits of epoch {checkpoint.epoch + 1} of {epochs}"


@contextmanager
def telling_how_to_go_on(files: "CheckpointFiles", arguments) -> Iterator[None]:
    """If a training ends early, add to the message that it is saved, and how to resume it."""
    try:
        yield
    except Interrupted as error:
        if not files.exist():
            raise
        message = f"{error}. The training is saved; resume it with: {_command_to_resume(arguments)}"
        raise Interrupted(error.number, message) from None
    except KitError:
        raise
    except OSError as error:
        if not files.exist():
            raise
        where = f"{error.filename}: " if error.filename else ""
        raise UnfinishedError(
            f"{where}{error.strerror or error}. The training is saved up to its last save; resume "
            f"it with: {_command_to_resume(arguments)}"
        ) from None


def _command_to_resume(arguments) -> str:
    words = [word for word in arguments.words if not word.startswith(_WAYS)]
    return f"{command(shlex.join(words))} --resume"
