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
        summary = {
            "model": arguments.model,
            "dataset": name,
            "test_file": str(path),
            "samples": evaluation.samples,
            "accuracy": evaluation.accuracy,
            "confusion": evaluation.confusion.tolist(),
        }
        print(json.dumps(summary))
        return
    print(f"Data      {name}: {path}")
    print(f"Accuracy  {percent(evaluation.accuracy)} of {evaluation.samples:,} test digits")
    print("\ntrue  read as")  # the confusion matrix: true digits down, answers across
    print("     " + "".join(f"{digit:6}" for digit in range(len(evaluation.confusion))))
    for digit, counts in enumerate(evaluation.confusion):
        cells = "".join(f"{count:6}" if count else "     ." for count in counts)
        print(f"{digit:4} {cells}")
