"""``train``: make a network, train it, test it, save it."""

import argparse
from pathlib import Path

from nn.cli import unfinished
from nn.cli.arguments import (
    add_data_flags,
    add_json_flag,
    add_network_flags,
    degrees,
    given_labels,
    given_source,
    number_above_zero,
    overridden,
    share,
    strength,
    whole_number,
)
from nn.cli.console import Interrupted, progress, remark, stderr_is_terminal, stopping_on_signals
from nn.cli.summary import TimedReading, describe, measure, print_summary, summarise
from nn.presets import PRESETS, Preset
from nn.rules import RULES

# The most that the disk holds at once: two checkpoints, the model, and one file being written
_FILES = 4
_EXTRA_BYTES = 64 * 1024  # for a learning curve's points and a checkpoint's metadata


def add_arguments(parser) -> None:
    """Add the command's flags."""
    add_data_flags(parser)
    group = parser.add_argument_group("settings", "Each flag overrides the preset's value.")
    group.add_argument("--preset", choices=PRESETS, default="pi-zero", help="default: %(default)s")
    add_network_flags(group)
    group.add_argument("--epochs", type=whole_number(1), metavar="N", help="passes over the data")
    group.add_argument("--rule", choices=RULES, help="rule that sends errors back")
    group.add_argument(
        "--augment",
        dest="augment_degrees",
        type=degrees,
        metavar="DEGREES",
        help="also train on each digit rotated by this angle to either side",
    )
    group.add_argument(
        "--affine",
        type=strength,
        metavar="STRENGTH",
        help="shift, turn, stretch and slant each digit at random; 1: by up to a pixel, 8 degrees, "
        "a tenth",
    )
    group.add_argument(
        "--elastic",
        type=strength,
        metavar="PIXELS",
        help="also distort each digit at random, so that its pixels move this far",
    )
    group.add_argument(
        "--final-learning-rate",
        type=number_above_zero,
        metavar="RATE",
        help="let the learning rate fall to this, from epoch to epoch",
    )
    group.add_argument(
        "--target-low",
        type=share,
        metavar="TARGET",
        help="target of the wrong answers' nodes; the right one's is 1 less this",
    )
    backends = ("auto", "dense", "sparse")
    group.add_argument(
        "--backend",
        choices=backends,
        default="auto",
        help="how training steps are computed; auto picks the faster for this processor and BLAS",
    )
    earlier_name = {"dest": "backend", "help": argparse.SUPPRESS}
    group.add_argument("--execution", choices=backends, **earlier_name)
    parser.add_argument(
        "--model", metavar="FILE", help="default: models/PRESET.npz; replaces an existing model"
    )
    parser.add_argument("--curve", metavar="FILE.png", help="also draw the learning curve")
    unfinished.add_flags(parser)
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Train as the flags say, and report."""
    preset = overridden(PRESETS[arguments.preset], arguments)
    if arguments.labels is None:
        remark(f"{describe(preset)}, rule {preset.rule}, seed {preset.seed}")
    if stderr_is_terminal():
        remark("Loading numpy and the digits ...")  # seconds on a Pi Zero
    from nn.data.dataset import FirstRows, check_plausible, open_dataset
    from nn.saving.autosaver import Autosaver
    from nn.saving.checkpoint import CheckpointFiles
    from nn.saving.model_file import ModelError, check_replaceable, save_model, weights_of

    model = Path(arguments.model or f"models/{preset.name}.npz")
    labels = given_labels(arguments)
    source = given_source(arguments, labels)
    remark(f"Data: {source}")
    training_set = whole_set = open_dataset(source.train, labels)
    labels = whole_set.labels
    test_set = open_dataset(source.test, labels) if source.test else None
    if preset.samples:
        training_set = FirstRows(training_set, preset.samples)
    reading = TimedReading(training_set)
    network = preset.network(len(labels))
    if arguments.labels is not None:
        remark(f"{describe(preset, labels)}, rule {preset.rule}, seed {preset.seed}")

    # Find everything that could fail afterwards before hours of training.
    for dataset in (whole_set, test_set):
        if dataset:
            check_plausible(dataset, remark)
    curve = None
    if arguments.curve:
        from nn.cli.files import check_picture_target
        from nn.learning_curve import LearningCurve

        check_picture_target(arguments.curve)
        curve = LearningCurve()
    files = CheckpointFiles(model)
    with unfinished.only_training_of(model):
        room = _FILES * _EXTRA_BYTES - files.size()
        for weights in weights_of(network).values():
            room += _FILES * weights.nbytes
        check_replaceable(model, size=max(0, room))
        identity = unfinished.identity_of(preset, bool(curve), whole_set)
        checkpoint = unfinished.find(arguments, files, model, identity)
        if arguments.restart:
            files.remove()
        autosaver = Autosaver(
            files,
            identity,
            checkpoint=checkpoint,
            curve=curve,
            every=arguments.checkpoint_every,
            say=remark,
        )
        with unfinished.telling_how_to_go_on(files, arguments):
            if checkpoint:
                arguments.backend = checkpoint.backend
            samples, signals = _train(network, reading, preset, autosaver, curve, arguments.backend)
            summary = summarise(preset, source, labels, model, samples, reading, autosaver)
            try:
                save_model(network, model, about=summary)  # before the test, which takes a while
                if signals:  # received during the last block
                    files.remove()
                    raise Interrupted(
                        signals[0],
                        f"interrupted after training: {model} is trained, but not tested",
                    )
                if test_set:
                    summary |= measure(network, test_set)
                    save_model(network, model, about=summary)
            except ModelError:  # training diverged: resuming is useless
                files.remove()
                raise
            if curve:
                from nn.plots import learning_curve, save_figure

                figure = learning_curve(*curve.points(), title=describe(preset, labels))
                save_figure(figure, arguments.curve)
                remark(f"Learning curve: {arguments.curve}")
        files.remove()
        print_summary(preset, source, summary, as_json=arguments.json)


def _train(network, training_set, preset: Preset, autosaver, curve, backend: str):
    """Train under a progress bar; a signal saves the training and ends it.

    Returns the samples of an epoch, and the signals that arrived too late to stop the training.
    """
    from nn.training import train

    with (
        stopping_on_signals(autosaver.stop) as signals,
        progress("training", training_set, preset.epochs, autosaver.place) as advance,
    ):
        samples = train(
            network,
            training_set,
            **preset.training(),
            on_rows=advance,
            on_errors=curve,
            backend=backend,
            autosaver=autosaver,
        )
    if autosaver.stopped:
        raise Interrupted(signals[0])
    return samples, signals
