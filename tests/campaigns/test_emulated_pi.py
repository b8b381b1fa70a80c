"""What `make verify-emulated` needs is looked for before its first step."""

import socket

import pytest

from scripts.emulation.card_folder import CardFolder
from scripts.emulation.emulator import Emulator, Ports
from scripts.machines.host import MachineError
from tests.campaigns.emulated_pi import needs


def test_everything_that_is_missing_is_named_at_once(tmp_path, monkeypatch):
    """Programs by their packages, the card, its password, MNIST, and a port that is taken."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    monkeypatch.setattr(needs, "PASSWORD", tmp_path / "jupyter-password")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = Ports(taken.getsockname()[1], 1)
        with pytest.raises(MachineError) as caught:
            needs.require_ready(Emulator(CardFolder(tmp_path)), ports)
    packages, card, port, mnist, password = str(caught.value).splitlines()
    assert "apt-get install chromium chromium-driver e2fsprogs openssh-client" in packages
    assert "no such card: make it first with 'make image'" in card
    assert f"port {ports.ssh} " in port
    assert "MNIST" in mnist
    assert "jupyter-password: no such file" in password


def test_nothing_is_said_when_nothing_is_missing(tmp_path, monkeypatch):
    """With a card, a password, and MNIST."""
    monkeypatch.setattr(needs, "require_commands", lambda *names: None)
    monkeypatch.setattr(needs, "find_mnist", lambda say: None)
    monkeypatch.setattr(needs, "PASSWORD", tmp_path / "jupyter-password")
    needs.PASSWORD.touch()
    folder = CardFolder(tmp_path)
    folder.image.touch()
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        ports = Ports(one.getsockname()[1], other.getsockname()[1])
    needs.require_ready(Emulator(folder), ports)
