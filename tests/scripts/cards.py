"""Boot partitions as flashing leaves them, and how to read what is written to them."""

import base64
import ctypes
import ctypes.util
import json
from pathlib import Path

import pytest

BLOB = base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(range(32))).decode()
KEY = f"ssh-ed25519 {BLOB} ada@desk"
PASSWORD, WIFI_PASSWORD = "correct horse", "battery staple"
BOOKWORM_CMDLINE = (
    "console=serial0,115200 console=tty1 root=PARTUUID=0badcafe-02 rootfstype=ext4 rootwait quiet "
    "init=/usr/lib/raspberrypi-sys-mods/firstboot\n"
)
TRIXIE_CMDLINE = "console=tty1 root=PARTUUID=0badcafe-02 rootfstype=ext4 rootwait resize\n"
WIFI = (
    "--wifi-ssid",
    'Café "9"\\ {a} 😀',
    "--wifi-country",
    "GB",
    "--wifi-password-file",
    "wifi.txt",
)
PLACE = ("--locale", "en_GB.UTF-8", "--keyboard", "gb", "--timezone", "Europe/London")
ALL = (*WIFI, "--usb-gadget", *PLACE)


def make_card(folder: Path, cmdline: str, date: str) -> Path:
    """Make what both images have on their boot partitions (32-bit)."""
    folder.mkdir()
    (folder / "cmdline.txt").write_text(cmdline)
    (folder / "config.txt").write_text("dtparam=audio=on\n\n[cm5]\ndtoverlay=dwc2,dr_mode=host\n")
    (folder / "issue.txt").write_text(f"Raspberry Pi reference {date}\nGenerated, stage2\n")
    for name in ("bcm2708-rpi-zero.dtb", "kernel.img", "start.elf", "initramfs"):
        (folder / name).write_bytes(b"\0")
    return folder


def cloud_data(card: Path, name: str = "user-data") -> dict:
    """Read one of our cloud-init files: JSON under comments."""
    lines = (card / name).read_text(encoding="utf-8").splitlines()
    return json.loads("\n".join(line for line in lines if not line.startswith("#")))


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the content of every file."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def crypt(password: str, salt: str) -> str:
    """Hash by the C library, as the Pi does at a login."""
    name = ctypes.util.find_library("crypt")
    if not name:
        pytest.skip("no libcrypt here to hold hashes against")
    function = ctypes.CDLL(name).crypt
    function.restype = ctypes.c_char_p
    return function(password.encode(), salt.encode()).decode()
