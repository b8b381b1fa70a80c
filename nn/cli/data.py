"""``data``: fetch, verify, convert, describe and draw files of digits."""

import shlex
from pathlib import Path

from nn.cli.arguments import add_labels_flag, add_mending_flags, given_labels, whole_number
from nn.cli.console import progress, remark
from nn.cli.files import check_csv_target, check_picture_target, written_csv
from nn.kit import command

_DRAWN = 40  # digits in a picture


def add_arguments(parser) -> None:
    """Add the subcommands and their flags."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    a_csv = "a name that ends in .csv or .csv.gz"
    a_dataset = "CSV or IDX images file, gzipped or not"

    fetch = commands.add_parser("fetch", help="download MNIST (11 MB) and verify it")
    fetch.add_argument("--folder", metavar="DIR", help="default: the kit's mnist_dataset/")
    fetch.add_argument(
        "--mirror",
        action="append",
        metavar="URL",
        help="URL (http, https, file) or folder with the four IDX files; can be repeated",
    )
    fetch.add_argument(
        "--csv",
        action="store_true",
        help="also write mnist_train.csv and mnist_test.csv (128 MB)",
    )
    fetch.add_argument(
        "--force",
        action="store_true",
        help="replace files that have MNIST's names but other content",
    )
    fetch.set_defaults(run=run_fetch)

    verify = commands.add_parser("verify", help="check MNIST's four files by their checksums")
    verify.add_argument("folder", metavar="DIR")
    verify.set_defaults(run=run_verify)

    convert = commands.add_parser("convert", help="write digits in many forms as CSV")
    convert.add_argument(
        "source",
        metavar="SOURCE",
        help="CSV in many forms, IDX, .npz, .npy or ARFF; a zip, xz or bz2 file with one of them",
    )
    convert.add_argument("target", metavar="TARGET", help=a_csv)
    add_mending_flags(convert)
    convert.add_argument(
        "--part", metavar="NAME", default="", help="of an .npz: the arrays to read, such as test"
    )
    convert.add_argument("--force", action="store_true", help="replace TARGET if it exists")
    convert.set_defaults(run=run_convert)

    info = commands.add_parser("info", help="read a file to its end and describe it")
    info.add_argument("file", metavar="FILE", help=a_dataset)
    info.add_argument("--picture", metavar="FILE.png", help="also draw the first digits")
    add_labels_flag(info)
    info.set_defaults(run=run_info)

    sample = commands.add_parser("sample", help="draw new digits (not MNIST) into a CSV file")
    sample.add_argument("target", metavar="TARGET", help=a_csv)
    sample.add_argument(
        "--rows", type=whole_number(1), default=1000, help="how many digits; default: %(default)s"
    )
    sample.add_argument(
        "--seed",
        type=whole_number(0),
        default=1,
        help="the same seed draws the same digits; default: %(default)s",
    )
    sample.add_argument("--force", action="store_true", help="replace TARGET if it exists")
    sample.set_defaults(run=run_sample)


def run_fetch(arguments) -> None:
    """Download MNIST and, if asked, write it as CSV."""
    from nn.data.dataset import open_dataset
    from nn.data.download import MIRRORS, fetch
    from nn.data.sources import DATASET_FOLDER

    folder = Path(arguments.folder) if arguments.folder else DATASET_FOLDER
    targets = {"train": folder / "mnist_train.csv", "t10k": folder / "mnist_test.csv"}
    if arguments.csv:
        for target in targets.values():
            check_csv_target(str(target), arguments.force)
    fetch(folder, arguments.mirror or MIRRORS, say=remark, force=arguments.force)
    if arguments.csv:
        for stem, target in targets.items():
            _write_csv(open_dataset(folder / f"{stem}-images-idx3-ubyte.gz"), target)
    print(f"MNIST is in {folder}")


def run_verify(arguments) -> None:
    """Check the four files of a folder."""
    from nn.data.download import verify

    verify(Path(arguments.folder))
    print(f"MNIST in {arguments.folder} is complete")


def run_convert(arguments) -> None:
    """Write a file of digits as the CSV that `train` reads, and say what was changed."""
    from nn.data.doubts import doubts
    from nn.data.mending import MendedDataset
    from nn.data.streams import DatasetError

    target = check_csv_target(arguments.target, arguments.force)
    dataset = MendedDataset(arguments.source, arguments.part, arguments.transpose, arguments.invert)
    if not dataset.labelled:
        raise DatasetError(
            f"{arguments.source} has no labels: expected a label and 784 pixels for each digit. To "
            f"let a network read it: {command(f'predict {shlex.quote(arguments.source)}')}"
        )
    _write_csv(dataset, target)
    for change in dataset.changes:
        print(f"Changed: {change}")
    for pixels, labels in MendedDataset(target).blocks():
        for doubt in doubts(pixels, labels, dataset.labels):
            remark(f"Warning: {doubt.told_of(target)}")
        break


def run_sample(arguments) -> None:
    """Draw digits and write them as CSV."""
    from nn.data.drawn_digits import DrawnDigits

    target = check_csv_target(arguments.target, arguments.force)
    _write_csv(DrawnDigits(arguments.rows, arguments.seed), target)


def run_info(arguments) -> None:
    """Read a file to its end, describe its content, and say what may be wrong with it."""
    import numpy as np

    from nn.data.dataset import open_dataset
    from nn.data.doubts import doubts
    from nn.signals import PIXELS

    if arguments.picture:
        check_picture_target(arguments.picture)
    dataset = open_dataset(arguments.file, given_labels(arguments))
    names = dataset.labels.names
    counts, ink, first = np.zeros(len(names), int), 0, None
    with progress("reading", dataset) as advance:
        for pixels, labels in dataset.blocks():
            first = first or (pixels, labels)
            counts += np.bincount(labels, minlength=len(names))
            ink += np.count_nonzero(pixels)
            advance(len(labels))
    rows = counts.sum()
    print(f"File    {arguments.file}")
    print(f"Format  {dataset.format}, {Path(arguments.file).stat().st_size:,} bytes")
    print(
        f"Digits  {rows:,}, each a label and 28×28 pixels, {ink / rows / PIXELS:.1%} of them inked"
    )
    print("Labels  " + ", ".join(f"{n}: {count:,}" for n, count in zip(names, counts, strict=True)))
    for doubt in doubts(*first, dataset.labels):
        print(f"{'Wrong' if doubt.certain else 'Doubt':7} {doubt.told_of(dataset.path)}")
    if arguments.picture:
        from nn.plots import digit_grid, save_figure

        pixels, labels = (each[:_DRAWN] for each in first)
        save_figure(digit_grid(pixels, [names[label] for label in labels]), arguments.picture)
        print(f"Drawn   {arguments.picture}, the first {len(labels)} digits")


def _write_csv(dataset, target: Path) -> None:
    """Write a dataset to a CSV or CSV.gz file, completely or not at all."""
    from nn.data.csv_file import write_csv

    with progress(target.name, dataset) as advance, written_csv(target) as file:
        rows = write_csv(file, dataset.blocks(), advance)
    print(f"Written: {target}, {rows:,} digits")
