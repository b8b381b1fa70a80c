"""Several Pis in one run, one of them not there: `make test-provision ALL=1`."""

import json
import os
import re

import pytest

from scripts.machines.jupyter_client import Visitor
from tests.provision.machine import Machine
from tests.provision.playbooks import Playbooks, controller_variables

pytestmark = pytest.mark.skipif(
    not os.environ.get("PROVISION_ALL"), reason="asked for with ALL=1: it takes five minutes"
)
UNPLUGGED = "192.0.2.1"  # of a network that is for documentation: nobody answers


class Classroom:
    """Machines of both releases, and a Pi in the inventory that nobody has plugged in."""

    def __init__(self, machines: list[Machine]):
        self.machines = machines

    def inventory(self) -> str:
        """Return the inventory of all, as JSON."""
        merged = json.loads(self.machines[0].inventory())
        for machine in self.machines[1:]:
            merged["pis"]["hosts"].update(json.loads(machine.inventory())["pis"]["hosts"])
        merged["pis"]["hosts"]["unplugged"] = {
            "ansible_host": UNPLUGGED,
            "ansible_user": "pi",
            "ansible_ssh_common_args": "-o ConnectTimeout=3",
        }
        return json.dumps(merged)


@pytest.fixture(scope="module")
def classroom():
    with Machine("bookworm", "desk-1") as first, Machine("trixie", "desk-2") as second:
        yield Classroom([first, second])


@pytest.fixture(scope="module")
def playbooks(classroom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("controller")
    variables = controller_variables(folder)
    secrets = folder / "secrets" / "{{ inventory_hostname }}"
    variables["jupyter_password_file"] = str(secrets / "jupyter-password")
    return Playbooks(classroom, folder, variables)


def test_those_that_are_there_are_set_up(classroom, playbooks):
    """The one that is not is named and fails alone; each gets a password of its own."""
    play = playbooks.run("site", timeout=1500)
    assert play.code != 0
    told = dict(re.findall(r"^(\S+) +: ok=\d+ .*?unreachable=(\d)", play.output, re.M))
    assert told == {"desk-1": "0", "desk-2": "0", "unplugged": "1"}
    passwords = {}
    for machine in classroom.machines:
        path = playbooks.folder / "secrets" / machine.name / "jupyter-password"
        passwords[machine.name] = path.read_text().strip()
        visitor = Visitor(f"http://{machine.address}:8888")
        visitor.wait()
        assert visitor.log_in(passwords[machine.name])
    assert passwords["desk-1"] != passwords["desk-2"]
    assert not Visitor(f"http://{classroom.machines[1].address}:8888").log_in(passwords["desk-1"])


def test_one_students_backup_is_not_for_all(playbooks, tmp_path):
    """BACKUP= without LIMIT=."""
    play = playbooks.run("restore", "--limit", "desk-1,desk-2", backup_file=str(tmp_path / "one"))
    assert play.code != 0
    assert "LIMIT=" in play.words


def test_a_limit_names_those_to_visit(playbooks):
    """LIMIT=, as `make` hands it on: nothing to change, and nobody else is asked."""
    play = playbooks.succeed("site", "--limit", "desk-2")
    assert play.changed == 0
    assert "desk-1" not in play.output
