"""``compare-rules``: how well each way of sending the error back learns."""

import json
import os
from collections.abc import Iterable

from nn.cli.arguments import add_data_flags, add_json_flag, number_above_zero, whole_number
from nn.cli.console import percent, progress, remark
from nn.rules import RULES


def add_parser(subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "compare-rules", help="compare the ways of sending the error back, as the author did"
    )
    add_data_flags(parser)
    parser.add_argument(
        "--hidden-nodes",
        type=whole_number(1, 100_000),
        default=100,
        metavar="N",
        help="default: %(default)s",
    )
    parser.add_argument(
        "--epochs",
        type=whole_number(1),
        nargs="+",
        default=[1, 2, 5],
        metavar="N",
        help="when to measure; default: 1 2 5",
    )
    parser.add_argument(
        "--batch-size",
        type=whole_number(1, 1000),
        default=16,
        metavar="N",
        help="default: %(default)s",
    )
    parser.add_argument(
        "--learning-rate",
        type=number_above_zero,
        default=0.1,
        metavar="RATE",
        help="default: %(default)s",
    )
    parser.add_argument("--seed", type=whole_number(0), default=1, help="default: %(default)s")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Train one network a rule, measure each after the epochs asked for, print the table."""
    from nn.data.dataset import FirstRows, check_readable, open_dataset
    from nn.data.errors import DatasetError
    from nn.data.sources import find_source

    source = find_source(
        arguments.train, arguments.test, environ=os.environ, offline=arguments.offline, say=remark
    )
    if source.test is None:
        raise DatasetError(f"{source.train} has no test file beside it: give one with --test")
    training_set, test_set = open_dataset(source.train), open_dataset(source.test)
    if arguments.samples:
        training_set = FirstRows(training_set, arguments.samples)
    check_readable(test_set)
    remark(f"Data: {source}")

    epochs = sorted(set(arguments.epochs))
    accuracy = {}
    if not arguments.json:
        print(_row("rule", [f"{epoch} epoch{'s' * (epoch > 1)}" for epoch in epochs]), flush=True)
    for rule in RULES:
        accuracy[rule] = _measure(rule, training_set, test_set, epochs, arguments)
        if not arguments.json:
            print(_row(rule, map(percent, accuracy[rule])), flush=True)
    if arguments.json:
        print(json.dumps(_summary(arguments, source, epochs, accuracy)))


def _measure(rule: str, training_set, test_set, epochs: list[int], arguments) -> list[float]:
    """Train one network with a rule; return its accuracy after each of the epochs."""
    from nn.comparison import accuracy_after
    from nn.network import Network

    network = Network(
        hidden_nodes=arguments.hidden_nodes,
        learning_rate=arguments.learning_rate,
        rule=rule,
        seed=arguments.seed,
    )
    with progress(rule, training_set, epochs[-1]) as advance:
        return accuracy_after(
            network,
            training_set,
            test_set,
            epochs,
            batch_size=arguments.batch_size,
            on_rows=advance,
        )


def _summary(arguments, source, epochs: list[int], accuracy: dict) -> dict:
    return {
        "dataset": source.name,
        "train_file": str(source.train),
        "test_file": str(source.test),
        "hidden_nodes": arguments.hidden_nodes,
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
        "seed": arguments.seed,
        "epochs": epochs,
        "accuracy": accuracy,
    }


def _row(name: str, cells: Iterable[str]) -> str:
    """Write a row of the table."""
    return f"{name:13}" + "".join(f"{cell:>11}" for cell in cells)
