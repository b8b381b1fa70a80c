"""A class of Pis without Pis: homes in a folder, an `ssh` that runs commands in them, readers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.classroom import cards, medium
from scripts.classroom.transfer import KIT_FILES
from scripts.pis import Pi
from scripts.sdcard import card as sdcard
from tests.conftest import PROJECT
from tests.scripts.cards import BOOKWORM_CMDLINE, KEY, TRIXIE_CMDLINE, make_card

SHARED = """\
user = "ada"
country = "GB"
locale = "en_GB.UTF-8"
ssh_key = "key.pub"

[[wifi]]
ssid = "School"
password = "battery staple"
"""
LIST = 'name,host,user\nAnn Smith,,\n"Bräm, Jörg",pi-07,joerg\n{{ 7 * 7 }},,\n'


@pytest.fixture
def folder(tmp_path):
    """A folder with class.csv and class.toml."""
    (tmp_path / "class.csv").write_text(LIST)
    (tmp_path / "class.toml").write_text(SHARED)
    (tmp_path / "key.pub").write_text(KEY + "\n")
    return tmp_path


class Computer:
    """What a computer shows of its readers: folders of cards, and media in /sys.

    Attributes
    ----------
    steps : list of callable
        What a person does, one each time that the program waits; then they press Ctrl-C.
    """

    def __init__(self, folder, monkeypatch):
        self.real_eject = medium.eject
        self.folder, self.steps, self.places, self.ejected = folder, [], [], []
        self.system, self.mounts, self.devices = folder / "sys", folder / "mounts", folder / "dev"
        self.system.mkdir()
        self.devices.mkdir()
        self.mounts.write_text("tmpfs /tmp tmpfs rw 0 0\n")
        (folder / "boot_id").write_text("boot-1\n")
        monkeypatch.setattr(sdcard, "_places", lambda: list(self.places))
        monkeypatch.setattr(sdcard, "MOUNTS", self.mounts)
        monkeypatch.setattr(medium, "SYSTEM", self.system)
        monkeypatch.setattr(medium, "DEVICES", self.devices)
        monkeypatch.setattr(medium, "SWAPS", folder / "swaps")
        monkeypatch.setattr(medium, "BOOT", folder / "boot_id")
        monkeypatch.setattr(medium, "MOUNT_SECONDS", 0)
        monkeypatch.setattr(medium, "eject", self._eject)
        monkeypatch.setattr(cards, "SETTLE", 0)
        monkeypatch.setattr(cards.time, "sleep", self._wait)

    def _wait(self, seconds):
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()

    def _eject(self, place):
        self.ejected.append(place.name)
        self.places.remove(place)
        return True

    def put_in(self, name, release="trixie"):
        """Put in a flashed card; return its boot folder."""
        cmdline = TRIXIE_CMDLINE if release == "trixie" else BOOKWORM_CMDLINE
        card = make_card(self.folder / name, cmdline, "2026-06-18")
        if release == "trixie":
            (card / "user-data").write_text("#cloud-config\n")
        self.places.append(card)
        return card

    def put_medium_in(self, name="sdx", megabytes=8, visit=1, **values):
        """Put in a medium of zeros; return the path of its device."""
        device = self.devices / name
        device.write_bytes(bytes(megabytes << 20))
        entry = self.system / name
        (entry / "device").mkdir(parents=True, exist_ok=True)
        values = {
            "removable": 1,
            "size": (megabytes << 20) // 512,
            "ro": 0,
            "diskseq": visit,
            "device/model": "Card Reader",
        } | values
        for key, value in values.items():
            (entry / key).write_text(f"{value}\n")
        return device

    def has_partition(self, name, number=1, of="sdx"):
        """Let a medium have a partition."""
        (self.system / of / name).mkdir()
        (self.system / of / name / "partition").write_text(f"{number}\n")

    def mount(self, device, place):
        """Let a device be mounted in a folder."""
        table = self.mounts.read_text()
        place = str(place).replace(" ", "\\040")
        self.mounts.write_text(f"{table}{self.devices / device} {place} vfat rw 0 0\n")


@pytest.fixture
def computer(folder, monkeypatch):
    """A computer without any card."""
    return Computer(folder, monkeypatch)


@pytest.fixture
def make_cards(folder):
    """Run the command on the class, with its secrets and its inventory in the same folder."""

    def run(*words):
        places = ("--secrets", str(folder / "secrets"), "--inventory", str(folder / "hosts.yml"))
        return cards.main([str(folder / "class.csv"), *places, *words])

    return run


# The last two words are the address and the command. A Pi without a home is switched off.
SSH = """\
#!/bin/bash
host=${*: -2:1}
if [ ! -d "$HOMES/$host" ]; then
    echo "ssh: connect to host $host port 22: Connection timed out" >&2
    exit 255
fi
export HOME="$HOMES/$host"
cd "$HOME" || exit
if [ -e "$HOME/dies" ]; then # the plug is pulled while it answers
    sh -c "${*: -1}" | head -c 100
    exit 255
fi
# The command runs on the Pi; its output is written here.
(ulimit -f unlimited && exec sh -c "${*: -1}") | cat
exit "${PIPESTATUS[0]}"
"""


@pytest.fixture(scope="session")
def packed_kit(tmp_path_factory) -> Path:
    """The kit's files for a Pi, packed once."""
    path = tmp_path_factory.mktemp("kit") / "kit.tar.gz"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, KIT_FILES, "pack", PROJECT, path]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture
def homes(tmp_path, monkeypatch, packed_kit):
    """Make the homes of Pis with the kit, by `add`; return the Pis."""
    programs, folder = tmp_path / "bin", tmp_path / "homes"
    programs.mkdir()
    folder.mkdir()
    (programs / "ssh").write_text(SSH)
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOMES", str(folder))

    def add(*names: str) -> list[Pi]:
        for name in names:
            kit = folder / name / "pi-nn"
            environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
            command = [sys.executable, KIT_FILES, "install", packed_kit, kit]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return [Pi(name, [], name, "pi-nn") for name in names]

    add.folder = folder
    return add
