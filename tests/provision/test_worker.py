"""Role `worker`: a Pi does the work of a sweep over TLS, and nobody else gets in."""

import json
import os
import subprocess
import sys

import pytest

from tests.campaigns.sweep.pis import WORKER_PORT, strangers
from tests.conftest import PROJECT
from tests.machines.machine import ASKED_FOR, Machine
from tests.provision.playbooks import Playbooks, controller_variables

TAGS = ("--tags", "base,kit,dataset,worker")
PORT = 8790  # not a sweep's own: other machines of this host may wait there
SWEEP = 20  # trainings, of about a second each: the strangers need a while
LEFT = "ls -d /opt/pi-nn-worker /etc/pi-nn-worker /etc/systemd/system/pi-nn-worker.service"


@pytest.fixture(scope="module", params=ASKED_FOR)
def machine(request):
    """A machine with nothing on it."""
    with Machine(request.param, "pi-8", memory_mb=430, passwordless_sudo=True) as machine:
        yield machine


@pytest.fixture(scope="module")
def playbooks(machine, tmp_path_factory):
    """The playbooks for that machine, whose worker works for this host."""
    folder = tmp_path_factory.mktemp("controller")
    variables = controller_variables(folder) | {
        "worker_computer": machine.network.gateway,
        "worker_computer_port": PORT,
        "worker_keys": str(folder / "keys"),
    }
    playbooks = Playbooks(machine, folder, variables)
    playbooks.succeed("site", *TAGS)
    return playbooks


def test_a_second_run_changes_nothing(machine, playbooks):
    """Nor does check mode, and the worker stays as it is."""
    before = machine.snapshot()
    assert playbooks.succeed("site", *TAGS).changed == 0
    assert playbooks.succeed("site", *TAGS, "--check").changed == 0
    assert before.differences(machine.snapshot()) == []


def test_the_key_is_the_workers_alone(machine, playbooks):
    """On the Pi, and on this computer, which keeps the authority's."""
    listed = machine.run("stat -c '%a %U:%G' /etc/pi-nn-worker/*.pem", user="root").stdout.split(
        "\n"
    )
    assert set(filter(None, listed)) == {"640 root:pi"}
    keys = playbooks.folder / "keys"
    assert keys.stat().st_mode & 0o777 == 0o700
    for path in keys.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    there = machine.run("cat /etc/pi-nn-worker/*", user="root").stdout
    assert (keys / "authority.key").read_text() not in there


def test_the_key_is_not_in_the_journal(machine, playbooks):
    """Ansible's modules log what they are called with."""
    journal = machine.run("journalctl --all --no-pager -o export", user="root").stdout
    assert "ansible-ansible.legacy.command" in journal
    lines = (playbooks.folder / "keys" / "pi-8.pem").read_text().splitlines()
    secret = lines[lines.index("-----BEGIN PRIVATE KEY-----") + 1 : -1]
    assert secret
    assert [line for line in secret if line in journal] == []


def test_between_sweeps_nothing_listens(machine, playbooks):
    """Only SSH does."""
    listening = machine.run("ss -Hltn", user="root").stdout.split("\n")
    assert {line.split()[3].rpartition(":")[2] for line in filter(None, listening)} == {"22"}


def test_a_sweep_is_done_on_the_pi_and_strangers_are_refused(machine, playbooks, tmp_path):
    """The result says which machine it is from; both ports want a certificate of the authority."""
    grid, keys = tmp_path / "grid.toml", playbooks.folder / "keys"
    grid.write_text(f'preset = "smoke"\nepochs = 40\nseed = {[*range(SWEEP)]}\n')
    command = [sys.executable, "-m", "nn", "sweep", str(grid), "--offline", "--pis"]
    environment = {**os.environ, "MNIST_DIR": playbooks.variables["dataset_mirror"]}
    with (tmp_path / "log").open("w") as log:
        sweep = subprocess.Popen(
            [*command, "--keys", str(keys)],
            cwd=PROJECT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            machine.run(f"until ss -Hltn | grep -q :{WORKER_PORT}; do sleep 0.2; done", timeout=120)
            listening = machine.run("ss -Hltn", user="root").stdout
            place = json.loads((keys / "address.json").read_text())
            assert len(strangers(machine, place, keys)) == 2
            assert sweep.wait(240) == 0, (tmp_path / "log").read_text()
        finally:
            sweep.kill()
            sweep.wait()
    places = {line.split()[3] for line in filter(None, listening.split("\n"))}
    outside = {place for place in places if not place.startswith("127.0.0.1:")}
    assert outside == {f"{machine.address}:{WORKER_PORT}", "0.0.0.0:22", "[::]:22"}
    lines = [json.loads(line) for line in grid.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["machine"] for line in lines] == ["pi-8"] * SWEEP


def test_it_is_removed_when_it_is_no_longer_wanted(machine, playbooks):
    """Without an address, and by uninstalling."""
    assert playbooks.succeed("site", *TAGS, worker_computer="").changed > 0
    assert machine.run(LEFT, check=False).stdout == ""
    assert playbooks.succeed("site", *TAGS, worker_computer="").changed == 0
    playbooks.succeed("site", *TAGS)
    playbooks.succeed("uninstall")
    assert machine.run(LEFT, check=False).stdout == ""


def test_a_key_without_a_service_is_removed(machine, playbooks):
    """As an interrupted run leaves it."""
    machine.run("mkdir /etc/pi-nn-worker && touch /etc/pi-nn-worker/worker.pem", user="root")
    playbooks.succeed("uninstall")
    assert machine.run(LEFT, check=False).stdout == ""
