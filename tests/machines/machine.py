"""A Pi without a Pi: a Debian machine under systemd-nspawn, fresh each time, reached over SSH."""

import fcntl
import json
import os
import secrets
import shlex
import signal
import subprocess
import threading
import time
import uuid
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import IO

from scripts.machines.host import (
    MachineError,
    call,
    remove_tree,
    require_commands,
    require_root,
    short,
    tail,
)
from scripts.machines.roots import CACHE, LOCALE, RELEASES, ensure_root
from tests.machines.cgroups import Cgroups
from tests.machines.network import Network, name_servers
from tests.machines.snapshot import Snapshot, take_snapshot

# Of both releases with ALL=1, of the older one alone without.
ASKED_FOR = RELEASES if os.environ.get("PROVISION_ALL") else RELEASES[:1]
# A machine's files lie here by its number. Not in the cache: that may be on an overlay itself.
FOLDER = Path("/var/tmp/pi-nn")
PROPAGATE = Path("/run/systemd/nspawn/propagate")  # nspawn's; it leaves what is not on a tmpfs
COMMANDS = ("systemd-nspawn", "nft", "ip", "tc", "nsenter", "ssh", "ssh-keygen")
USER = "pi"
GROUPS = "adm,sudo,audio,video,plugdev,users"
# They would install, or hold dpkg's lock, in the middle of a test.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer")
ROOT_ENVIRONMENT = (
    "HOME=/root",
    f"LANG={LOCALE}",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)
# systemd-nspawn with --keep-unit leaves a reboot to its caller, and asks for it by status 133.
# `echo 0` puts the process that writes it into a group.
BOOT_LOOP = """
groups=$1; shift
while (for group in $groups; do echo 0 >"$group/cgroup.procs"; done; exec "$@"); [ $? -eq 133 ]
do :; done
"""


class Machine:
    """A machine to provision, as a context manager: booted on entry, gone without trace on exit.

    Its disk is an overlay on a cached root, so each machine is a new one. It has its own network
    (`address`, and masquerading to the outside), a user `pi` who logs in with a generated key
    (`key`) or a generated `password`, and may use sudo.

    Parameters
    ----------
    release
        "bookworm" or "trixie".
    name
        The host name; the boot log is `log`, in the cache under this name.
    passwordless_sudo
        Whether sudo asks no password; images since 2026-04 ask.
    memory_mb
        The memory that all of the machine's processes may have, in MiB (430 on a Pi Zero).
    """

    def __init__(
        self,
        release: str = "bookworm",
        name: str = "pi",
        *,
        passwordless_sudo: bool = False,
        memory_mb: int | None = None,
    ):
        self.release = release
        self.name = name
        self.passwordless_sudo = passwordless_sudo
        self.memory_mb = memory_mb
        self.password = secrets.token_urlsafe(12)
        self.log = CACHE / "logs" / f"{name}.log"
        self._lock: IO[str] | None = None
        self._boot_loop: subprocess.Popen | None = None

    def __enter__(self) -> "Machine":
        require_root()
        require_commands(*COMMANDS)
        lower = ensure_root(self.release)
        try:
            self._take_number()
            self._clear()  # what a killed owner of this number may have left
            self._mount(lower)
            self.network.open()
            self._prepare()
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.write_text("")
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Stop the machine and undo all that was done on this host; safe to call again."""
        if self._lock is None:
            return
        try:
            self._clear()
        finally:
            self._lock.close()
            self._lock = None

    def _take_number(self) -> None:
        """Take the first free number; its lock ends with this process, however that ends."""
        FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, 255):
            lock = (FOLDER / f"{number}.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            self._lock = lock
            self.network = Network(number)
            self.cgroups = Cgroups(f"pi-nn-{number}")
            self.folder = FOLDER / str(number)
            return
        raise MachineError(f"254 machines run already, by their locks in {FOLDER}: end some")

    def _clear(self) -> None:
        """Undo everything of this number, each step also when an earlier one fails."""
        with ExitStack() as steps:  # runs the last first
            steps.callback(remove_tree, self.folder)
            steps.callback(remove_tree, PROPAGATE / self.network.namespace)
            steps.callback(self.network.close)
            steps.callback(self.cgroups.close)
            steps.callback(self.stop)

    # --- the disk

    @property
    def root(self) -> Path:
        """The machine's file tree, as this host sees it."""
        return self.folder / "root"

    @property
    def key(self) -> Path:
        """The private SSH key that lets the user in."""
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The machine's host key, in SSH's file format."""
        return self.folder / "known_hosts"

    def _mount(self, lower: Path) -> None:
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(parents=True)
        layers = f"lowerdir={lower},upperdir={self.folder}/upper,workdir={self.folder}/work"
        # volatile: sync is a no-op, which halves the time dpkg takes; nothing here must survive
        call("mount", "-t", "overlay", "overlay", "-o", f"{layers},volatile", self.root)

    def _prepare(self) -> None:
        """Give the new disk a name, a name server, its user, and the user's way in."""
        self._write("etc/hostname", f"{self.name}\n")
        self._write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        self._write("etc/resolv.conf", name_servers())
        self._write("etc/machine-id", f"{uuid.uuid4().hex}\n")
        for unit in MASKED:
            (self.root / "etc/systemd/system" / unit).symlink_to("/dev/null")
        self._add_user()
        self._let_in()

    def _write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path
        file.unlink(missing_ok=True)  # a link would lead out of the machine
        file.write_text(text)
        file.chmod(mode)

    def _add_user(self) -> None:
        inside = ("chroot", self.root)
        home = ("--create-home", "--shell", "/bin/bash", "--groups", GROUPS)
        call(*inside, "useradd", *home, USER)
        call(*inside, "chpasswd", text=f"{USER}:{self.password}\n")
        if self.passwordless_sudo:
            self._write("etc/sudoers.d/010_pi-nopasswd", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", 0o440)

    def _let_in(self) -> None:
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pi-nn test", "-f", self.key)
        ssh = self.root / "home" / USER / ".ssh"
        ssh.mkdir(mode=0o700)
        (ssh / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        call("chroot", self.root, "chown", "-R", f"{USER}:", f"/home/{USER}/.ssh")
        host_key = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        self.known_hosts.write_text(f"{self.network.address} {host_key}")

    def snapshot(self) -> Snapshot:
        """Return what is on the disk now; see `Snapshot.differences`."""
        return take_snapshot(self.root)

    # --- on and off

    def start(self, timeout: float = 300) -> None:
        """Boot, and wait until systemd is done and SSH answers."""
        Path("/run/systemd/nspawn").mkdir(parents=True, exist_ok=True)
        self.cgroups.open(self.memory_mb)
        groups = " ".join(map(str, self.cgroups.folders))
        command = ["sh", "-c", BOOT_LOOP, "boot", groups, *self._nspawn_command()]
        with self.log.open("a") as log:
            self._boot_loop = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to answer, by stopping it in order
            )
        self.wait(timeout)

    def _nspawn_command(self) -> list[str]:
        return [
            "systemd-nspawn",
            f"--directory={self.root}",
            "--boot",
            f"--machine={self.network.namespace}",
            f"--hostname={self.name}",
            "--register=no",
            "--keep-unit",
            f"--network-namespace-path={self.network.namespace_path}",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
        ]

    def wait(self, timeout: float = 300) -> None:
        """Wait until systemd reports running or degraded, and SSH answers."""
        deadline = time.monotonic() + timeout
        while not self._is_up():
            if self._boot_loop is None or self._boot_loop.poll() is not None:
                raise self._error("stopped while booting")
            if time.monotonic() > deadline:
                raise self._error(f"was not up after {timeout:g} s")
            time.sleep(0.2)

    def _is_up(self) -> bool:
        with suppress(MachineError):
            state = self.run("systemctl is-system-running", check=False, timeout=10).stdout.strip()
            return state in ("running", "degraded")
        return False

    def stop(self, timeout: float = 30) -> None:
        """Power off in order, and by force what is left after the timeout (seconds)."""
        for socket in self.folder.glob("ssh-*"):  # Ansible's connections outlive it by a minute
            call("ssh", "-O", "exit", "-o", f"ControlPath={socket}", "none", check=False)
        if self._boot_loop is not None:
            for child in children(self._boot_loop.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGTERM)  # nspawn tells its init to power off
            with suppress(subprocess.TimeoutExpired):
                self._boot_loop.wait(timeout)
            self._boot_loop.kill()
            self.cgroups.kill()
            self._boot_loop.wait()
            self._boot_loop = None

    def reboot(self) -> None:
        """Stop the machine and boot the same disk again. The machine's own `reboot` works, too."""
        self.stop()
        self.start()

    # --- commands and connections

    @property
    def address(self) -> str:
        """The machine's IPv4 address, reachable from this host only."""
        return self.network.address

    @property
    def ssh_options(self) -> list[str]:
        """SSH's options for this machine: none of the user's own settings, its key, its host."""
        return [
            *("-F", "none"),
            *("-i", str(self.key)),
            *("-o", "IdentitiesOnly=yes"),
            *("-o", f"UserKnownHostsFile={self.known_hosts}"),
            *("-o", "GlobalKnownHostsFile=none"),
            *("-o", "StrictHostKeyChecking=yes"),
            *("-o", "ConnectTimeout=10"),
        ]

    @property
    def ssh_args(self) -> list[str]:
        """The command that logs in as the user; append what to run."""
        return ["ssh", *self.ssh_options, "-o", "BatchMode=yes", f"{USER}@{self.address}"]

    def run(
        self, command: str, user: str = USER, check: bool = True, timeout: float = 300
    ) -> subprocess.CompletedProcess:
        """Run a shell command on the machine: as the user over SSH, or as root from within.

        Root's way in (nsenter) needs no network; what it starts is outside the memory limit.

        Raises
        ------
        MachineError
            If the command fails and `check` is true, or takes longer than `timeout` seconds.
        """
        done = call(*self._command(command, user, timeout), check=False, timeout=timeout)
        if check and done.returncode != 0:
            raise self._error(
                f"ran `{short([command])}` as {user} with status {done.returncode}, which said:\n"
                f"{tail(done.stdout + done.stderr)}\n"
            )
        return done

    def _command(self, command: str, user: str, timeout: float) -> list[str]:
        if user == USER:
            return [*self.ssh_args, command]
        if user != "root":
            raise MachineError(f"expected user {USER!r} or 'root', got {user!r}")
        enter = ["nsenter", "--target", str(self.init_pid()), "--all"]
        clean = ["env", "--ignore-environment", "--chdir=/root", *ROOT_ENVIRONMENT]
        # what runs inside does not end with the nsenter that a timeout kills out here
        return [*enter, *clean, "timeout", "--kill-after=5", str(timeout), "bash", "-c", command]

    def init_pid(self) -> int:
        """Return the process, by this host's count, that is the machine's number 1."""
        for pid in self.cgroups.pids():
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                numbers = next(line for line in status.splitlines() if line.startswith("NSpid"))
                if len(numbers.split()) > 2 and numbers.split()[-1] == "1":
                    return pid
        raise self._error("is not running")

    def inventory(self, group: str = "pis", **variables) -> str:
        """Return an inventory for Ansible in YAML's JSON; write it to a file ending in .yml."""
        options = [option for option in self.ssh_options if option not in ("-i", str(self.key))]
        host = {
            "ansible_host": self.address,
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": shlex.join(options),
            "ansible_control_path": f"{self.folder}/ssh-%%C",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        if not self.passwordless_sudo:
            host["ansible_become_password"] = self.password
        return json.dumps({group: {"hosts": {self.name: host | variables}}}, indent=2) + "\n"

    def cut_network(self, ssh_too: bool = False) -> None:
        """Cut the machine off from the outside; with `ssh_too` SSH from this host hangs as well."""
        self.network.cut(ssh_too)

    def restore_network(self) -> None:
        """Undo `cut_network`."""
        self.network.restore()

    def network_cut_after(
        self, received: int, kilobytes_per_second: int = 500, ssh_too: bool = False
    ) -> AbstractContextManager[threading.Event]:
        """Cut the network in the middle of a download, within a `with`; restored after it.

        The network is slowed down first, and cut when so many bytes were received. The event that
        `with` gives tells whether it came to that.
        """
        return self.network.cut_after(received, kilobytes_per_second, ssh_too)

    def _error(self, what: str) -> MachineError:
        return MachineError(
            f"machine {self.name!r} ({self.release}) {what.rstrip()}; its boot log is {self.log}"
        )


def children(pid: int) -> list[int]:
    """Return the processes that a process started and that still run."""
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
