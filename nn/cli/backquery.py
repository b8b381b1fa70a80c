"""``backquery``: draw what a network has in mind for each digit."""

from nn.cli.files import check_picture_target, load_digit_reader


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
    """Run the network backwards from each of the ten answers, and save the results as a picture."""
    import numpy as np

    from nn.plots import digit_grid, save_figure
    from nn.signals import one_hot

    check_picture_target(arguments.output)
    network = load_digit_reader(arguments.model)
    digits = np.arange(network.sizes[2])
    pictures = network.backquery(one_hot(digits, len(digits), network.dtype))
    figure = digit_grid(pictures, [str(digit) for digit in digits], columns=5)
    save_figure(figure, arguments.output)
    print(f"Drawn: {arguments.output}")
