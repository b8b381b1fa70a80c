"""`make image`, `emulate`, `emulate-stop` and `verify-emulated`: python -m scripts.emulation."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from scripts.emulation.emulator import BOOT_SECONDS, Emulator, Ports
from scripts.emulation.image import make_image
from scripts.emulation.paths import DEFAULT_FOLDER, HOST, PROJECT, CardFolder
from scripts.machines.host import MachineError


def main() -> int:
    """Run one command; return 1, after one line, when it fails."""
    arguments = _parser().parse_args()
    try:
        arguments.run(CardFolder(arguments.folder), arguments)
    except MachineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped: what was finished is kept", file=sys.stderr)
        if Emulator(CardFolder(arguments.folder)).pid:
            print("the emulated Pi goes on: 'make emulate-stop' ends it", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.emulation", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=DEFAULT_FOLDER, help="of card and logs; default: %(default)s"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    image = commands.add_parser("image", help="make a card with the kit")
    image.add_argument("--base", type=Path, help="an image of Raspberry Pi OS, or an ARMv6 root")
    image.add_argument("--extra", default="", help="more for ansible-playbook")
    image.set_defaults(run=_image)
    start = commands.add_parser("start", help="boot the card in an emulated Pi Zero")
    start.add_argument(
        "--timeout", type=float, default=BOOT_SECONDS, help="in seconds; default: %(default)s"
    )
    start.set_defaults(run=_start)
    stop = commands.add_parser("stop", help="shut it down")
    stop.set_defaults(run=_stop)
    verify = commands.add_parser("verify", help="try all that is promised, and write a report")
    verify.add_argument(
        "--cuts", type=int, default=2, help="of power, of each kind; default: %(default)s"
    )
    for command in (start, verify):
        for name, port in vars(Ports()).items():
            command.add_argument(
                f"--{name}-port", type=_port, default=port, help="default: %(default)s"
            )
    verify.set_defaults(run=_verify)
    return parser


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text}")


def _ports(arguments) -> Ports:
    return Ports(arguments.ssh_port, arguments.jupyter_port)


def _image(folder: CardFolder, arguments) -> None:
    flags = shlex.split(arguments.extra)
    if mnist := os.environ.get("MNIST_DIR"):
        flags = ["--extra-vars", f"dataset_mirror={Path(mnist).resolve()}", *flags]
    make_image(folder, arguments.base, flags)


def _start(folder: CardFolder, arguments) -> None:
    emulator = Emulator(folder)
    emulator.start(_ports(arguments))
    seconds = emulator.wait(arguments.timeout)
    password = PROJECT / "ansible/secrets" / HOST / "jupyter-password"
    print(f"The emulated Pi Zero is up, after {seconds:.0f} s. It is slow: a login takes 8 s.")
    print(f"  log in:  {shlex.join(emulator.ssh_command)}")
    print(f"  Jupyter: {emulator.jupyter_url}/ (some minutes after booting)")
    print(f"           its password is in {password}")
    print(f"  verify:  make verify INVENTORY={emulator.inventory}")
    print("  stop:    make emulate-stop")


def _stop(folder: CardFolder, arguments) -> None:
    emulator = Emulator(folder)
    print("emulate: shutting down" if emulator.pid else "emulate: no emulated Pi runs")
    if not emulator.stop():
        print("emulate: it did not go down by itself, and was switched off")


def _verify(folder: CardFolder, arguments) -> None:
    from scripts.emulation.campaign import REPORT, Campaign  # needs more than a card does

    if not Campaign(folder, _ports(arguments)).run(arguments.cuts):
        raise MachineError(f"not all of it passed: see {REPORT}")


if __name__ == "__main__":
    sys.exit(main())
