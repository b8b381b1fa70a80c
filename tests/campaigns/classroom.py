"""Thirty Pis, one laptop, and no internet after the first of them: ``make test-class``.

    python -m tests.campaigns.classroom --report docs/reports/classroom.md

The laptop is a fresh clone of this repository in a network of its own, the Pis are systemd
containers. What the teacher types is run as typed. Needs root on Debian, MNIST_DIR, and about
30 GB on the disk.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from scripts.machines.host import MachineError, call
from tests.campaigns import PROJECT
from tests.machines.machine import Machine
from tests.machines.network import Network, name_servers
from tests.scripts.cards import BOOKWORM_CMDLINE, TRIXIE_CMDLINE, cloud_data, make_card

CARD = Path("/mnt/pi-nn-class-card")  # where `make cards` looks for a card that the desktop mounted
IMAGES = {"bookworm": (BOOKWORM_CMDLINE, "2024-11-19"), "trixie": (TRIXIE_CMDLINE, "2026-06-18")}
BOOTS_AT_ONCE = 4
LEAST_FREE_GB = 25
WATCHES = Path("/proc/sys/fs/inotify/max_user_instances")  # of root, who starts all containers
WATCHES_OF_ONE = 16  # systemd's, journald's, logind's, udev's, and what else a machine runs
COUNTER = """
table ip pi_nn_class {{
    chain inwards {{
        type filter hook forward priority filter - 2;
        iifname != "pi-nn-*" ip daddr {{ {addresses} }} counter
    }}
}}
"""
FULL_HOME = """
mkdir /mnt/home && cp -a /home/pi/. /mnt/home
mount -t tmpfs -o size=40M,mode=700 none /home/pi
cp -a /mnt/home/. /home/pi; chown pi: /home/pi
"""
WORK = """
cd ~/pi-nn/notebooks && mkdir -p sub
echo "{name}" > mine.txt && head -c 300000 /dev/urandom > sub/data.bin
printf '{{"cells": [], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}}' > mine.ipynb
echo '# mine' >> README.md
"""
DIGESTS = "cd ~/pi-nn && sha256sum notebooks/mine.* notebooks/README.md notebooks/sub/* models/*"
HEAD = """\
# A class of {count} Pis

A fresh clone on a laptop with a network of its own, and {count} systemd containers with Debian
{release} (x86-64, {cores} cores for all of them and the laptop). Containers stand in for the Pis:
`make cards` wrote the files of the cards, and the password and the keys were taken from them;
[first-boot.md](first-boot.md) and [wifi.md](wifi.md) show that a card's first boot does the same.
The internet is Debian's archive and the Python package index: Raspberry Pi's own archive was not
used. From `make test-class`, run on {date}.

| step | result | time |
|---|---|---|
"""


@dataclass
class Report:
    """What was done, in lines of a table, and what was wrong."""

    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a step; what it adds to the list is its result. A fault ends no campaign."""
        said: list[str] = []
        print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)
        start = time.monotonic()
        try:
            yield said
        except (MachineError, AssertionError, OSError, subprocess.TimeoutExpired) as error:
            self.faults.append(f"{name}: {error}")
            said.append("**failed**")
        seconds = time.monotonic() - start
        taken = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
        self.lines.append(f"| {name} | {'<br>'.join(said) or 'done'} | {taken} |")
        print(f"         {self.lines[-1]}", flush=True)


class Laptop:
    """A clone of the project, whose commands run in a network of their own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.project = folder / "pi-nn"
        self.network = Network(0)
        self.home = folder / "home"

    def __enter__(self) -> "Laptop":
        self.network.close()
        self.network.open()
        settings = Path("/etc/netns", self.network.namespace)
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "resolv.conf").write_text(name_servers())
        self.home.mkdir()
        return self

    def __exit__(self, *exception) -> None:
        call("nft", "delete", "table", "ip", "pi_nn_class", check=False)
        shutil.rmtree(Path("/etc/netns", self.network.namespace))
        for pid in call("ip", "netns", "pids", self.network.namespace).stdout.split():
            call("kill", pid, check=False)  # SSH's connections that were kept
        self.network.close()

    def run(self, *words: str, code: int | None = 0, timeout: float = 7200) -> str:
        """Run a command in the clone, without a terminal; return what it printed."""
        inside = ("ip", "netns", "exec", self.network.namespace)
        environment = {**os.environ, "HOME": str(self.home), "CI": ""}
        done = subprocess.run(
            [*inside, *words],
            cwd=self.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        with (self.folder / "log").open("a") as log:
            log.write(f"\n$ {' '.join(words)}\n{done.stdout}")
        if code is not None and done.returncode != code:
            raise MachineError(
                f"`{' '.join(words)}` ended with {done.returncode}, expected {code}; its last "
                f"lines:\n{done.stdout[-3000:]}"
            )
        return done.stdout

    def make(self, *words: str, code: int | None = 0) -> str:
        """Run make."""
        return self.run("make", *words, code=code)


def cut_internet(network: Network) -> None:
    """Leave a machine, or the laptop, the class's own network alone."""
    inside = ("ip", "-n", network.namespace, "route", "replace")
    call(*inside, "10.77.0.0/16", "via", network.gateway)
    call(*inside, "unreachable", "default")


@contextmanager
def enough_watches(machines: int) -> Iterator[None]:
    """Raise this host's limit of inotify instances for so many machines; restore it at the end."""
    before = WATCHES.read_text()
    WATCHES.write_text(str(max(int(before), machines * WATCHES_OF_ONE + 128)))
    try:
        yield
    finally:
        WATCHES.write_text(before)


def count_bytes(addresses: list[str]) -> None:
    """Count what arrives from the internet for these addresses, from now on."""
    call("nft", "delete", "table", "ip", "pi_nn_class", check=False)
    call("nft", "-f", "-", text=COUNTER.format(addresses=", ".join(addresses)))


def internet_bytes() -> int:
    """Return the bytes that laptop and Pis received since then, by the kernel's count."""
    listed = call("nft", "list", "table", "ip", "pi_nn_class").stdout
    return int(re.search(r"bytes (\d+)", listed)[1])


class Class:
    """The machines of a class, by name, and the inventory's settings for them."""

    def __init__(self, laptop: Laptop, count: int, release: str):
        self.laptop = laptop
        self.release = release
        self.names = [f"pi-{number:02}" for number in range(1, count + 1)]
        self.machines: dict[str, Machine] = {}
        self.cards = laptop.folder / "cards"
        self.off = self.names[-1]  # in the second half, so that the others would wait for them
        self.full, self.wrong, self.dying = self.names[-4:-1]

    def write_list(self, mnist: Path) -> None:
        """Write class.csv, class.toml and the settings that a network without .local needs."""
        project = self.laptop.project
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.laptop.folder / "id")
        rows = [f"Pupil {number} Müller,\n" for number in range(1, len(self.names) + 1)]
        (project / "class.csv").write_text("name,host\n" + "".join(rows))
        (project / "class.toml").write_text(
            f'country = "GB"\nssh_key = "{self.laptop.folder}/id.pub"\nhttps = false\n'
            '[[wifi]]\nssid = "School"\npassword = "battery staple"\n'
        )
        self.settings = {
            "dataset_mirror": str(mnist),
            "ansible_host": "{{ addresses[inventory_hostname] }}",
            "ansible_ssh_private_key_file": str(self.laptop.folder / "id"),
            "ansible_ssh_common_args": (
                f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={self.laptop.folder}/known"
            ),
            "ansible_control_path": f"{self.laptop.folder}/ssh-%%C",
        }

    def write_addresses(self) -> None:
        """Write where each Pi is; one that is off has an address at which nobody answers."""
        addresses = dict.fromkeys(self.names, "10.77.0.77")
        addresses |= {name: machine.address for name, machine in self.machines.items()}
        folder = self.laptop.project / "ansible/inventory/group_vars"
        folder.mkdir(exist_ok=True)
        (folder / "pis.yml").write_text(json.dumps({**self.settings, "addresses": addresses}))

    def write_cards(self) -> str:
        """Put in a card whenever `make cards` asks for one; keep what is written."""
        self.cards.mkdir()
        command = ["make", "cards", "CLASS=class.csv"]
        process = subprocess.Popen(
            command,
            cwd=self.laptop.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        printed = []
        try:
            for line in process.stdout:
                printed.append(line)
                if asked := re.match(r"Put in the card for (\S+)", line):
                    make_card(CARD, *IMAGES[self.release])
                    if self.release == "trixie":  # whose images have one, of comments
                        (CARD / "user-data").write_text("#cloud-config\n")
                    name = asked[1]
                elif "written and checked" in line:
                    CARD.rename(self.cards / name)
            assert process.wait() == 0, "".join(printed)[-2000:]
        finally:
            process.kill()
            shutil.rmtree(CARD, ignore_errors=True)
        written = sorted(path.name for path in self.cards.iterdir())
        assert written == self.names, f"cards were written for {written}"
        return f"{len(written)} cards written"

    def boot(self, name: str) -> None:
        """Boot a machine with the password and the keys that its card has."""
        machine = Machine(self.release, name)
        machine.password = secrets.token_hex(16)  # which the card's replaces
        machine.__enter__()
        self.machines[name] = machine
        hashed, keys = self.card_of(name)
        machine.run(f"usermod -p '{hashed}' pi", user="root")
        machine.run(f"echo '{keys}' >> ~/.ssh/authorized_keys")  # beside this test's own

    def card_of(self, name: str) -> tuple[str, str]:
        """Return the hash of the password and the SSH keys on a card."""
        card = self.cards / name
        if self.release == "trixie":
            user = cloud_data(card)["user"]
            return user["passwd"], "\n".join(user["ssh_authorized_keys"])
        text = (card / "custom.toml").read_text()
        hashed = re.search(r'^password = "(\$.+)"$', text, re.M)[1]
        return hashed, (self.laptop.folder / "id.pub").read_text()

    def boot_all(self) -> None:
        """Boot all but the one that nobody has plugged in."""
        with ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
            list(pool.map(self.boot, self.names[:-1]))

    def close(self) -> None:
        """Stop all machines."""
        with ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
            list(pool.map(Machine.close, self.machines.values()))


def table_of(printed: str) -> dict[str, str]:
    """Return what the table at the end of a playbook says of each Pi."""
    return dict(re.findall(r"^(pi-\d\d)  .*?((?:ready|failed|not reached)  .*)$", printed, re.M))


def changes_of(printed: str) -> dict[str, int]:
    """Return how many tasks changed something on each Pi, by Ansible's recap."""
    return {
        name: int(count)
        for name, count in re.findall(r"^(pi-\d\d) +: ok=\d+ +changed=(\d+)", printed, re.M)
    }


def run_class(pis: Class, report: Report, mnist: Path) -> None:
    """Take a class through all of it."""
    laptop, names = pis.laptop, pis.names
    with report.step("clone, and prepare the laptop (`make setup`)"):
        call("git", "clone", "-q", PROJECT, laptop.project)
        laptop.make("setup")
        pis.write_list(mnist)
    with report.step("`make cards`") as said:
        said.append(pis.write_cards())
    with report.step(f"boot {len(names) - 1} of them, four at a time; {names[-1]} stays off"):
        pis.boot_all()
        pis.write_addresses()
    with report.step(f"`make provision LIMIT={names[0]}`, with internet") as said:
        laptop.make(".venv/.ready-ansible")
        machines = [machine.address for machine in pis.machines.values()]
        count_bytes([laptop.network.address, *machines])
        laptop.make("provision", f"LIMIT={names[0]}")
        first = internet_bytes()
        said.append(f"{first / 1e6:.1f} MB from the internet")
    with report.step("cut the internet, of the laptop and of all Pis"):
        for network in (laptop.network, *(each.network for each in pis.machines.values())):
            cut_internet(network)
    needy = [pis.full, pis.wrong, pis.dying, pis.off]
    with report.step("`make provision OFFLINE=1`, all at once") as said:
        break_some(pis)
        dying = pis.machines[pis.dying]
        with dies_when(dying, installs(dying)):
            printed = laptop.make("provision", "OFFLINE=1", code=None)
        rows = table_of(printed)
        for name in names:
            assert (name in needy) != rows.get(name, "").startswith("ready"), rows.get(name)
        said.append(f"{len(names) - len(needy)} ready, {len(needy)} in need")
        said += [f"{name} {' '.join(rows[name].split())}" for name in needy]
    with report.step("mend those four, and `make provision OFFLINE=1` again") as said:
        mend(pis)
        printed = laptop.make("provision", "OFFLINE=1")
        rows, changes = table_of(printed), changes_of(printed)
        assert all(rows[name].startswith("ready") for name in names), rows
        idle = [name for name in names if changes[name] == 0]
        assert set(idle) >= set(names) - set(needy), changes
        said.append(f"{len(names)} ready; nothing changed on {len(idle)}")
        total = internet_bytes()
        said.append(f"{total - first} bytes from the internet since the cut")
        ratio = total / first
        said.append(f"bytes for {len(names)} / bytes for one = {ratio:.2f}")
        assert ratio <= 1.1, ratio
    with report.step("`make class-status`") as said:
        said.append(laptop.make("class-status").splitlines()[-1].partition("  ")[2])
    with report.step("`make hand-out FILE=lesson.ipynb`") as said:
        (laptop.project / "lesson.ipynb").write_text('{"cells": [], "metadata": {}}')
        printed = laptop.make("hand-out", "FILE=lesson.ipynb")
        count = len(re.findall(r"has notebooks/lesson\.ipynb", printed))
        assert count == len(names), printed
        said.append(f"{count} have it")
    with report.step(f"`make train-on-pi PRESET=smoke`; {pis.dying} loses its power") as said:
        with dies_when(dying, lambda: trains(dying)):
            printed = laptop.make("train-on-pi", "PRESET=smoke", code=None)
        trained = sorted(laptop.project.glob("trained/*/smoke.npz"))
        assert len(trained) == len(names) - 1, printed[-2000:]
        assert pis.dying in printed.splitlines()[-2], printed[-2000:]
        pis.machines[pis.dying].start()
        laptop.make("train-on-pi", "PRESET=smoke", f"LIMIT={pis.dying}")
        said.append(f"{len(trained)} trained; {pis.dying} was named, and trained once it was on")
    with report.step("`make class-status` after it") as said:
        printed = laptop.make("class-status")
        assert printed.count(" smoke ") == len(names), printed
        said.append(printed.splitlines()[-1].partition("  ")[2])
    work_and_back(pis, report)


def break_some(pis: Class) -> None:
    """Fill a card, and change a password on the laptop."""
    pis.machines[pis.full].run(FULL_HOME, user="root")
    password = pis.laptop.project / "ansible/secrets" / pis.wrong / "login-password"
    shutil.copy(password, pis.laptop.folder / "right-password")
    password.write_text("not the password\n")


def mend(pis: Class) -> None:
    """Undo `break_some`, restart the one that died, and switch the last one on."""
    pis.machines[pis.full].run("umount -l /home/pi", user="root")
    password = pis.laptop.project / "ansible/secrets" / pis.wrong / "login-password"
    shutil.copy(pis.laptop.folder / "right-password", password)
    pis.machines[pis.dying].start()
    pis.boot(pis.off)
    cut_internet(pis.machines[pis.off].network)
    pis.write_addresses()


@contextmanager
def dies_when(machine: Machine, moment: Callable[[], bool]) -> Iterator[None]:
    """Let a Pi lose its power at that moment of the block, or at its end."""

    def pull_the_plug() -> None:
        while not moment() and not over.wait(0.2):
            pass
        machine.stop(0)

    over = threading.Event()
    plug = threading.Thread(target=pull_the_plug)
    plug.start()
    try:
        yield
    finally:
        over.set()
        plug.join()


def installs(machine: Machine) -> Callable[[], bool]:
    """Return what tells whether a Pi has installed ten packages since now."""
    packages = machine.root / "var/lib/dpkg/info"
    at_first = len(list(packages.glob("*.list")))
    return lambda: len(list(packages.glob("*.list"))) >= at_first + 10


def trains(machine: Machine) -> bool:
    """Return whether a Pi is training."""
    for pid in call("ip", "netns", "pids", machine.network.namespace).stdout.split():
        with suppress(OSError):  # it may have ended
            if b"\0nn\0train\0" in Path("/proc", pid, "cmdline").read_bytes():
                return True
    return False


def work_and_back(pis: Class, report: Report) -> None:
    """Collect the pupils' work, wipe the Pis, and hand it back."""
    laptop, names = pis.laptop, pis.names
    with report.step("pupils work; `make collect`") as said:
        for name, machine in pis.machines.items():
            machine.run(WORK.format(name=name))
        digests = {name: machine.run(DIGESTS).stdout for name, machine in pis.machines.items()}
        printed = laptop.make("collect")
        collected = list(laptop.project.glob("collected/*/*/work.tar.gz"))
        assert len(collected) == len(names), printed
        said.append(f"{len(collected)} collected")
    with report.step("wipe all, and install the kit again (`TAGS=kit,dataset OFFLINE=1`)"):
        for machine in pis.machines.values():
            machine.run("rm -rf ~/pi-nn", user="pi")
        laptop.make("provision", "OFFLINE=1", "TAGS=kit,dataset")
    with report.step("`make hand-back`") as said:
        laptop.make("hand-back")
        back = {name: machine.run(DIGESTS).stdout for name, machine in pis.machines.items()}
        equal = [name for name in names if back[name] == digests[name]]
        assert equal == names, set(names) - set(equal)
        said.append(f"{len(equal)} of {len(names)} equal byte for byte")


def main() -> int:
    """Run the campaign; return 1 if something was wrong."""
    flags = argparse.ArgumentParser(prog="python -m tests.campaigns.classroom")
    flags.add_argument("--pis", type=int, default=30, metavar="N", help="default: %(default)s")
    flags.add_argument("--release", default="bookworm", choices=IMAGES, help="default: %(default)s")
    flags.add_argument("--report", type=Path, metavar="FILE")
    arguments = flags.parse_args()
    if not 6 <= arguments.pis <= 200:
        flags.error(f"--pis: expected 6 to 200, got {arguments.pis}")
    mnist = os.environ.get("MNIST_DIR")
    if not mnist:
        sys.exit("error: set MNIST_DIR to a folder with MNIST's four files")
    free = shutil.disk_usage("/var/tmp").free / 1e9
    if free < LEAST_FREE_GB:
        sys.exit(f"error: /var/tmp has {free:.0f} GB free: expected {LEAST_FREE_GB}")
    report = Report()
    with (
        tempfile.TemporaryDirectory(prefix="pi-nn-class-", dir="/var/tmp") as name,
        ExitStack() as end,
    ):
        end.enter_context(enough_watches(arguments.pis))
        laptop = end.enter_context(Laptop(Path(name)))
        pis = Class(laptop, arguments.pis, arguments.release)
        end.callback(pis.close)
        try:
            run_class(pis, report, (PROJECT / mnist).resolve())
        finally:
            if (laptop.folder / "log").exists():
                shutil.copy(laptop.folder / "log", "/var/tmp/pi-nn-class.log")
    text = HEAD.format(
        count=arguments.pis,
        release=arguments.release,
        cores=os.cpu_count(),
        date=time.strftime("%Y-%m-%d"),
    )
    text += "\n".join(report.lines) + "\n"
    for fault in report.faults:
        print(f"fault: {fault}", file=sys.stderr)
    if arguments.report and not report.faults:
        arguments.report.write_text(text)
    print(text)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
