"""One view of a class: status, handing out and collecting, by SSH to two real machines.

They have the kit, and a stand-in for Jupyter: what `make provision` sets up is tested elsewhere.
"""

import json
import os
import re
import stat
import subprocess
import sys
import time

import pytest

from nn import __version__
from scripts.classroom.transfer import KIT_FILES
from tests.conftest import PROJECT
from tests.machines.machine import Machine

AWAY = "192.0.2.1"  # of a network that is for documentation: nobody answers
JUPYTER = r"""
mkdir -p /etc/pi-nn
echo 'c.ServerApp.port = 8899' > /etc/pi-nn/jupyter_server_config.py
printf '[Service]\nExecStart=/usr/bin/python3 -m http.server 8899\n' \
    > /etc/systemd/system/pi-nn-jupyter.service
systemctl daemon-reload; systemctl restart pi-nn-jupyter
timeout 30 sh -c 'until grep -q ":22C3 .* 0A " /proc/net/tcp; do sleep 0.2; done'
"""
DIGESTS = "cd ~ && find pi-nn .jupyter -type f -exec sha256sum {} + | sort -k2"
# A name with all that a shell or a terminal would take for more than a name.
STRANGE = 'it\'s "$x" `y`; é\t-.ipynb'
WORK = r"""
mkdir -p ~/.jupyter ~/pi-nn/notebooks/sub ~/pi-nn/models
echo '{}' > ~/.jupyter/custom.json
echo changed >> ~/pi-nn/notebooks/README.md
head -c 3000000 /dev/urandom > ~/pi-nn/notebooks/sub/data.bin
printf mine > ~/pi-nn/notebooks/"$(printf 'it'\''s "$x" `y`; \303\251\t-.ipynb')"
printf 'no text \377' > ~/pi-nn/notebooks/"$(printf 'bytes-\377')"
printf '#!/bin/sh\n' > ~/pi-nn/run.sh; chmod 750 ~/pi-nn/run.sh
: > ~/pi-nn/empty
"""
FULL_CARD = """
mkdir /mnt/home && cp -a /home/pi/.ssh /mnt/home
mount -t tmpfs -o size=9M,mode=700 none /home/pi
cp -a /mnt/home/.ssh /home/pi; mkdir /home/pi/pi-nn; echo mine > /home/pi/pi-nn/mine.txt
chown -R pi: /home/pi
head -c 20M /dev/zero > /home/pi/pi-nn/.cache || true
"""
MODES = "cd ~/pi-nn && stat -c '%a %n' run.sh empty notebooks/sub/data.bin"


def install_kit(machine):
    """Install the kit as its role does."""
    home = machine.root / "home/pi"
    for command in (["bundle", home / "kit_files.pyz"], ["pack", PROJECT, home / "kit.tar.gz"]):
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        program = [sys.executable, KIT_FILES, *command]
        subprocess.run(program, env=environment, check=True, stdout=subprocess.DEVNULL)
    machine.run("chown pi: ~pi/kit*", user="root")
    machine.run("python3 kit_files.pyz install kit.tar.gz ~/pi-nn && rm kit*")


@pytest.fixture(scope="module")
def machines():
    with Machine("bookworm", "desk-1") as first, Machine("trixie", "desk-2") as second:
        for machine in (first, second):
            install_kit(machine)
            machine.run(JUPYTER, user="root")
        yield [first, second]


@pytest.fixture
def ask(machines, tmp_path):
    """Run a command for the machines; the Pi "away" is in the inventory as well, but off."""
    hosts = {"away": {"ansible_host": AWAY, "ansible_ssh_common_args": "-o ConnectTimeout=3"}}
    for machine in machines:
        hosts |= json.loads(machine.inventory(pupil="../../Ada"))["pis"]["hosts"]
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"pis": {"hosts": hosts}}))

    def run(name, *words, limit="desk-1,desk-2", code=0):
        module = [sys.executable, "-m", f"scripts.classroom.{name}", "--inventory", inventory]
        command = [*module, "--limit", limit, *words]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


def test_those_that_are_well_need_nothing(ask, machines):
    """The exit code is 0; a line for each, with all that the columns promise."""
    start = time.monotonic()
    lines = ask("status").stdout.splitlines()
    print(f"\ntwo Pis: {time.monotonic() - start:.1f} s", *lines, sep="\n")
    for machine, line in zip(machines, lines[1:3], strict=True):
        words = line.split()
        assert words[:4] == [machine.name, "../../Ada", machine.release, __version__]
        assert words[5] in ("MB", "GB")
        assert words[7] in ("MB", "GB")
        assert words[8] == "ready"
    assert lines[3].endswith("2 ready, 0 in need")


def test_what_each_needs_is_said(ask, machines):
    """One is off, one has no Jupyter, one was trained; the exit code is 1."""
    train = [sys.executable, "-m", "nn", "train", "--preset", "smoke"]
    sample = PROJECT / "mnist_dataset"
    model = machines[0].root / "home/pi/pi-nn/models/smoke.npz"
    model.parent.mkdir(exist_ok=True)
    data = ["--train", sample / "sample_train.csv.gz", "--test", sample / "sample_test.csv.gz"]
    told = subprocess.run(
        [*train, *data, "--model", model, "--json"], capture_output=True, text=True, check=True
    )
    accuracy = json.loads(told.stdout)["accuracy"]
    machines[1].run("systemctl stop pi-nn-jupyter", user="root")
    try:
        start = time.monotonic()
        done = ask("status", limit="all", code=1)
    finally:
        machines[1].run("systemctl start pi-nn-jupyter", user="root")
        model.unlink()
    assert time.monotonic() - start < 20
    away, first, second = done.stdout.splitlines()[1:4]
    assert f"smoke {accuracy:.1%}, just now" in first
    assert second.endswith("Jupyter is inactive: make provision LIMIT=desk-2")
    assert away.startswith("away  ")
    assert away.endswith(("on this network?", "enable SSH on its card"))


@pytest.mark.parametrize("name", ["lesson.ipynb", STRANGE.replace("\t", "")])
def test_a_file_is_handed_out_and_never_over_work(ask, machines, tmp_path, name):
    """New, again, a newer one, a newer one over a pupil's changes; the one that is off is named."""
    file = tmp_path / name
    places = [machine.root / "home/pi/pi-nn/notebooks" for machine in machines]
    file.write_text("one")
    done = ask("hand_out", file, limit="all", code=1)
    assert f"error: {name} is missing: away. Run it again with LIMIT=away" in done.stderr
    assert [(place / name).read_text() for place in places] == ["one", "one"]
    assert (
        machines[0].run("stat -c '%U %a' ~/pi-nn/notebooks/*.ipynb").stdout.split("\n")[-2]
        == "pi 644"
    )
    assert f"desk-1 (../../Ada): had {name} already" in ask("hand_out", file).stdout
    file.write_text("two")
    ask("hand_out", file)
    assert [(place / name).read_text() for place in places] == ["two", "two"]
    (places[0] / name).write_text("a pupil's")
    file.write_text("three")
    for _ in range(2):
        ask("hand_out", file)
    assert [(place / name).read_text() for place in places] == ["a pupil's", "three"]
    beside = file.with_name(f"{file.stem}.new.ipynb").name
    assert (places[0] / beside).read_text() == "three"
    assert len(list(places[0].glob("*.new*"))) == 1
    for place in places:
        for path in (place / name, place / beside):
            path.unlink(missing_ok=True)
    assert machines[0].run("ls -A ~ | grep class", check=False).stdout == ""


def test_collected_wiped_and_restored_is_equal(ask, machines, tmp_path):
    """Every byte, name and permission; here, only the owner can read it."""
    for machine in machines:
        machine.run(WORK)
    before = [machine.run(DIGESTS).stdout for machine in machines]
    modes = machines[0].run(MODES).stdout
    collected = tmp_path / "collected"
    done = ask("collect", "--folder", collected, limit="all", code=1)
    assert "error: work is missing: away. Run it again with LIMIT=away" in done.stderr
    assert sorted(path.name for path in collected.iterdir()) == ["desk-1", "desk-2"]
    for path in (collected, *collected.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    (brought,) = collected.glob("desk-1/*")
    assert (brought / "pi-nn/notebooks" / STRANGE).read_text() == "mine"
    assert not (brought / "pi-nn/nn").exists()

    for machine in machines:
        machine.run("rm -rf ~/pi-nn ~/.jupyter")
        install_kit(machine)
    assert [machine.run(DIGESTS).stdout for machine in machines] != before
    done = ask("collect", "--folder", collected, "--hand-back")
    assert f"restored, from {brought}" in done.stdout
    machines[0].run("rm ~/pi-nn/notebooks/README.before-restore-1.md")  # the kit's own
    machines[1].run("rm ~/pi-nn/notebooks/README.before-restore-1.md")
    assert [machine.run(DIGESTS).stdout for machine in machines] == before
    assert machines[0].run(MODES).stdout == modes
    assert "0 files restored" in ask("collect", "--folder", collected, "--hand-back").stdout


def test_work_on_a_full_card_is_collected(ask, machines, tmp_path):
    """It is packed in memory: the card has no room for a second copy."""
    machine = machines[0]
    machine.run(FULL_CARD, user="root")
    try:
        ask("collect", "--folder", tmp_path / "collected", limit="desk-1")
        status = ask("status", limit="desk-1", code=1).stdout
    finally:
        machine.run("umount -l /home/pi", user="root")
    (file,) = tmp_path.glob("collected/desk-1/*/pi-nn/mine.txt")
    assert file.read_text() == "mine\n"
    assert "only 0 MB are free: remove files" in status


@pytest.mark.parametrize("where", ["", " >&2"])
def test_a_pi_that_prints_without_end_is_left_out(ask, machines, tmp_path, where):
    """By its user's ~/.bashrc, which each login runs; this computer's memory is not filled."""
    flood = f"echo 'cat /dev/zero{where}' > ~/.bashrc"
    machines[0].run(f"touch ~/.bashrc; mv ~/.bashrc ~/before; {flood}")
    try:
        status = ask("status", code=1).stdout
        collected = ask("collect", "--folder", tmp_path / "collected", limit="desk-2")
    finally:
        machines[0].run("mv ~pi/before ~pi/.bashrc", user="root")
    assert re.search(r"desk-1\b.* sent more than 100 MB: look at it", status)
    assert "desk-2" in collected.stdout


def test_a_password_may_be_typed_or_listed(ask, machines, tmp_path):
    """Without a key: from the inventory, a wrong one is told, and nothing waits for a terminal."""
    host = json.loads(machines[0].inventory())["pis"]["hosts"]["desk-1"]
    key = host.pop("ansible_ssh_private_key_file")
    assert key
    host["ansible_ssh_common_args"] = host["ansible_ssh_common_args"].replace(
        "-F none", "-F none -o IdentityFile=/dev/null"
    )
    inventory = tmp_path / "password.yml"
    for password, code in ((machines[0].password, 0), ("wrong", 1), (None, 1)):
        inventory.write_text(
            json.dumps({"pis": {"hosts": {"desk-1": host | {"ansible_password": password}}}})
        )
        done = ask("status", "--inventory", inventory, limit="all", code=code)
        assert ("refuses the login" in done.stdout) == bool(code)
        assert machines[0].password not in done.stdout + done.stderr
