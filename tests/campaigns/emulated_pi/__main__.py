"""`make verify-emulated`: python -m tests.campaigns.emulated_pi."""

import argparse
import sys

from scripts.emulation import cli
from scripts.emulation.card_folder import CardFolder
from scripts.machines.host import MachineError
from tests.campaigns.emulated_pi.campaign import REPORT, Campaign


def main() -> int:
    """Run the campaign; return 1, after one line, when not all of it passed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.emulated_pi",
        description="Try all that is promised of a Pi Zero on the emulated one; write a report.",
    )
    cli.add_folder(parser)
    cli.add_ports(parser)
    parser.add_argument(
        "--cuts", type=int, default=2, help="power cuts of each kind; default: %(default)s"
    )
    parser.set_defaults(run=_verify)
    return cli.run(parser.parse_args())


def _verify(folder: CardFolder, arguments) -> None:
    if not Campaign(folder, cli.ports(arguments)).run(arguments.cuts):
        raise MachineError(f"not all of it passed: see {REPORT}")


if __name__ == "__main__":
    sys.exit(main())
