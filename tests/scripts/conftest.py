"""Cards to prepare, and the command that does it."""

import pytest

from scripts.sdcard import cli
from tests.scripts.cards import (
    BOOKWORM_CMDLINE,
    KEY,
    PASSWORD,
    TRIXIE_CMDLINE,
    WIFI_PASSWORD,
    make_card,
)


@pytest.fixture
def trixie(tmp_path):
    """A freshly flashed trixie card: its cloud-init files say nothing but comments."""
    card = make_card(tmp_path / "bootfs", TRIXIE_CMDLINE, "2026-06-18")
    (card / "user-data").write_text("#cloud-config\n\n#hostname: here\n#users:\n#- name: you\n")
    (card / "network-config").write_text("# wifis:\nnetwork:\n  version: 2\n")
    (card / "meta-data").write_text("dsmode: local\ninstance_id: image\n")
    return card


@pytest.fixture
def bookworm(tmp_path):
    """A freshly flashed bookworm card, as late as the trixie one."""
    return make_card(tmp_path / "bootfs", BOOKWORM_CMDLINE, "2026-06-18")


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """Run the command in an empty home, off a terminal, with password files beside the card."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_is_terminal", lambda: False)
    (tmp_path / "login.txt").write_text(PASSWORD + "\n")
    (tmp_path / "wifi.txt").write_text(WIFI_PASSWORD + "\n")
    (tmp_path / "key.pub").write_text(KEY + "\n")

    def run(card, *words, login=("--password-file", "login.txt"), key=("--ssh-key", "key.pub")):
        names = ("--hostname", "pi-1", "--user", "ada")
        return cli.main([str(card), *names, *login, *key, *words])

    return run
