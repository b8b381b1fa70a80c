"""The emulated Pi's switch, with a stand-in for QEMU: a script that does what QEMU might."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time

import pytest
import yaml

from scripts.emulation.card_folder import CardFolder
from scripts.emulation.emulator import Emulator, Ports
from scripts.machines.host import MachineError


@pytest.fixture
def folder(tmp_path):
    """A folder with what looks like a card."""
    (tmp_path / "card/root/etc/ssh").mkdir(parents=True)
    (tmp_path / "card/root/etc/ssh/ssh_host_ed25519_key.pub").write_text("ssh-ed25519 AAAA host\n")
    folder = CardFolder(tmp_path / "card")
    folder.image.write_bytes(b"")
    return folder


@pytest.fixture
def ports():
    """Two ports that nobody has."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return Ports(one.getsockname()[1], other.getsockname()[1])


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a program of these Python lines where QEMU would be."""

    def put(lines: str) -> None:
        program = tmp_path / "bin/qemu-system-arm"
        program.parent.mkdir(exist_ok=True)
        # the name that /proc shows is the program's own, as QEMU's is
        python = tmp_path / "python/qemu-system-arm"
        python.parent.mkdir(exist_ok=True)
        python.unlink(missing_ok=True)
        python.symlink_to(sys.executable)
        code = tmp_path / "code.py"
        code.write_text(lines)
        program.write_text(f'#!/bin/sh\nexec {python} {code} "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return put


@pytest.fixture
def emulator(folder):
    """The emulator, switched off at the end."""
    emulator = Emulator(folder)
    yield emulator
    emulator.kill()


@pytest.mark.slow
def test_a_panic_is_shown(emulator, stand_in, ports):
    """With the kernel's own line, and where the rest is."""
    panic = "Kernel panic - not syncing: VFS: Unable to mount root fs"
    stand_in(f"print('[    1.0] {panic}', flush=True)\nimport time; time.sleep(60)")
    emulator.start(ports)
    with pytest.raises(MachineError, match=rf"panicked: {panic}\nIts output is in .*serial\.log"):
        emulator.wait(30)
    assert emulator.pid is None


@pytest.mark.slow
def test_qemu_that_ends_is_noticed(emulator, stand_in, ports):
    """With what it said last."""
    stand_in("print('qemu: could not open disk image')")
    emulator.start(ports)
    with pytest.raises(MachineError, match=r"(?s)stopped while booting.*could not open disk image"):
        emulator.wait(30)


@pytest.mark.slow
def test_a_boot_that_takes_too_long_is_told(emulator, stand_in, ports):
    """With what was said last."""
    stand_in("print('Begin: Waiting for root', flush=True)\nimport time; time.sleep(60)")
    emulator.start(ports)
    time.sleep(0.5)
    with pytest.raises(MachineError, match=r"(?s)not booted after 0\.5 s.*Waiting for root"):
        emulator.wait(0.5)
    assert emulator.pid  # for a look at it


def test_what_is_forwarded_and_what_boots(emulator, stand_in, ports, folder):
    """The board, the card, and both ports on loopback alone."""
    stand_in("import sys, time; print(' '.join(sys.argv), flush=True); time.sleep(60)")
    emulator.start(ports)
    deadline = time.monotonic() + 20
    while not (said := folder.serial_log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "-M raspi0" in said
    assert abs(int(re.search(r"systemd.clock_usec=(\d+)", said)[1]) / 1e6 - time.time()) < 60
    assert f"file={folder.image},if=sd" in said
    assert f"hostfwd=tcp:127.0.0.1:{ports.ssh}-:22" in said
    assert f"hostfwd=tcp:127.0.0.1:{ports.jupyter}-:8888" in said
    with pytest.raises(MachineError, match=f"is already running, as process {emulator.pid}"):
        Emulator(folder).start(ports)


def test_a_taken_port_is_named(emulator, stand_in, ports):
    """And how to take another."""
    stand_in("import time; time.sleep(60)")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports.jupyter))
        taken.listen()
        with pytest.raises(MachineError, match=rf"port {ports.jupyter} .*JUPYTER_PORT="):
            emulator.start(ports)
    assert emulator.pid is None


def test_what_is_missing_is_named(emulator, stand_in, ports, folder, monkeypatch):
    """A card, QEMU, and a machine that runs."""
    with pytest.raises(
        MachineError, match="no emulated Pi is running: start it with 'make emulate'"
    ):
        _ = emulator.ports
    stand_in("")
    folder.image.unlink()
    with pytest.raises(MachineError, match=r"card\.img: no such card: .*'make image'"):
        emulator.start(ports)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MachineError, match=r"apt-get install .*qemu-system-arm"):
        emulator.start(ports)


def test_another_process_of_that_number_is_not_taken_for_it(emulator, folder):
    """A number that is used again after a restart of this computer."""
    (folder.path / "emulator.json").write_text(f'{{"pid": {os.getpid()}, "ssh": 1, "jupyter": 2}}')
    assert emulator.pid is None


@pytest.mark.parametrize("text", ["", '{"pid": 12', "[]", '{"pid": 1}', '{"pid": "x"}'])
def test_a_cut_off_state_is_no_machine(emulator, folder, text):
    """As after a full disk or a power cut: no traceback, and it can be started again."""
    (folder.path / "emulator.json").write_text(text)
    assert emulator.pid is None
    with pytest.raises(MachineError, match="no emulated Pi is running"):
        _ = emulator.ports
    assert emulator.stop()


def test_a_card_without_a_key_is_refused(emulator, stand_in, ports, folder):
    """With what to do; the root may be deleted, because the card's key is kept beside it."""
    stand_in("import time; time.sleep(60)")
    shutil.rmtree(folder.root)
    with pytest.raises(MachineError, match=r"key nobody can log in\. Make .*'make image'"):
        emulator.start(ports)
    folder.host_key.write_text("ssh-ed25519 BBBB kept\n")
    emulator.start(ports)
    assert emulator.known_hosts.read_text().endswith("ssh-ed25519 BBBB kept\n")


def test_a_booted_card_is_marked(emulator, stand_in, ports, folder):
    """So that 'make image' does not replace it."""
    stand_in("import time; time.sleep(60)")
    folder.stage_done("card", "kit")
    assert not folder.was_booted
    emulator.start(ports)
    assert folder.was_booted


@pytest.mark.parametrize("name", ["my card", "a,b", "a: #b 'c'"])
def test_any_path_will_do(tmp_path, stand_in, ports, name):
    """Spaces, commas, colons and quotes, for QEMU, SSH and Ansible."""
    folder = CardFolder(tmp_path / name)
    folder.path.mkdir()
    folder.image.write_bytes(b"")
    folder.host_key.write_text("ssh-ed25519 AAAA host\n")
    stand_in("import sys, time; print(*sys.argv, flush=True); time.sleep(60)")
    emulator = Emulator(folder)
    try:
        emulator.start(ports)
        drive = f"file={str(folder.image).replace(',', ',,')},if=sd,format=raw"
        deadline = time.monotonic() + 20
        while not (said := folder.serial_log.read_text()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert drive in said
        ssh, *words = emulator.ssh_command
        settings = subprocess.run([ssh, "-G", *words], capture_output=True, text=True, check=True)
        assert f"userknownhostsfile {emulator.known_hosts}\n" in settings.stdout.replace('"', "")
        host = yaml.safe_load(emulator.inventory.read_text())["pis"]["hosts"]["pi-emulated"]
        assert host["ansible_ssh_private_key_file"] == str(folder.key)
        words = shlex.split(host["ansible_ssh_common_args"])
        assert f'UserKnownHostsFile="{emulator.known_hosts}"' in words
    finally:
        emulator.kill()
