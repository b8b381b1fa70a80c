"""``backquery``: draw what a network has in mind for each digit."""

from nn.cli.files import check_picture_target, load_reader


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--model", metavar="FILE", default="models/pi-zero.npz", help="default: %(default)s"
    )
    parser.add_argument(
        "--output", metavar="FILE.png", default="backquery.png", help="default: %(default)s"
    )
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Run the network backwards from each answer, and save the results as a picture."""
    import numpy as np

    from nn.plots import digit_grid, save_figure
    from nn.signals import one_hot

    check_picture_target(arguments.output)
    network, labels = load_reader(arguments.model)
    answers = np.arange(len(labels))
    pictures = network.backquery(one_hot(answers, len(answers), network.dtype))
    figure = digit_grid(pictures, labels.names, columns=5 if len(labels) <= 10 else 10)
    save_figure(figure, arguments.output)
    print(f"Drawn: {arguments.output}")
