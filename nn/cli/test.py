"""``test``: measure a trained network."""

import json
import os

from nn.cli.arguments import add_json_flag
from nn.cli.console import percent, progress, remark
from nn.cli.files import load_digit_reader


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--model", metavar="FILE", default="models/pi-zero.npz", help="default: %(default)s"
    )
    parser.add_argument("--test", metavar="FILE", help="test digits; default: as for train")
    parser.add_argument("--offline", action="store_true", help="do not try to download MNIST")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Test as the flags say, and print accuracy and confusion matrix."""
    from nn.data.dataset import open_dataset
    from nn.data.sources import find_source
    from nn.training import evaluate

    network = load_digit_reader(arguments.model)
    name, path = arguments.test, arguments.test
    if not path:
        source = find_source(environ=os.environ, offline=arguments.offline, say=remark)
        name, path = source.name, source.test
    test_set = open_dataset(path)
    with progress("testing", test_set) as advance:
        evaluation = evaluate(network, test_set, advance)
    if arguments.json:
        print(json.dumps(_summary(arguments.model, name, path, evaluation)))
        return
    print(f"Data      {name}: {path}")
    print(f"Accuracy  {percent(evaluation.accuracy)} of {evaluation.samples:,} test digits")
    print(_table(evaluation.confusion))


def _summary(model: str, name: str, path, evaluation) -> dict:
    return {
        "model": model,
        "dataset": name,
        "test_file": str(path),
        "samples": evaluation.samples,
        "accuracy": evaluation.accuracy,
        "confusion": evaluation.confusion.tolist(),
    }


def _table(confusion) -> str:
    """Write the confusion matrix as text: true digits down, answers across."""
    digits = range(len(confusion))
    lines = ["", "true  read as", "     " + "".join(f"{digit:6}" for digit in digits)]
    for digit, counts in zip(digits, confusion, strict=True):
        cells = "".join(f"{count:6}" if count else "     ." for count in counts)
        lines.append(f"{digit:4} {cells}")
    return "\n".join(lines)
