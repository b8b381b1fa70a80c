"""``test``: measure a trained network."""

import json
import os
from collections.abc import Sequence

from nn.cli.arguments import add_json_flag
from nn.cli.console import percent, progress, remark
from nn.cli.files import add_reader_flag, given_reader, load_reader

_MOST_COLUMNS = 12  # of the confusion matrix: more do not fit on a screen


def add_arguments(parser) -> None:
    """Add the command's flags."""
    add_reader_flag(parser)
    parser.add_argument("--test", metavar="FILE", help="test digits; default: as for train")
    parser.add_argument("--offline", action="store_true", help="do not try to download MNIST")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Test as the flags say, and print accuracy and confusion matrix."""
    from nn.data.dataset import check_plausible, open_dataset
    from nn.data.sources import find_source
    from nn.training import evaluate

    model = given_reader(arguments.model)
    network, labels = load_reader(model)
    name, path = arguments.test, arguments.test
    if not path:
        source = find_source(environ=os.environ, offline=arguments.offline, say=remark)
        name, path = source.name, source.test
    test_set = open_dataset(path, labels)
    check_plausible(test_set, remark)
    with progress("testing", test_set) as advance:
        evaluation = evaluate(network, test_set, advance)
    if arguments.json:
        summary = {
            "model": model,
            "dataset": name,
            "test_file": str(path),
            "samples": evaluation.samples,
            "accuracy": evaluation.accuracy,
            "confusion": evaluation.confusion.tolist(),
            "labels": list(labels.names),
        }
        print(json.dumps(summary))
        return
    print(f"Data      {name}: {path}")
    print(f"Accuracy  {percent(evaluation.accuracy)} of {evaluation.samples:,} test digits")
    if len(labels) > _MOST_COLUMNS:
        _print_by_label(labels.names, evaluation.confusion)
    else:
        _print_confusion(labels.names, evaluation.confusion)


def _print_confusion(names: Sequence[str], confusion) -> None:
    """Print the confusion matrix: true labels down, answers across."""
    width = max(4, *map(len, names))
    print(f"\n{'true':{width}}  read as")
    print(" " * (width + 1) + "".join(f" {name[:5]:>5}" for name in names))
    for name, counts in zip(names, confusion, strict=True):
        cells = "".join(f"{count:6}" if count else "     ." for count in counts)
        print(f"{name:>{width}} {cells}")


def _print_by_label(names: Sequence[str], confusion) -> None:
    """Print for each label how many were read correctly, and what the others were read as."""
    width = max(4, *map(len, names))
    print(f"\n{'true':{width}}  read correctly, and most often read as")
    for node, name in enumerate(names):
        counts = confusion[node].copy()
        right, total, counts[node] = counts[node], counts.sum(), 0
        others = [f"{names[other]}: {counts[other]}" for other in counts.argsort()[::-1][:3]]
        others = others[: int((counts > 0).sum())]
        share = percent(right / total) if total else "none"
        print(f"{name:>{width}} {share:>9} of {total:,}" + "".join(f"  {each}" for each in others))
