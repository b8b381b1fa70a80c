"""``query``: read the digit in each picture."""

from nn.cli.console import remark
from nn.cli.files import load_reader
from nn.errors import KitError

_BAR_WIDTH = 30


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", help="a picture of one digit, any size"
    )
    parser.add_argument(
        "--model", metavar="FILE", default="models/pi-zero.npz", help="default: %(default)s"
    )
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Read each picture; continue with the others if one cannot be read."""
    from nn.images import read_digit
    from nn.signals import scale_pixels

    network, labels = load_reader(arguments.model)
    code = 0
    for path in arguments.images:
        try:
            outputs = network.query(scale_pixels(read_digit(path), network.dtype))
        except KitError as error:
            remark(f"error: {error}")
            code = 1
        else:
            print(f"{path}: {labels.names[outputs.argmax()]}")
            width = max(map(len, labels.names))
            for name, signal in zip(labels.names, outputs, strict=True):
                bar = "#" * round(_BAR_WIDTH * float(signal))
                print(f"  {name:>{width}}  {signal:5.2f}  {bar}".rstrip())
    return code
