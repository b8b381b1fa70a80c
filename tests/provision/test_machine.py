"""The harness tests itself: what later tests of the roles take for granted."""

import json
import shutil
import time

import pytest

from scripts.machines import host
from scripts.machines.host import MachineError, mounts_below
from scripts.machines.roots import ensure_root
from tests.machines.machine import ASKED_FOR, Machine

APT_UPDATE = "apt-get -o APT::Update::Error-Mode=any -o Acquire::Retries=0 update"


@pytest.fixture(scope="module", params=ASKED_FOR)
def machine(request):
    """One machine of a release, for all tests here."""
    with Machine(request.param, f"harness-{request.param}") as machine:
        yield machine


@pytest.fixture
def pip(machine):
    """The machine's pip, in a virtual environment."""
    machine.run("test -d ~/venv || python3 -m venv ~/venv")
    return "~/venv/bin/pip -q"


def test_runs_commands_as_the_user_and_as_root(machine):
    """It is the release asked for, and both ways in lead there."""
    assert machine.run("id -un; hostname").stdout.split() == ["pi", machine.name]
    assert machine.run("id -un; hostname", user="root").stdout.split() == ["root", machine.name]
    assert f"VERSION_CODENAME={machine.release}\n" in machine.run("cat /etc/os-release").stdout


def test_no_unit_failed(machine):
    """The system is up as a whole."""
    assert machine.run("systemctl list-units --failed --plain --no-legend").stdout == ""


def test_a_failing_command_says_what_where_and_where_the_log_is(machine):
    """The error carries the command's status and words."""
    with pytest.raises(MachineError, match=rf"(?s){machine.name}.*status 3.*oh no.*{machine.log}"):
        machine.run("echo oh no >&2; exit 3")
    assert machine.run("exit 3", check=False).returncode == 3
    with pytest.raises(MachineError, match=r"not done after 0\.5 s"):
        machine.run("sleep 9", timeout=0.5)


def test_sudo_wants_the_password(machine):
    """As images since 2026-04 have it: with the password, and not without."""
    assert machine.run("sudo -n true", check=False).returncode != 0
    told = machine.run(f"echo {machine.password} | sudo -S -p '' id -un")
    assert told.stdout == "root\n"


def test_inventory_holds_the_way_in(machine):
    """Ansible gets the address, the key, the password, and what the test adds."""
    host_variables = json.loads(machine.inventory(kit_colour="red"))["pis"]["hosts"][machine.name]
    assert host_variables["ansible_host"] == machine.address
    assert host_variables["ansible_become_password"] == machine.password
    assert host_variables["kit_colour"] == "red"


def test_an_untouched_machine_looks_the_same_twice_and_a_touched_one_does_not(machine):
    """Nothing moves by itself; a new file, a changed mode and a changed byte are seen."""
    before = machine.snapshot()
    assert before.differences(machine.snapshot()) == []
    machine.run("echo renamed >/etc/hostname; chmod 600 /etc/issue; touch /srv/new", user="root")
    found = [line.split(":")[0] for line in before.differences(machine.snapshot())]
    machine.run(
        f"echo {machine.name} >/etc/hostname; chmod 644 /etc/issue; rm /srv/new", user="root"
    )
    assert set(found) == {"/etc/hostname", "/etc/issue", "/srv/new"}
    assert before.differences(machine.snapshot()) == []


def test_apt_and_pip_work_inside(machine, pip):
    """Packages can be had from Debian and from PyPI; a snapshot sees the new package."""
    before = machine.snapshot()
    machine.run(APT_UPDATE, user="root")
    machine.run("apt-get install -y --no-install-recommends tree", user="root")
    assert any("package tree: absent" in line for line in before.differences(machine.snapshot()))
    machine.run(f"{pip} download --no-deps --only-binary=:all: -d /tmp/w six==1.17.0")
    assert machine.run("ls /tmp/w").stdout == "six-1.17.0-py2.py3-none-any.whl\n"


def test_a_cut_network_stops_apt_and_pip_and_a_restored_one_lets_them(machine, pip):
    """The outside is refused at once; SSH goes on."""
    machine.cut_network()
    try:
        apt = machine.run(APT_UPDATE, user="root", check=False, timeout=30)
        wheel = machine.run(f"{pip} download --no-deps idna", check=False, timeout=60)
    finally:
        machine.restore_network()
    assert apt.returncode != 0
    assert wheel.returncode != 0
    machine.run(APT_UPDATE, user="root")
    machine.run(f"{pip} download --no-deps -d /tmp/w idna")


@pytest.mark.parametrize("tool", ["apt", "pip"])
def test_a_download_is_cut_in_the_middle_and_can_be_run_again(machine, pip, tool):
    """The cut ends a connection that stands, after some of the file has come."""
    command, user = {
        "apt": ("apt-get install -y --no-install-recommends --download-only gcc", "root"),
        "pip": (f"{pip} download --no-deps -d /tmp/w notebook==7.4.4", "pi"),
    }[tool]
    with machine.network_cut_after(1_000_000) as cut:
        assert machine.run(command, user, check=False).returncode != 0
    assert cut.is_set()
    machine.run(command, user)


def test_with_ssh_cut_too_root_still_gets_in(machine):
    """A lost wifi: SSH hangs, what runs on the machine goes on."""
    machine.cut_network(ssh_too=True)
    try:
        with pytest.raises(MachineError, match="not done after 2 s"):
            machine.run("true", timeout=2)
        assert machine.run("id -un", user="root").stdout == "root\n"
    finally:
        machine.restore_network()
    assert machine.run("id -un").stdout == "pi\n"


@pytest.mark.parametrize("by", ["harness", "machine"])
def test_files_outlive_a_reboot(machine, by):
    """The same disk boots again, by our hand or by the machine's own."""
    machine.run("echo kept >~/file")
    booted = "systemctl show --property UserspaceTimestampMonotonic"
    before = machine.run(booted).stdout
    if by == "harness":
        machine.reboot()
    else:
        machine.run("reboot", user="root", check=False)
        time.sleep(3)
        machine.wait()
    assert machine.run("cat ~/file").stdout == "kept\n"
    assert machine.run(booted).stdout != before


def test_two_machines_side_by_side_and_none_left(machine):
    """A second one is new, has its own address, limit and sudo, and leaves the first alone."""
    with Machine(machine.release, "second", passwordless_sudo=True, memory_mb=300) as second:
        assert second.address != machine.address
        assert second.run("sudo -n id -un").stdout == "root\n"
        assert second.run("ls ~").stdout == ""
        hoard = "python3 -c 'bytearray(b\".\") * {} * 2**20'"
        second.run(hoard.format(100))
        assert second.run(hoard.format(400), check=False).returncode != 0
        folder = second.folder
    assert machine.run("systemctl is-system-running").stdout == "running\n"
    assert mounts_below(folder) == []
    assert not folder.exists()


def test_a_machine_that_breaks_off_leaves_nothing():
    """Whatever ends the block, the machine goes."""
    with pytest.raises(KeyboardInterrupt, match="Ctrl-C"), Machine(name="broken") as broken:
        raise KeyboardInterrupt("Ctrl-C")
    assert mounts_below(broken.folder) == []
    assert broken.cgroups.pids() == []


def test_unknown_release_is_refused():
    """The message names those that there are."""
    with pytest.raises(MachineError, match="expected a release of bookworm, trixie, got 'buster'"):
        ensure_root("buster")


def test_missing_commands_are_named_with_their_packages(monkeypatch):
    """A host that cannot boot machines fails and says what to install."""
    monkeypatch.setattr(shutil, "which", lambda command: None if "spawn" in command else command)
    with pytest.raises(MachineError, match="apt-get install systemd-container"):
        Machine().__enter__()


def test_root_rights_are_asked_for(monkeypatch):
    """Without root it fails, and says so."""
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(MachineError, match="needs root, but this is user id 1000"):
        host.require_root()
