"""``compare-rules``: compare the accuracy of each rule for sending errors back."""

import dataclasses
import json
from collections.abc import Iterable

from nn.cli.arguments import (
    add_data_flags,
    add_json_flag,
    add_network_flags,
    given_labels,
    given_source,
    overridden,
    whole_number,
)
from nn.cli.console import percent, progress, remark
from nn.presets import PRESETS
from nn.rules import RULES

PRESET = PRESETS["pi-zero-100"]


def add_arguments(parser) -> None:
    """Add the command's flags."""
    add_data_flags(parser)
    group = parser.add_argument_group(
        "settings", f"Each flag overrides the value of the preset {PRESET.name}."
    )
    add_network_flags(group)
    group.add_argument(
        "--epochs",
        dest="measured_epochs",
        type=whole_number(1),
        nargs="+",
        default=[1, 2, 5],
        metavar="N",
        help="measure accuracy after each of these epochs; default: 1 2 5",
    )
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Train one network for each rule, measure each after the given epochs, and print a table."""
    from nn.data.dataset import FirstRows, check_plausible, open_dataset
    from nn.data.streams import DatasetError
    from nn.training import accuracy_after

    labels = given_labels(arguments)
    source = given_source(arguments, labels)
    if source.test is None:
        raise DatasetError(f"{source.train} has no test file beside it: give one with --test")
    training_set = open_dataset(source.train, labels)
    labels = training_set.labels
    test_set = open_dataset(source.test, labels)
    for dataset in (training_set, test_set):
        check_plausible(dataset, remark)
    if arguments.samples:
        training_set = FirstRows(training_set, arguments.samples)
    remark(f"Data: {source}")

    epochs = sorted(set(arguments.measured_epochs))
    preset = overridden(PRESET, arguments)
    accuracy = {}
    if not arguments.json:
        print(_row("rule", [f"{epoch} epoch{'s' * (epoch > 1)}" for epoch in epochs]), flush=True)
    for rule in RULES:
        with progress(rule, training_set, epochs[-1]) as advance:
            accuracy[rule] = accuracy_after(
                dataclasses.replace(preset, rule=rule).network(len(labels)),
                training_set,
                test_set,
                epochs,
                batch_size=preset.batch_size,
                on_rows=advance,
            )
        if not arguments.json:
            print(_row(rule, map(percent, accuracy[rule])), flush=True)
    if arguments.json:
        summary = {
            "dataset": source.name,
            "train_file": str(source.train),
            "test_file": str(source.test),
            "hidden_nodes": preset.hidden_nodes,
            "batch_size": preset.batch_size,
            "learning_rate": preset.learning_rate,
            "seed": preset.seed,
            "epochs": epochs,
            "accuracy": accuracy,
        }
        print(json.dumps(summary))


def _row(name: str, cells: Iterable[str]) -> str:
    """Write a row of the table."""
    return f"{name:13}" + "".join(f"{cell:>11}" for cell in cells)
