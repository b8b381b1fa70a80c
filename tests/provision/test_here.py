"""A Pi that sets itself up, as the book's author did: `make test-provision ALL=1`."""

import os
import shlex

import pytest

from scripts.machines.host import call
from tests.conftest import MNIST_DIR, PROJECT
from tests.machines.jupyter_client import Visitor
from tests.machines.machine import Machine

pytestmark = pytest.mark.skipif(
    not os.environ.get("PROVISION_ALL"), reason="asked for with ALL=1: it takes five minutes"
)
HERE = "INVENTORY=ansible/inventory/here.yml"


@pytest.fixture(scope="module")
def machine():
    """A trixie machine with git's clone of the project in the user's home, and the data."""
    with Machine("trixie", "pi-3", passwordless_sudo=True) as machine:
        install = "apt-get install -y -qq --no-install-recommends make git"
        machine.run(f"apt-get update -qq; {install}", user="root", timeout=300)
        home = machine.root / "home/pi"
        call("git", "clone", "-q", "--no-hardlinks", PROJECT, home / "project")
        call("cp", "-r", (PROJECT / MNIST_DIR).resolve(), home / "mnist")
        machine.run("chown -R pi: /home/pi", user="root")
        yield machine


def make(machine, *words, check=True):
    # a laptop's locale, as SSH passes it on: this machine has none of the two
    locale = "LANG=en_US.UTF-8 LC_TIME=xx_YY.UTF-8"
    command = f"cd ~/project && env {locale} make {shlex.join(words)}"
    return machine.run(command, check=check, timeout=2400)


def test_one_command_sets_it_up(machine):
    """Ansible is installed by it, and Jupyter answers; a second run changes nothing."""
    make(machine, "provision-here", "EXTRA=-e dataset_mirror=/home/pi/mnist")
    Visitor(f"http://{machine.address}:8888").wait()
    again = make(machine, "provision-here", "EXTRA=-e dataset_mirror=/home/pi/mnist").stdout
    assert "changed=0" in again
    assert "http://localhost:8888/" in again


def test_all_else_takes_its_inventory(machine):
    """Verify, train, back up."""
    make(machine, "verify", HERE)
    make(machine, "train-on-pi", HERE, "PRESET=smoke")
    assert machine.run("ls ~/project/trained/here").stdout.split() == ["smoke.json", "smoke.npz"]
    machine.run("echo mine > ~/pi-nn/mine.txt")
    make(machine, "backup", HERE)
    assert "pi-nn/mine.txt" in machine.run("tar tzf ~/project/ansible/backups/here/*").stdout


def test_root_is_told_to_go_without_sudo(machine):
    """Or root's home would have it all."""
    done = machine.run("cd ~/project && sudo make provision-here", check=False, timeout=300)
    assert done.returncode != 0
    assert "run without sudo" in " ".join(done.stdout.split())
