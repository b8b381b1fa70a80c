"""What the campaign's steps need of this computer, looked for before the first of them."""

from functools import partial

from nn.errors import KitError
from scripts.bench.digits import find_mnist
from scripts.emulation.card_folder import HOST
from scripts.emulation.emulator import Emulator, Ports
from scripts.machines.host import MachineError, require_commands
from tests.campaigns import PROJECT

PASSWORD = PROJECT / "ansible/secrets" / HOST / "jupyter-password"
COMMANDS = ("qemu-system-arm", "ssh", "e2fsck", "chromium", "chromedriver")


def require_ready(emulator: Emulator, ports: Ports) -> None:
    """Raise a MachineError that names everything the steps need and this computer lacks."""
    checks = (
        partial(require_commands, *COMMANDS),
        emulator.require_card,
        partial(emulator.require_off, ports),
        partial(find_mnist, lambda line: None),
        _require_password,
    )
    missing = []
    for check in checks:
        try:
            check()
        except KitError as error:
            missing.append(str(error))
    if missing:
        raise MachineError("\n".join(missing))


def _require_password() -> None:
    if not PASSWORD.is_file():
        raise MachineError(
            f"{PASSWORD}: no such file: 'make image' writes the card's password there"
        )
