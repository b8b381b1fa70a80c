"""What can be wrong with a machine or a network, and what is told: `make test-provision ALL=1`."""

import os

import pytest

from tests.machines.machine import Machine
from tests.provision.playbooks import Playbooks, controller_variables

pytestmark = pytest.mark.skipif(
    not os.environ.get("PROVISION_ALL"), reason="asked for with ALL=1: they take ten minutes"
)

GADGET_STAND_IN = r"""
mkdir -p /root/gadget/DEBIAN /root/gadget/usr/bin
cd /root/gadget
cat > DEBIAN/control <<'END'
Package: rpi-usb-gadget
Version: 1
Architecture: all
Maintainer: test <test@localhost>
Description: stand-in
END
cat > usr/bin/rpi-usb-gadget <<'END'
#!/bin/sh
echo "$@" >> /root/called
install -D /dev/null /etc/modules-load.d/usb-gadget.conf
END
chmod +x usr/bin/rpi-usb-gadget
dpkg-deb -b . /root/gadget.deb
dpkg -i /root/gadget.deb
"""


@pytest.fixture(scope="module")
def machine():
    """One fresh machine for all bad cases; each puts right what it spoilt."""
    with Machine("bookworm", "pi-2", memory_mb=430) as machine:
        yield machine


@pytest.fixture(scope="module")
def playbooks(machine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("controller")
    return Playbooks(machine, folder, controller_variables(folder))


def refused(playbooks, message, **variables):
    """Run the site, which must fail with a message and change nothing."""
    play = playbooks.run("site", **variables)
    assert play.code != 0
    assert message in play.words, play.output[-3000:]
    assert play.changed == 0


def test_unsupported_release(machine, playbooks):
    """A card from years ago."""
    machine.run("cp /etc/os-release /root/kept; sed -i s/bookworm/buster/ /etc/os-release", "root")
    refused(playbooks, "buster: expected one of bookworm, trixie. Flash a card with a current")
    machine.run("cat /root/kept > /etc/os-release", "root")


def test_wrong_architecture(machine, playbooks):
    """A dpkg that speaks of a processor nobody supports."""
    machine.run("printf '#!/bin/sh\\necho riscv64\\n' > /usr/local/bin/dpkg", "root")
    machine.run("chmod +x /usr/local/bin/dpkg", "root")
    refused(playbooks, "has packages for riscv64: expected armhf or arm64")
    machine.run("rm /usr/local/bin/dpkg", "root")


def test_armv6_with_packages_for_armv7(machine, playbooks):
    """Debian's armhf on a Zero; that processor is a stand-in, as Python and dpkg tell it."""
    settings = "/etc/python3.11/sitecustomize.py"
    zero = "import platform; platform.machine = lambda: 'armv6l'"
    machine.run(f'cp {settings} /root/kept.py; echo "{zero}" >> {settings}', "root")
    machine.run("printf '#!/bin/sh\\necho armhf\\n' > /usr/local/bin/dpkg", "root")
    machine.run("chmod +x /usr/local/bin/dpkg", "root")
    refused(playbooks, "ARMv6 processor and Debian's armhf packages")
    machine.run(f"rm /usr/local/bin/dpkg; cp /root/kept.py {settings}", "root")


def test_no_sudo(machine, playbooks):
    """The user is in no group that may."""
    # who is logged in keeps the groups of that time, so the connections that wait are ended
    machine.run("gpasswd -d pi sudo; pkill -KILL -u pi", "root", check=False)
    refused(playbooks, "cannot become root on pi-2")
    machine.run("gpasswd -a pi sudo; pkill -KILL -u pi", "root", check=False)


def test_wrong_sudo_password(playbooks):
    """As typed with ASK_SUDO=1; the message tells what to do, and the password is not in it."""
    refused(playbooks, "run with ASK_SUDO=1", ansible_become_password="not-the-one")


def test_disk_too_small(playbooks):
    """No card has so much."""
    refused(playbooks, "MB free: expected 900000000. Use a card", base_free_mb=900_000_000)


def test_clock_not_set(playbooks):
    """A date before the kit was made."""
    refused(
        playbooks, "with a wrong clock, secure connections fail", base_earliest_date="2199-01-01"
    )


def test_run_as_root(playbooks):
    """As with `sudo make provision-here`: root's home would get it all."""
    refused(playbooks, "has the user 'root': expected the one you created", ansible_user="root")


def test_password_too_short(playbooks):
    """For Jupyter; found before anything of it is set."""
    play = playbooks.run("site", "--tags", "base,jupyter", jupyter_password="short")
    assert play.code != 0
    assert "jupyter_password is too short: expected at least 8 characters, got 5" in play.words


def test_a_power_cut_in_the_middle_of_dpkg(machine, playbooks):
    """Its journal is there still: apt refuses to work until it is finished."""
    machine.run("touch /var/lib/dpkg/updates/0001", user="root")
    refused = machine.run("apt-get install -y -qq tree", user="root", check=False)
    assert "dpkg was interrupted" in refused.stderr
    playbooks.succeed("site", "--tags", "base")
    machine.run("apt-get install -y -qq tree && apt-get purge -y -qq tree", user="root")


def test_no_package_of_the_usb_gadget(playbooks):
    """As in Debian's archive: told what to do instead, and the rest goes on."""
    play = playbooks.succeed("site", "--tags", "base", base_usb_gadget=True)
    assert "pi-2 has no package rpi-usb-gadget. Prepare the card with" in play.words


def test_the_usb_gadget_is_turned_on_once(machine, playbooks):
    """By a stand-in for the package, which only notes how it was called."""
    machine.run(GADGET_STAND_IN, user="root")
    assert playbooks.succeed("site", "--tags", "base", base_usb_gadget=True).changed == 1
    assert playbooks.succeed("site", "--tags", "base", base_usb_gadget=True).changed == 0
    assert machine.run("cat /root/called", user="root").stdout == "on -f\n"


def test_network_cut_in_the_middle_of_apt(machine, playbooks):
    """The run fails; once the network is back, the same command succeeds."""
    with machine.network_cut_after(20_000_000) as cut:
        play = playbooks.run("site", "--tags", "base,scientific_python")
        assert cut.is_set(), play.output[-3000:]
    assert play.code != 0
    playbooks.succeed("site", "--tags", "base,scientific_python")


def test_network_cut_in_the_middle_of_pip(machine, playbooks):
    """The same, in the middle of Jupyter's packages."""
    machine.run(
        "apt-get update -qq; "
        "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "
        "python3-zmq python3-tornado python3-psutil python3-argon2 python3-cffi python3-yaml",
        user="root",
        timeout=600,
    )
    with machine.network_cut_after(10_000_000) as cut:
        play = playbooks.run("site", "--tags", "base,jupyter")
        assert cut.is_set(), play.output[-3000:]
    assert play.code != 0
    playbooks.succeed("site")
    assert playbooks.succeed("site").changed == 0
    playbooks.succeed("verify")


def test_an_empty_file_of_a_password(playbooks):
    """As a full disk on the controller leaves it: no Pi gets an empty password."""
    path = playbooks.folder / "empty" / "jupyter-password"
    path.parent.mkdir()
    path.touch()
    play = playbooks.run("site", "--tags", "base,jupyter", jupyter_password_file=str(path))
    assert play.code != 0
    told = f"pi-2 did not accept the password in {path}: expected at least 8 characters, got 0"
    assert told in play.words, play.output[-3000:]


def test_a_password_that_was_changed_elsewhere(playbooks):
    """Verify says which file does not fit, and what sets it; not the password."""
    play = playbooks.run("verify", jupyter_password="not-the-one-there")
    assert play.code != 0
    assert "The password of pi-2 (jupyter_password) was not accepted" in play.words
    assert "'make provision TAGS=base,jupyter' sets it again" in play.words
    assert "not-the-one-there" not in play.output


def test_a_package_for_another_processor(machine, playbooks):
    """An import that crashes with an illegal instruction is told as that, by a stand-in."""
    module = "/usr/lib/python3/dist-packages/illegal.py"
    machine.run(f"echo 'import os; os.kill(os.getpid(), 4)' > {module}", "root")
    play = playbooks.run(
        "site", "--tags", "base,scientific_python", scientific_python_modules=["numpy", "illegal"]
    )
    machine.run(f"rm {module}", "root")
    assert play.code != 0
    assert (
        "illegal cannot be imported on pi-2: it crashed with an illegal instruction" in play.words
    )


def test_wifi_lost_in_the_middle_of_apt(machine, playbooks):
    """SSH hangs with the rest, and apt may be at work still when the same command is run again."""
    playbooks.succeed("uninstall")
    with machine.network_cut_after(20_000_000, ssh_too=True) as cut:
        play = playbooks.run("site", "--tags", "base,scientific_python")
        assert cut.is_set(), play.output[-3000:]
    assert play.code != 0
    assert "UNREACHABLE" in play.output
    playbooks.succeed("site", "--tags", "base,scientific_python")
