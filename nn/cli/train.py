"""``train``: make a network, train it, test it, keep it."""

import dataclasses
import os
from pathlib import Path

from nn.cli import unfinished
from nn.cli.arguments import (
    add_data_flags,
    add_json_flag,
    degrees,
    number_above_zero,
    whole_number,
)
from nn.cli.console import progress, remark, stderr_is_terminal
from nn.cli.files import check_picture_target
from nn.cli.signals import Interrupted, stopping_on_signals
from nn.cli.summary import describe, measure, print_summary, summarise
from nn.presets import PRESETS, Preset
from nn.rules import RULES

# What is on the disk at once, at the most: two checkpoints, the model, and one being written
_FILES = 4
_EXTRA_BYTES = 64 * 1024  # a learning curve's points, and what a checkpoint says of itself


def add_parser(subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("train", help="train a network and measure its accuracy")
    add_data_flags(parser)
    group = parser.add_argument_group("settings", "Each flag overrides the preset's value.")
    group.add_argument("--preset", choices=PRESETS, default="pi-zero", help="default: %(default)s")
    group.add_argument("--hidden-nodes", type=whole_number(1, 100_000), metavar="N")
    group.add_argument("--epochs", type=whole_number(1), metavar="N", help="passes over the data")
    group.add_argument(
        "--batch-size",
        type=whole_number(1, 1000),
        metavar="N",
        help="digits whose updates are summed; above 16 accuracy falls",
    )
    group.add_argument("--learning-rate", type=number_above_zero, metavar="RATE")
    group.add_argument("--rule", choices=RULES, default="multiply", help="default: %(default)s")
    group.add_argument("--seed", type=whole_number(0), default=1, help="default: %(default)s")
    group.add_argument(
        "--augment",
        dest="augment_degrees",
        type=degrees,
        metavar="DEGREES",
        help="train on each digit turned to either side as well",
    )
    group.add_argument(
        "--execution",
        choices=("auto", "dense", "sparse"),
        default="auto",
        help="how training steps are computed; auto picks the faster for this processor and BLAS",
    )
    parser.add_argument(
        "--model",
        metavar="FILE",
        help="default: models/PRESET.npz; a model there is replaced",
    )
    parser.add_argument("--curve", metavar="FILE.png", help="draw the learning curve, too")
    unfinished.add_flags(parser)
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Train as the flags say, and report."""
    preset = _settings(arguments)
    remark(f"{describe(preset)}, rule {arguments.rule}, seed {arguments.seed}")
    if stderr_is_terminal():
        remark("Loading numpy and the digits ...")  # seconds on a Pi Zero
    from nn.autosaver import Journal
    from nn.data.dataset import FirstRows, check_readable, open_dataset
    from nn.data.sources import find_source
    from nn.network import Network
    from nn.saving.checkpoint import Generations
    from nn.saving.model_file import check_replaceable
    from nn.training import LearningCurve

    model = Path(arguments.model or f"models/{preset.name}.npz")
    source = find_source(
        arguments.train,
        arguments.test,
        environ=os.environ,
        offline=arguments.offline,
        say=remark,
    )
    remark(f"Data: {source}")
    training_set = whole_set = open_dataset(source.train)
    test_set = open_dataset(source.test) if source.test else None
    if preset.samples:
        training_set = FirstRows(training_set, preset.samples)
    network = Network(
        hidden_nodes=preset.hidden_nodes,
        learning_rate=preset.learning_rate,
        rule=arguments.rule,
        seed=arguments.seed,
    )

    # Whatever can go wrong afterwards is better found before hours of training.
    if test_set:
        check_readable(test_set)
    if arguments.curve:
        check_picture_target(arguments.curve)
    generations = Generations(model)
    with unfinished.only_training_of(model):
        room = _FILES * (network.nbytes + _EXTRA_BYTES) - generations.size()
        check_replaceable(model, size=max(0, room))
        settings = unfinished.identity(preset, arguments, whole_set)
        found = unfinished.find(arguments, generations, model, settings)

        if arguments.restart:
            generations.remove()
        curve = LearningCurve() if arguments.curve else None
        journal = Journal(
            generations,
            settings,
            found=found,
            curve=curve,
            every=arguments.checkpoint_every,
            say=remark,
        )
        with unfinished.telling_how_to_go_on(generations, arguments):
            report, signals = _train(
                network, training_set, preset, journal, curve, found, arguments.execution
            )
            summary = summarise(arguments, preset, source, report, model, found)
            _save(network, model, summary, generations)  # before the test, which takes a while
            if signals:  # during the very last batches
                generations.remove()
                raise Interrupted(
                    signals[0],
                    f"interrupted after the last digit: {model} is trained, and not tested",
                )
            if test_set:
                summary |= measure(network, test_set)
                _save(network, model, summary, generations)
            if curve:
                _draw_curve(arguments.curve, curve, preset)
        generations.remove()
        print_summary(arguments, preset, source, summary)


def _settings(arguments) -> Preset:
    """Return the preset with the flags' values in place of its own."""
    names = ("hidden_nodes", "epochs", "batch_size", "learning_rate", "samples", "augment_degrees")
    given = {name: getattr(arguments, name) for name in names}
    changed = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(PRESETS[arguments.preset], **changed)


def _train(network, training_set, preset: Preset, journal, curve, found, execution: str):
    """Train under a progress bar; a signal saves the training and ends it.

    Returns the report, and the signals that came too late for that.
    """
    from nn.augment import rotations, unchanged
    from nn.autosaver import TrainingStopped
    from nn.training import train

    augment = rotations(preset.augment_degrees) if preset.augment_degrees else unchanged
    done = found.place if found else (0, 0)
    with (
        stopping_on_signals(journal.stop) as signals,
        progress("training", training_set, preset.epochs, done) as advance,
    ):
        try:
            report = train(
                network,
                training_set,
                epochs=preset.epochs,
                batch_size=preset.batch_size,
                augment=augment,
                on_rows=advance,
                on_batch=curve,
                execution=found.execution if found else execution,
                journal=journal,
            )
        except TrainingStopped:
            raise Interrupted(signals[0]) from None
        return report, signals


def _save(network, model: Path, summary: dict, generations) -> None:
    """Save the model; where its weights ran away, there is nothing to go on with, either."""
    from nn.saving.model_file import ModelError

    try:
        network.save(model, about=summary)
    except ModelError:
        generations.remove()
        raise


def _draw_curve(path: str, curve, preset: Preset) -> None:
    from nn.plots import learning_curve, save_figure

    save_figure(learning_curve(*curve.points(), title=describe(preset)), path)
    remark(f"Learning curve: {path}")
