"""``train``: make a network, train it, test it, keep it."""

import dataclasses
import json
import os
import shlex
from pathlib import Path

from nn.cli.arguments import (
    add_data_flags,
    add_json_flag,
    degrees,
    number_above_zero,
    whole_number,
)
from nn.cli.console import percent, progress, remark, this_program
from nn.cli.files import check_picture_target
from nn.presets import PRESETS, Preset
from nn.rules import RULES


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
    parser.add_argument(
        "--model",
        metavar="FILE",
        help="default: models/PRESET.npz; a model there is replaced",
    )
    parser.add_argument("--curve", metavar="FILE.png", help="draw the learning curve, too")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Train as the flags say, and report."""
    from nn.data.dataset import FirstRows, check_readable, open_dataset
    from nn.data.sources import find_source
    from nn.model_file import check_replaceable
    from nn.network import Network

    preset = _settings(arguments)
    model = Path(arguments.model or f"models/{preset.name}.npz")
    source = find_source(
        arguments.train,
        arguments.test,
        environ=os.environ,
        offline=arguments.offline,
        say=remark,
    )
    training_set = open_dataset(source.train)
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
    check_replaceable(model, size=network.nbytes)

    remark(f"{_describe(preset)}, rule {arguments.rule}, seed {arguments.seed}")
    remark(f"Data: {source}")
    report, curve = _train(network, training_set, preset, bool(arguments.curve))
    summary = _summary(arguments, preset, source, report, model)
    network.save(model, about=summary)  # before the test: training is what took the time
    if test_set:
        summary |= _test(network, test_set)
        network.save(model, about=summary)
    _print(arguments, preset, source, summary)
    if arguments.curve:
        _draw_curve(arguments.curve, curve, preset)


def _settings(arguments) -> Preset:
    """Return the preset with the flags' values in place of its own."""
    names = ("hidden_nodes", "epochs", "batch_size", "learning_rate", "samples", "augment_degrees")
    given = {name: getattr(arguments, name) for name in names}
    changed = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(PRESETS[arguments.preset], **changed)


def _describe(preset: Preset) -> str:
    parts = [
        f"Preset {preset.name}: 784-{preset.hidden_nodes}-10 nodes",
        f"{preset.epochs} epoch{'s' if preset.epochs > 1 else ''}",
        f"learning rate {preset.learning_rate:g}",
        f"batches of {preset.batch_size}",
    ]
    if preset.augment_degrees:
        parts.append(f"rotations of ±{preset.augment_degrees:g}°")
    return ", ".join(parts)


def _train(network, training_set, preset: Preset, with_curve: bool):
    """Train under a progress bar; return the report and the learning curve, if wanted."""
    from nn.augment import rotations, unchanged
    from nn.training import LearningCurve, train

    curve = LearningCurve() if with_curve else None
    augment = rotations(preset.augment_degrees) if preset.augment_degrees else unchanged
    with progress("training", training_set, preset.epochs) as advance:
        report = train(
            network,
            training_set,
            epochs=preset.epochs,
            batch_size=preset.batch_size,
            augment=augment,
            on_rows=advance,
            on_batch=curve,
        )
    return report, curve


def _summary(arguments, preset: Preset, source, report, model: Path) -> dict:
    """Say what was trained on what; the accuracy is not known yet."""
    return {
        "preset": preset.name,
        "dataset": source.name,
        "train_file": str(source.train),
        "test_file": str(source.test) if source.test else None,
        "hidden_nodes": preset.hidden_nodes,
        "epochs": preset.epochs,
        "batch_size": preset.batch_size,
        "learning_rate": preset.learning_rate,
        "augment_degrees": preset.augment_degrees,
        "rule": arguments.rule,
        "seed": arguments.seed,
        "samples": report.samples,
        "test_samples": 0,
        "seconds_parsing": round(report.seconds_parsing, 3),
        "accuracy": None,
        "model": str(model),
        **_cost(),
    }


def _test(network, test_set) -> dict:
    """Measure the accuracy, and what everything took until now."""
    from nn.evaluation import evaluate

    with progress("testing", test_set) as advance:
        evaluation = evaluate(network, test_set, advance)
    return {"test_samples": evaluation.samples, "accuracy": evaluation.accuracy, **_cost()}


def _cost() -> dict:
    from nn.process import peak_rss_mb, seconds_since_start

    return {
        "seconds_total": round(seconds_since_start(), 2),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }


def _draw_curve(path: str, curve, preset: Preset) -> None:
    from nn.plots import learning_curve, save_figure

    save_figure(learning_curve(*curve.points(), title=_describe(preset)), path)
    remark(f"Learning curve: {path}")


def _print(arguments, preset: Preset, source, summary: dict) -> None:
    from nn.data.sources import SAMPLE_NAME

    if arguments.json:
        print(json.dumps(summary))
        return
    print(f"Accuracy  {_accuracy(preset, source, summary)}")
    print(
        f"Time      {summary['seconds_total']:.1f} s, "
        f"{summary['seconds_parsing']:.1f} s of it reading {summary['samples']:,} digits"
    )
    print(f"Memory    {summary['peak_rss_mb']:.0f} MB at the most")
    print(f"Model     {summary['model']}")
    if source.name == SAMPLE_NAME:
        print(f"Next      {this_program()} data fetch")
        print("          fetches MNIST: 60 times as many digits, by real hands")
    else:
        model = shlex.quote(summary["model"])
        print(f"Next      {this_program()} backquery --model {model}")
        print("          draws what the network has in mind for each digit")


def _accuracy(preset: Preset, source, summary: dict) -> str:
    if summary["accuracy"] is None:
        return "not measured: no test file beside the training file, and no --test FILE"
    text = f"{percent(summary['accuracy'])} of {summary['test_samples']:,} test digits"
    if source.is_mnist and preset == PRESETS[preset.name] and summary["rule"] == "multiply":
        mean, low, high = preset.accuracy
        text += f" (usual: {percent(mean)}, from {percent(low)} to {percent(high)})"
    elif not source.is_mnist:
        text += f" of: {source.name}"
    return text
