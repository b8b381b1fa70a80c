"""Does a bookworm card's network over USB have an address? `make test-usb`."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from scripts.machines.host import MachineError
from scripts.machines.roots import RootKind, ensure_root
from scripts.sdcard import bookworm
from scripts.sdcard.settings import Settings
from tests.campaigns.booted_cards.machine import boot, make_disk, require_qemu

KIND = RootKind(
    "usb",
    tuple(
        "ca-certificates dbus dnsmasq-base initramfs-tools iproute2 iputils-ping kmod "
        "linux-image-amd64 locales network-manager procps python3 systemd-sysv udev".split()
    ),
)
GUEST = Path(__file__).with_name("usb_guest.py")
# What each computer at the other end is, and how the Pi's address begins there.
COMPUTERS = {
    "alone": ("does not share its connection", f" {bookworm.USB_ADDRESS}"),
    "shared": ("shares its connection", " 192.168.137."),
}
HEAD = """\
# The network over USB on bookworm

The profiles and the udev rule that `scripts/prepare_sd_card.py --usb-gadget` leaves on a bookworm
card, in Debian bookworm with NetworkManager under QEMU (x86-64). The cable is dummy_hcd with
g_ether; the computer at its other end is a network namespace. `make test-usb` writes this; run on
{date}.

| the computer | address of the Pi | after |
|---|---|---|
"""


def main() -> int:
    """Boot, write the report, and return 1 if the Pi had no address."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.booted_cards.usb")
    parser.add_argument("--report", metavar="FILE", required=True)
    arguments = parser.parse_args()
    try:
        require_qemu()
        with tempfile.TemporaryDirectory(prefix="pi-nn-usb-", dir="/var/tmp") as name:
            folder = Path(name)
            make_disk(ensure_root("bookworm", KIND), folder, files())
            for part in ("lab", "bootfs"):
                (folder / part).mkdir()
            shutil.copy(GUEST, folder / "lab/guest.py")
            (folder / "bootfs/cmdline.txt").write_text("quiet\n")
            lines = boot(folder, folder / "bootfs", folder / "lab")
    except MachineError as error:
        print(f"usb: {error}", file=sys.stderr)
        return 1
    text, good = report(lines)
    Path(arguments.report).write_text(text)
    print(text)
    return 0 if good else 1


def files() -> dict[str, str]:
    """Return what a card's script writes into the system."""
    settings = Settings("pi-1", "ada", "$6$x", usb_gadget=True)
    return {path.lstrip("/"): text for path, text in bookworm.script_files(settings).items()}


def report(lines: list[dict]) -> tuple[str, bool]:
    """Return the report, and whether the Pi had an address from each computer."""
    rows, good = [], True
    found = {line["kind"]: line for line in lines}
    for kind, (name, start) in COMPUTERS.items():
        line = found.get(kind, {})
        words = line.get("address", "").split()
        address = words[words.index("inet") + 1] if "inet" in words else ""
        good = good and f" {address}".startswith(start)
        rows.append(f"| {name} | {address or '**none**'} | {line.get('seconds', '?')} s |")
    return HEAD.format(date=time.strftime("%Y-%m-%d")) + "\n".join(rows) + "\n", good


if __name__ == "__main__":
    sys.exit(main())
