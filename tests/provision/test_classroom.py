"""Several Pis in one run, one of them not there: `make test-provision ALL=1`."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.conftest import PROJECT
from tests.machines.jupyter_client import Visitor
from tests.machines.machine import Machine
from tests.provision.playbooks import Playbooks, controller_variables

pytestmark = pytest.mark.skipif(
    not os.environ.get("PROVISION_ALL"), reason="asked for with ALL=1: it takes five minutes"
)
UNPLUGGED = "192.0.2.1"  # of a network that is for documentation: nobody answers
ELSEWHERE = r"""
mkdir /srv/people && mv /home/pi /srv/people/pi
sed -i -E 's#^(pi:x:[0-9]+):[0-9]+:(.*:)/home/#\1:100:\2/srv/people/#' /etc/passwd
chown -R pi:users /srv/people/pi && chmod 700 /srv/people/pi
"""


class Classroom:
    """Machines of both releases, and a Pi in the inventory that nobody has plugged in."""

    def __init__(self, machines: list[Machine]):
        self.machines = machines

    def inventory(self) -> str:
        """Return the inventory of all, as JSON."""
        merged = json.loads(self.machines[0].inventory())
        for machine in self.machines[1:]:
            merged["pis"]["hosts"].update(json.loads(machine.inventory())["pis"]["hosts"])
        hosts = merged["pis"]["hosts"]
        hosts["unplugged"] = {
            "ansible_host": UNPLUGGED,
            "ansible_user": "pi",
            "ansible_ssh_common_args": "-o ConnectTimeout=3",
        }
        addresses = {name: host["ansible_host"] for name, host in hosts.items()}
        for host in hosts.values():  # as a list of thirty has it, which does not repeat itself
            host["ansible_host"] = "{{ addresses[inventory_hostname] }}"
        merged["pis"]["vars"] = {"addresses": addresses}
        return json.dumps(merged)


@pytest.fixture(scope="module")
def classroom():
    with Machine("bookworm", "desk-1") as first, Machine("trixie", "desk-2") as second:
        second.run(ELSEWHERE, user="root")
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
    play = playbooks.run("site", timeout=3600)
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


def test_a_home_elsewhere_has_it_all(classroom, playbooks):
    """The second user's home is not in /home, and their group is one that others have, too."""
    playbooks.succeed("verify", "--limit", "desk-1,desk-2")
    desk = classroom.machines[1]
    assert desk.run("stat -c %U:%G ~/pi-nn ~/pi-nn/nn").stdout == "pi:users\n" * 2
    assert desk.run("ls -A /home").stdout == ""
    desk.run("echo mine > /srv/people/pi/pi-nn/notebooks/mine.txt")
    for name in ("backup", "uninstall"):
        playbooks.succeed(name, "--limit", "desk-2")
    assert desk.run("rm -r ~/pi-nn/notebooks; ls -A ~/pi-nn").stdout == ""
    playbooks.succeed("restore", "--limit", "desk-2")
    assert desk.run("cat ~/pi-nn/notebooks/mine.txt").stdout == "mine\n"


def test_training_goes_on_without_the_one_that_is_not_there(classroom, playbooks, tmp_path):
    """Each that is there brings its model; the other is named, and nothing of it is left."""
    playbooks.succeed("site", "--limit", "desk-2")  # which the test before took it from
    (tmp_path / "hosts.yml").write_text(classroom.inventory())
    module = [sys.executable, "-m", "scripts.classroom.train"]
    command = [
        *module,
        "--inventory",
        tmp_path / "hosts.yml",
        "--preset",
        "smoke",
        "--output",
        tmp_path / "trained",
    ]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: training failed: unplugged. Run it again with LIMIT=unplugged" in done.stderr
    brought = [path.relative_to(tmp_path / "trained") for path in tmp_path.glob("trained/**/*.*")]
    names = [f"desk-{desk}/smoke.{ending}" for desk in (1, 2) for ending in ("json", "npz")]
    assert sorted(map(str, brought)) == names


def test_one_look_shows_the_class(classroom, tmp_path):
    """Two are ready and trained, by what their models say; the third is the one in need."""
    (tmp_path / "hosts.yml").write_text(classroom.inventory())
    command = [sys.executable, "-m", "scripts.classroom.status"]
    done = subprocess.run(
        [*command, "--inventory", tmp_path / "hosts.yml"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    first, second, unplugged = done.stdout.splitlines()[1:4]
    for machine, line in zip(classroom.machines, (first, second), strict=True):
        assert re.match(rf"{machine.name} .* {machine.release} .* ready ", line), done.stdout
        assert re.search(r" smoke \d\d\.\d%, (just now|\d min ago)$", line.rstrip()), done.stdout
    assert unplugged.startswith("unplugged  ")
    assert done.stdout.splitlines()[-1].endswith("2 ready, 1 in need")
    assert done.returncode == 1


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
