"""``backquery``: draw what a network has in mind for each digit."""

from nn.cli.files import add_reader_flag, check_picture_target, given_reader, load_reader


def add_arguments(parser) -> None:
    """Add the command's flags."""
    add_reader_flag(parser)
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
    model = given_reader(arguments.model)
    network, labels = load_reader(model)
    answers = np.arange(len(labels))
    pictures = network.backquery(one_hot(answers, len(answers), network.dtype))
    figure = digit_grid(pictures, labels.names, columns=5 if len(labels) <= 10 else 10)
    save_figure(figure, arguments.output)
    print(f"Drawn: {arguments.output}")
