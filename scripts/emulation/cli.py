"""Make a card image with the kit, and boot it in an emulated Pi Zero."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from scripts.emulation.card_folder import DEFAULT_FOLDER, HOST, PROJECT, CardFolder
from scripts.emulation.emulator import BOOT_SECONDS, Emulator, Ports
from scripts.emulation.image import make_image
from scripts.machines.host import MachineError


def main() -> int:
    """Parse the arguments and run the command; return the exit code."""
    return run(_parser().parse_args())


def run(arguments) -> int:
    """Run a command; if it fails, print one line and return 1."""
    folder = CardFolder(arguments.folder.absolute())
    try:
        arguments.run(folder, arguments)
    except MachineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped: finished stages are kept", file=sys.stderr)
        if Emulator(folder).pid:
            print("the emulated Pi is still running: 'make emulate-stop' stops it", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.emulation", description=__doc__)
    add_folder(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    image = commands.add_parser("image", help="make a card image with the kit")
    image.add_argument("--base", type=Path, help="an image of Raspberry Pi OS, or an ARMv6 root")
    image.add_argument("--extra", default="", help="more options for ansible-playbook")
    image.add_argument(
        "--replace", action="store_true", help="replace the card even if it was booted"
    )
    image.set_defaults(run=_image)
    start = commands.add_parser("start", help="boot the card in an emulated Pi Zero")
    add_ports(start)
    start.add_argument(
        "--timeout",
        type=float,
        default=BOOT_SECONDS,
        help="seconds to wait for the boot; default: %(default)s",
    )
    start.set_defaults(run=_start)
    stop = commands.add_parser("stop", help="shut down the emulated Pi Zero")
    stop.set_defaults(run=_stop)
    return parser


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the card's folder."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=DEFAULT_FOLDER,
        help="folder of card and logs; default: %(default)s",
    )


def add_ports(parser: argparse.ArgumentParser) -> None:
    """Add the flags for the ports of this computer that lead to the machine's."""
    for name, port in vars(Ports()).items():
        parser.add_argument(f"--{name}-port", type=_port, default=port, help="default: %(default)s")


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text}")


def ports(arguments) -> Ports:
    """Return the ports that the flags give."""
    return Ports(arguments.ssh_port, arguments.jupyter_port)


def _image(folder: CardFolder, arguments) -> None:
    flags = shlex.split(arguments.extra)
    mnist = os.environ.get("MNIST_DIR")
    mirror = Path(mnist).resolve() if mnist else None
    make_image(folder, arguments.base, flags, mirror=mirror, replace=arguments.replace)


def _start(folder: CardFolder, arguments) -> None:
    emulator = Emulator(folder)
    emulator.start(ports(arguments))
    seconds = emulator.wait(arguments.timeout)
    password = PROJECT / "ansible/secrets" / HOST / "jupyter-password"
    print(f"The emulated Pi Zero booted in {seconds:.0f} s. It is slow: a login takes 8 s.")
    print(f"  log in:  {shlex.join(emulator.ssh_command)}")
    print(f"  Jupyter: {emulator.jupyter_url}/ (some minutes after booting)")
    print(f"           the password is in {password}")
    print(f"  verify:  {_verify_command(emulator.inventory)}")
    print("  stop:    make emulate-stop")


def _verify_command(inventory: Path) -> str:
    if " " not in str(inventory):
        return f"make verify INVENTORY={inventory}"
    words = (".venv/bin/ansible-playbook", "-i", str(inventory), "ansible/playbooks/verify.yml")
    return f"ANSIBLE_CONFIG=ansible/ansible.cfg {shlex.join(words)}"  # make splits at spaces


def _stop(folder: CardFolder, arguments) -> None:
    emulator = Emulator(folder)
    print("emulate: shutting down" if emulator.pid else "emulate: no emulated Pi is running")
    if not emulator.stop():
        print("emulate: it did not shut down in time, and was switched off")
