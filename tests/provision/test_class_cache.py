"""Two Pis and the class cache: the first brings everything, the second has no internet."""

import json
import os
import subprocess
from dataclasses import replace

import pytest

from scripts.machines.host import call
from tests.conftest import PROJECT
from tests.machines.jupyter_client import Visitor
from tests.machines.machine import Machine
from tests.provision.playbooks import BIN, Playbooks, controller_variables

ROLES = ("--tags", "base,jupyter")
UNPLUGGED = {"ansible_host": "192.0.2.1", "ansible_user": "pi"}  # nobody answers
UNPLUGGED |= {"ansible_ssh_common_args": "-o ConnectTimeout=1"}
IN_A_ROOT = {"ansible_connection": "community.general.chroot", "ansible_host": "/none"}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The playbooks for a Pi with internet, with a cache of their own."""
    folder = tmp_path_factory.mktemp("controller")
    cache = {
        "class_cache": True,
        "class_cache_folder": str(folder / "cache"),
        "class_cache_socket": str(folder / "socket"),
    }
    with Machine("bookworm", "cache-1") as machine:
        yield Playbooks(machine, folder, controller_variables(folder) | cache)


@pytest.fixture(scope="module")
def second(first):
    """The same for a Pi whose network ends at this computer."""
    with Machine("bookworm", "cache-2") as machine:
        machine.cut_network()
        variables = first.variables | {"class_cache_offline": True}
        yield replace(first, machine=machine, variables=variables)


def totals(playbooks) -> dict:
    return json.loads((playbooks.folder / "cache/totals.json").read_text())


@pytest.mark.parametrize(
    ("pis", "variables", "is_on"),
    [
        ([UNPLUGGED, UNPLUGGED], {}, True),
        ([UNPLUGGED], {}, False),
        ([UNPLUGGED, UNPLUGGED], {"class_cache": "false"}, False),
        ([IN_A_ROOT, IN_A_ROOT], {}, False),
    ],
)
def test_several_pis_have_it_by_default(tmp_path, pis, variables, is_on):
    """One alone does not, nor does a root in which a card image is built."""
    hosts = {f"pi-{number}": variables for number, variables in enumerate(pis)}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"pis": {"hosts": hosts}}))
    places = {"class_cache_folder": tmp_path / "cache", "class_cache_socket": tmp_path / "socket"}
    given = [f"-e{name}={value}" for name, value in (variables | places).items()]
    done = subprocess.run(
        [BIN / "ansible-playbook", "-i", inventory, *given, *ROLES, "ansible/playbooks/site.yml"],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": "ansible/ansible.cfg", "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert ("Class cache: 0.0 MB from the internet" in done.stdout) == is_on
    assert not (tmp_path / "socket").exists()


def test_the_first_pi_brings_everything_here(first):
    """Next to nothing but what it gets is downloaded, and its card has no settings of the cache."""
    before = first.machine.network.received_bytes()
    play = first.succeed("site", *ROLES)
    received = first.machine.network.received_bytes() - before
    told = totals(first)
    assert f"Class cache: {told['from_internet'] / 1e6:,.1f} MB from the internet" in play.output
    assert 30e6 < told["to_pis"] < received
    assert told["from_internet"] < 1.1 * told["to_pis"]  # few wheels are there from apt
    settings = first.machine.run("cat /run/pi-nn-apt.conf").stdout
    for host in ("deb.debian.org", "raspbian.raspberrypi.com", "archive.raspberrypi.org"):
        assert f'Acquire::http::Proxy::{host} "http://127.0.0.1:3148";' in settings
        assert f'Acquire::https::Proxy::{host} "DIRECT";' in settings
    assert "Valid-Until" not in settings
    look = "grep -rlF 127.0.0.1:3148 /etc /opt /var/lib"
    assert first.machine.run(look, user="root", check=False).stdout == ""
    assert (first.folder / "cache").stat().st_mode & 0o077 == 0
    assert not (first.folder / "socket").exists()


def test_a_half_cache_is_refused_before_anything_is_changed(first, second):
    """A damaged file and a missing wheel are named, and the command that brings them."""
    cache = first.folder / "cache"
    [package] = cache.rglob("python3-zmq_*.deb")
    [wheel] = cache.rglob("notebook-7*.whl")
    whole = {path: path.read_bytes() for path in (package, wheel)}
    package.write_bytes(whole[package][:-1] + b"?")
    wheel.unlink()
    play = second.run("site", *ROLES)
    assert (play.code, play.changed) == (2, 0)
    told = f"The class cache lacks 2 of the files that cache-2 needs: {package.name}, notebook==7"
    assert told in play.words, play.output[-3000:]
    assert "run: make bundle RELEASES=bookworm ARCH=amd64" in play.words
    for path, content in whole.items():
        path.write_bytes(content)


def test_the_second_is_set_up_without_internet(second):
    """It gets the same files, of which none are downloaded again."""
    play = second.succeed("site", *ROLES)
    assert totals(second)["from_internet"] == 0
    assert totals(second)["to_pis"] > 30e6
    assert "Class cache: 0.0 MB from the internet" in play.output
    Visitor(f"http://{second.machine.address}:8888").wait()
    assert second.succeed("site", *ROLES).changed == 0


def test_a_pi_that_refuses_forwarding_downloads_by_itself(first):
    """It says so at the end; with OFFLINE=1 nothing is changed."""
    refuse = "echo AllowTcpForwarding no > /etc/ssh/sshd_config.d/no.conf; systemctl restart ssh"
    first.machine.run(refuse, user="root")
    for socket in first.machine.folder.glob("ssh-*"):  # of connections that still forward
        call("ssh", "-O", "exit", "-o", f"ControlPath={socket}", "none", check=False)
    play = first.succeed("site", "--tags", "base")
    assert "cache-1: downloaded by itself, without the class cache. Its SSH server" in play.words
    play = first.run("site", "--tags", "base", class_cache_offline=True)
    assert play.code != 0
    assert "cache-1 does not reach the class cache on this computer, and OFFLINE=1" in play.words
