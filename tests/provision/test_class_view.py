"""One view of a class: status, handing out and collecting, by SSH to two real machines.

They have the kit, and a stand-in for Jupyter: what `make provision` sets up is tested elsewhere.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nn import __version__
from scripts.bench.packed_kit import unpack_kit
from tests.conftest import PROJECT
from tests.machines.machine import Machine

AWAY = "192.0.2.1"  # of a network that is for documentation: nobody answers
JUPYTER = """
mkdir -p /etc/pi-nn
echo 'c.ServerApp.port = 8899' > /etc/pi-nn/jupyter_server_config.py
printf '[Service]\\nExecStart=/usr/bin/python3 -m http.server 8899\\n' \
    > /etc/systemd/system/pi-nn-jupyter.service
systemctl daemon-reload; systemctl restart pi-nn-jupyter
"""
DIGESTS = "cd ~ && find pi-nn -type f ! -name '.*' -exec sha256sum {} + | sort -k2"


@pytest.fixture(scope="module")
def machines():
    with Machine("bookworm", "desk-1") as first, Machine("trixie", "desk-2") as second:
        for machine in (first, second):
            unpack_kit(machine.root / "home/pi/pi-nn")
            machine.run("chown -R pi: /home/pi/pi-nn;" + JUPYTER, user="root")
        yield [first, second]


@pytest.fixture
def inventory(machines, tmp_path):
    """Both machines, one with a pupil's name, and a Pi that is switched off."""
    hosts = {"away": {"ansible_host": AWAY, "ansible_ssh_common_args": "-o ConnectTimeout=3"}}
    for machine in machines:
        hosts |= json.loads(machine.inventory(pupil="../../Ada"))["pis"]["hosts"]
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"pis": {"hosts": hosts}}))
    return path


@pytest.fixture
def there(inventory):
    """Run a command for the machines that are there."""

    def run(name, *words, limit="desk-1,desk-2"):
        module = [sys.executable, "-m", f"scripts.classroom.{name}"]
        command = [*module, "--inventory", inventory, "--limit", limit, *words]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)

    return run


def digests(machine) -> str:
    return machine.run(DIGESTS).stdout


def test_a_line_for_each(there, machines):
    """All that the columns promise, and what the one that is off needs."""
    machines[0].run("systemctl stop pi-nn-jupyter", user="root")
    train = "cd ~/pi-nn && OPENBLAS_NUM_THREADS=1 python3 -m nn train --preset smoke --model models/a.npz"
    start = time.monotonic()
    done = there("status", limit="all")
    print(f"\nthree Pis, one of them off: {time.monotonic() - start:.1f} s\n{done.stdout}")
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stderr
