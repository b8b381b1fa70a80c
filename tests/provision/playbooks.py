"""Run the kit's playbooks against a test machine as `make` does, and read what Ansible reports."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import MNIST_DIR, PROJECT
from tests.machines.machine import Machine

BIN = Path(sys.executable).parent
RECAP = re.compile(
    r"^(?P<host>\S+) +: ok=\d+ +changed=(?P<changed>\d+) .*failed=(?P<failed>\d+)", re.M
)


def controller_variables(folder: Path) -> dict[str, str]:
    """Return variables that keep secrets, backups and data in a folder of a test's own."""
    if not MNIST_DIR:
        pytest.fail("set MNIST_DIR: the data that is brought to the Pi must be MNIST's")
    return {
        "dataset_mirror": str((PROJECT / MNIST_DIR).resolve()),
        "dataset_cache": str(folder / "mnist"),
        "dataset_controller_python": sys.executable,
        "kit_archive": str(folder / "kit.tar.gz"),
        "jupyter_password_file": str(folder / "secrets" / "jupyter-password"),
        "backup_folder": str(folder / "backups"),
    }


@dataclass(frozen=True)
class Play:
    """How a playbook went: exit code, how many tasks changed something, all that was printed."""

    code: int
    changed: int
    output: str

    @property
    def words(self) -> str:
        """The output on one line, as a message that was folded reads."""
        return " ".join(self.output.split())


@dataclass(frozen=True)
class Playbooks:
    """The playbooks, for one machine, with what belongs to the controller in a folder apart."""

    machine: Machine
    folder: Path
    variables: dict

    def run(self, name: str, *flags: str, timeout: float = 2400, **variables) -> Play:
        """Run a playbook by name, with more flags and variables."""
        inventory, extra = self.folder / "hosts.yml", self.folder / "variables.json"
        inventory.write_text(self.machine.inventory())
        extra.write_text(json.dumps({**self.variables, **variables}))
        program = [BIN / "ansible-playbook", "-i", inventory, "-e", f"@{extra}"]
        command = [*program, *flags, f"ansible/playbooks/{name}.yml"]
        result = subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_CONFIG": "ansible/ansible.cfg", "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        recap = RECAP.search(result.stdout)
        return Play(result.returncode, int(recap["changed"]) if recap else -1, result.stdout)

    def succeed(self, name: str, *flags: str, **variables) -> Play:
        """Run a playbook that must succeed."""
        play = self.run(name, *flags, **variables)
        assert play.code == 0, play.output[-6000:]
        return play
