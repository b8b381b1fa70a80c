"""What can be wrong with a machine or a network, and what is told: `make test-provision ALL=1`."""

import os
import shlex
import time

import pytest

from scripts.machines.host import call
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


def test_no_sudo_password(playbooks):
    """Of a user who must give one."""
    refused(playbooks, "run with ASK_SUDO=1", ansible_become_password="")


def test_wrong_sudo_password(playbooks):
    """As typed with ASK_SUDO=1, which is not advised again; the password is not in the message."""
    play = playbooks.run("site", ansible_become_password="not-the-one")
    assert play.code != 0
    assert play.changed == 0
    assert "The password that you typed, or that ansible_become_password has, is not" in play.words
    assert "run with ASK_SUDO=1" not in play.words
    assert "not-the-one" not in play.output


def without_key(playbooks):
    """Variables for a login without the key that the machine knows, on a connection of its own."""
    key = playbooks.folder / "stranger"
    if not key.exists():
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    own = {"ansible_ssh_private_key_file": str(key), "ansible_ssh_args": "-o ControlPath=none"}
    return own | {"ansible_ssh_retries": 0}


def test_a_pi_that_does_not_know_the_key(machine, playbooks):
    """As one whose card was flashed with a password: the way to give it the key is told."""
    play = playbooks.run("site", **without_key(playbooks))
    assert play.code != 0
    assert "Permission denied (publickey,password)" in play.words
    assert f"ssh-copy-id pi@{machine.address}. Or type the password at each run, with" in play.words


def test_a_password_for_ssh(machine, playbooks):
    """As typed with ASK_PASS=1, without sshpass; a wrong one is told as that, and not shown."""
    right = without_key(playbooks) | {"ansible_password": machine.password}
    assert playbooks.succeed("site", "--check", "--tags", "base", **right).changed >= 0
    play = playbooks.run("site", **right | {"ansible_password": "not-the-one"})
    assert play.code != 0
    assert "pi-2 refused the password for SSH of pi" in play.words, play.output[-3000:]
    assert "not-the-one" not in play.output


HOLD_LISTS = """
import fcntl, time
lock = open('/var/lib/apt/lists/lock', 'w')
fcntl.lockf(lock, fcntl.LOCK_EX)
time.sleep({})
"""


def hold_lists(machine, seconds):
    """Hold the lock of apt's lists, as a new card's own update does, and remove what is in them."""
    program = shlex.quote(HOLD_LISTS.format(seconds))
    machine.run(
        "find /var/lib/apt/lists -name '*_Packages*' -delete; "
        f"systemd-run --quiet --collect --unit=first-boot python3 -c {program}",
        user="root",
    )


def test_apts_lists_are_locked_for_a_while(machine, playbooks):
    """The next try finds them free."""
    hold_lists(machine, 60)
    play = playbooks.succeed("site", "--tags", "base")
    assert "FAILED - RETRYING: [pi-2]: Update the package lists" in play.output


def test_apts_lists_are_locked_for_too_long(machine, playbooks):
    """It is waited as long as the setting says, and who holds the lock is named."""
    hold_lists(machine, 3600)
    start = time.monotonic()
    play = playbooks.run("site", "--tags", "base", base_apt_lock_seconds=60)
    waited = time.monotonic() - start
    machine.run("systemctl stop first-boot", user="root")
    assert play.code != 0
    assert "/var/lib/apt/lists/lock. It is held by process" in play.words
    assert waited >= 60


STALE_LISTS = r"""
set -e
cd /var/lib/apt/lists
for list in *_Packages*; do
    /usr/lib/apt/apt-helper cat-file "$list" > /tmp/list
    rm "$list"
    sed '/^Filename: .*python3-pil_/s/_pil//; /^Filename: .*python3-pil_/s/_amd64/+old_amd64/' \
        /tmp/list > "${list%_Packages*}_Packages"
done
# or apt would keep the lists, as their signed sums are still those of the archive
sed -E -i 's/^ [0-9a-f]{8}/ 00000000/' *_InRelease
touch -d '2 days ago' *_InRelease
rm -f /var/cache/apt/*.bin
"""


def test_packages_that_the_archive_has_replaced(machine, playbooks):
    """Lists of yesterday name files that are gone (404): they are updated before the next try."""
    machine.run("apt-get update -qq", user="root")
    machine.run(STALE_LISTS, user="root")
    packages = ["python3-pil"]
    play = playbooks.succeed(
        "site",
        *("--tags", "base,scientific_python"),
        scientific_python_packages=packages,
        scientific_python_modules=["PIL.Image"],
        scientific_python_fast_blas="",
    )
    assert "404" in play.output
    assert "rescued=1" in play.output


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


def test_a_port_that_another_program_has(machine, playbooks):
    """Provisioning does not succeed without a login page; who has the port is told."""
    taken = "systemd-run --quiet --collect --unit=squatter python3 -m http.server 8888"
    machine.run(f"systemctl stop pi-nn-jupyter; {taken}; sleep 2", user="root")
    play = playbooks.run("site", "--tags", "base,jupyter")
    machine.run("systemctl stop squatter", user="root")
    assert play.code != 0
    assert "port 8888 belongs to another program (python3,pid=" in play.words, play.output[-3000:]
    playbooks.succeed("site", "--tags", "base,jupyter")


def test_a_jupyter_that_does_not_start(machine, playbooks):
    """Provisioning says where the reason is."""
    spoilt = "/opt/pi-nn/venv/lib/python3.11/site-packages/notebook/app.py"
    machine.run(f"mv {spoilt} /root/; systemctl restart pi-nn-jupyter", user="root", check=False)
    play = playbooks.run("site", "--tags", "base,jupyter", jupyter_start_seconds=20)
    machine.run(f"mv /root/app.py {spoilt}; systemctl restart pi-nn-jupyter", user="root")
    assert play.code != 0
    assert "nothing listens on port 8888. Its log says why: sudo journalctl" in play.words
    playbooks.succeed("site", "--tags", "base,jupyter")


def test_numpy_with_the_slow_blas(machine, playbooks):
    """As set by hand: verify says what it costs, and what resets it."""
    name = "libblas.so.3-x86_64-linux-gnu"
    slow = "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3"
    playbooks.succeed("site", "--tags", "base,scientific_python")
    machine.run(
        f"apt-get install -y -qq libblas3; update-alternatives --set {name} {slow}", user="root"
    )
    play = playbooks.run("verify")
    machine.run(f"update-alternatives --auto {name}", user="root")
    assert play.code != 0
    assert "numpy on pi-2 uses the reference BLAS" in play.words
    assert f"sudo update-alternatives --auto {name}" in play.words


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
