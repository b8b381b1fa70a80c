"""``predict``: read a file of digits, and write the answers as CSV, in Kaggle's form."""

from nn.cli.arguments import add_mending_flags
from nn.cli.console import progress, remark
from nn.cli.files import (
    add_reader_flag,
    check_csv_target,
    given_reader,
    load_reader,
    written_csv,
)


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "file", metavar="FILE", help="digits with or without labels, such as Kaggle's test.csv"
    )
    add_reader_flag(parser)
    parser.add_argument(
        "--out", metavar="FILE.csv", default="answers.csv", help="default: %(default)s"
    )
    parser.add_argument(
        "--names", action="store_true", help="write the names of the labels, not their numbers"
    )
    add_mending_flags(parser)
    parser.add_argument("--force", action="store_true", help="replace the answers if they exist")
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Read block by block; write the number of each digit, from 1, and its answer."""
    from nn.data.doubts import doubts
    from nn.data.mending import MendedDataset
    from nn.training import answer

    target = check_csv_target(arguments.out, arguments.force)
    model = given_reader(arguments.model)
    network, labels = load_reader(model)
    dataset = MendedDataset(arguments.file, transpose=arguments.transpose, invert=arguments.invert)
    for change in dataset.changes:
        remark(f"Changed: {change}")
    for pixels, _ in dataset.blocks():
        for doubt in doubts(pixels, None):
            advice = f"Give {doubt.flags}" if doubt.flags else doubt.advice
            remark(f"Warning: {arguments.file}: {doubt.seen}. {advice}")
        break
    answers = [str(labels.first + node) for node in range(len(labels))]
    if arguments.names:
        answers = ['"{}"'.format(name.replace('"', '""')) for name in labels.names]
    number = 1
    with progress("reading", dataset) as advance, written_csv(target) as file:
        file.write(b"ImageId,Label\n")
        for nodes in answer(network, (pixels for pixels, _ in dataset.blocks())):
            lines = [f"{number + row},{answers[node]}\n" for row, node in enumerate(nodes.tolist())]
            file.write("".join(lines).encode())
            number += len(nodes)
            advance(len(nodes))
    print(f"Written: {target}, the answers to {number - 1:,} digits of {arguments.file}")
    if dataset.labelled:
        remark("The labels in the file were not used: the command test compares them with answers")
