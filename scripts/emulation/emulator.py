"""The board itself: QEMU's Raspberry Pi Zero, started from a card, reached over SSH."""

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from nn.saving.atomic import atomic_write
from scripts.emulation.card_folder import HOST, USER, CardFolder
from scripts.machines.host import MachineError, call, require_commands, tail
from scripts.machines.progress import ProgressLine

BOOT_SECONDS = 900  # about 100 s on an idle core
# Like a Pi Zero, the machine has no clock: systemd sets the time when it starts. Setting it later,
# by an hour or more, makes the emulated timer spin.
KERNEL_WORDS = (
    "rw console=ttyAMA0,115200 root=/dev/mmcblk0 rootwait fsck.mode=skip "
    # QEMU does not emulate the power controller, which makes the kernel panic
    "initcall_blacklist=bcm2835_pm_driver_init "
    # cdc_ether polls the network card's status, which costs 2,000 interrupts a second and nearly
    # half of the machine's time. Without it, cdc_subset takes over.
    "modprobe.blacklist=cdc_ether"
)
# The machine's clock advances 2**3 ns per instruction, independently of this computer's clock. With
# this computer's clock, a pause after the kernel reads the time and before it sets an alarm would
# make the alarm late; in QEMU's timer a late alarm rings 71 minutes later, and everything hangs.
INSTRUCTION_COUNT = ("-icount", "shift=3")
PRIORITY = -10
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PANIC = re.compile(r"Kernel panic.*")
ALIVE = "ServerAliveInterval=60"  # ssh gives up after three unanswered requests


@dataclass(frozen=True)
class Ports:
    """The ports of this computer's loopback that lead to the machine's."""

    ssh: int = 5022
    jupyter: int = 8888


class Emulator:
    """An emulated Pi Zero: ARM1176, 512 MB, a card, a network card on its USB port.

    It keeps running when the process that started it ends; other processes find it by its folder.

    Parameters
    ----------
    folder : CardFolder
        With a card that `make_image` made.
    """

    def __init__(self, folder: CardFolder):
        self.folder = folder
        self._state = folder.path / "emulator.json"
        self._process: subprocess.Popen | None = None  # when this object started it

    # --- on and off

    def start(self, ports: Ports) -> None:
        """Switch the machine on; `wait` until it is up.

        Raises
        ------
        MachineError
            When QEMU or the card is missing, the machine is already running, or a port is in use.
        """
        require_commands("qemu-system-arm", "ssh")
        self.require_card()
        self.require_off(ports)
        self._write_way_in(ports)
        if self.folder.serial_log.exists():  # keep the log from before a power cut
            self.folder.serial_log.replace(self.folder.serial_log.with_suffix(".log.1"))
        self.folder.booted_mark.touch()
        # opened here, so that the log can be read before QEMU starts
        with self.folder.serial_log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(ports),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _prefer(self._process.pid)
        state = {"pid": self._process.pid, **vars(ports)}
        with atomic_write(self._state) as file:
            file.write(json.dumps(state).encode())

    def require_card(self) -> None:
        """Raise a MachineError if there is no card."""
        if not self.folder.image.exists():
            raise MachineError(
                f"{self.folder.image}: no such card: make it first with 'make image'"
            )

    def require_off(self, ports: Ports) -> None:
        """Raise a MachineError if the machine is running already, or a port is in use."""
        if self.pid:
            raise MachineError(
                f"an emulated Pi is already running, as process {self.pid}: "
                "'make emulate-stop' stops it"
            )
        _require_free(ports.ssh, "SSH_PORT")
        _require_free(ports.jupyter, "JUPYTER_PORT")

    def _command(self, ports: Ports) -> list[str]:
        boot = [
            word
            for option, file in self.folder.boot_files.items()
            for word in (f"-{option}", str(file))
        ]
        forwards = (
            f"hostfwd=tcp:127.0.0.1:{ports.ssh}-:22,hostfwd=tcp:127.0.0.1:{ports.jupyter}-:8888"
        )
        return [
            *("qemu-system-arm", "-M", "raspi0", *INSTRUCTION_COUNT, *boot),
            *("-drive", f"file={_escaped(self.folder.image)},if=sd,format=raw"),
            *("-append", f"{KERNEL_WORDS} systemd.clock_usec={time.time() * 1e6:.0f}"),
            # with a port: otherwise QEMU adds a hub, whose status is polled too
            *("-device", "usb-net,netdev=n0,port=1", "-netdev", f"user,id=n0,{forwards}"),
            *("-display", "none", "-serial", "stdio", "-monitor", "none"),
        ]

    def _write_way_in(self, ports: Ports) -> None:
        self.known_hosts.write_text(f"[127.0.0.1]:{ports.ssh} {self._host_key()}")
        options = (self._known_hosts_option, "ConnectTimeout=60", ALIVE)
        settings = {
            "ansible_host": "127.0.0.1",
            "ansible_port": ports.ssh,
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(self.folder.key),
            "ansible_ssh_common_args": shlex.join(
                word for option in options for word in ("-o", option)
            ),
            "ansible_timeout": 120,
        }
        # JSON, which YAML includes: a path may have spaces and colons
        self.inventory.write_text(json.dumps({"pis": {"hosts": {HOST: settings}}}, indent=2))

    def _host_key(self) -> str:
        """Return the card's public key; cards made by earlier versions have it in their root."""
        in_root = self.folder.root / "etc/ssh/ssh_host_ed25519_key.pub"
        for file in (self.folder.host_key, in_root):
            if file.is_file():
                return file.read_text()
        raise MachineError(
            f"{self.folder.host_key}: no such file: without the card's SSH key nobody can log in. "
            "Make the card again with 'make image'"
        )

    @property
    def _known_hosts_option(self) -> str:
        return f'UserKnownHostsFile="{self.known_hosts}"'  # SSH splits it at spaces

    def wait(self, timeout: float = BOOT_SECONDS) -> float:
        """Wait until the user can log in with SSH, showing progress; return the seconds it took.

        Raises
        ------
        MachineError
            When the kernel panics, QEMU ends, or it takes too long; with the last output.
        """
        start = time.monotonic()
        with ProgressLine("emulate") as progress:
            while self.pid is None or not self._lets_in(timeout):
                passed = time.monotonic() - start
                log = self._log()
                if panic := PANIC.search(log):
                    self.kill()
                    raise self._error(f"panicked: {panic[0].strip()}")
                if self.pid is None:
                    raise self._error(f"stopped while booting:\n{tail(log, 5)}")
                if passed > timeout:
                    raise self._error(
                        f"had not booted after {timeout:g} s. Its last output:\n{tail(log, 3)}\n"
                        "It is still running: 'make emulate-stop' stops it"
                    )
                progress.show(f"booting, {passed:.0f} s: {tail(log, 1)[:60]}")
                time.sleep(2)
        return time.monotonic() - start

    def _lets_in(self, timeout: float) -> bool:
        """Return whether the user can log in: the server answers before systemd allows logins."""
        if not self._answers(self.ports.ssh):
            return False
        return self.run("true", check=False, timeout=timeout).returncode == 0

    def _log(self) -> str:
        """Return the output of the serial line, without colour codes."""
        return ESCAPES.sub("", self.folder.serial_log.read_text(errors="replace"))

    def _answers(self, port: int) -> bool:
        """Return whether the machine's SSH server answers; QEMU accepts connections earlier."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        ):
            return connection.recv(4) == b"SSH-"
        return False

    def stop(self, timeout: float = 180) -> bool:
        """Shut the machine down, by force after `timeout` seconds; return whether it was clean."""
        if not self.pid:
            return True
        with contextlib.suppress(MachineError):
            self.run("sudo systemctl poweroff", check=False, timeout=timeout)
            deadline = time.monotonic() + timeout
            while self.pid and time.monotonic() < deadline and not self._is_down():
                time.sleep(1)
        in_order = self.pid is None or self._is_down()
        self.kill()
        return in_order

    def _is_down(self) -> bool:
        """Return whether the kernel has shut down: the board cannot tell QEMU to power off."""
        log = self._log()
        return "reboot: Power down" in log or "System halted" in log

    def kill(self) -> None:
        """Cut the power."""
        pid = self.pid
        if pid:
            os.kill(pid, signal.SIGKILL)
            while self.pid:
                time.sleep(0.1)
        self._state.unlink(missing_ok=True)

    @property
    def pid(self) -> int | None:
        """QEMU's process id, if it is running."""
        state = self._read_state()
        if not state:
            return None
        if self._process:
            return self._process.pid if self._process.poll() is None else None
        pid = state["pid"]
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if command[0].endswith(b"qemu-system-arm"):  # not a new process with the same id
                return pid
        return None

    def _read_state(self) -> dict[str, int]:
        """Return the process id and the ports, or {}; a file that was cut off is none."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            state = json.loads(self._state.read_text())
            return {name: int(state[name]) for name in ("pid", "ssh", "jupyter")}
        return {}

    # --- the way in

    @property
    def ports(self) -> Ports:
        """The ports of the running machine."""
        state = self._read_state()
        if not self.pid or not state:
            raise MachineError("no emulated Pi is running: start it with 'make emulate'")
        return Ports(state["ssh"], state["jupyter"])

    @property
    def known_hosts(self) -> Path:
        """The machine's host key, in SSH's file format."""
        return self.folder.path / "known_hosts"

    @property
    def inventory(self) -> Path:
        """An Ansible inventory that contains only the machine."""
        return self.folder.path / "hosts.yml"

    @property
    def jupyter_url(self) -> str:
        """The URL of the machine's Jupyter on this computer."""
        return f"http://127.0.0.1:{self.ports.jupyter}"

    @property
    def ssh_command(self) -> list[str]:
        """The command that logs in as the user; append what to run."""
        way = ("-p", str(self.ports.ssh), "-i", str(self.folder.key))
        host = (
            "-o",
            self._known_hosts_option,
            "-o",
            "ConnectTimeout=120",
            "-o",
            ALIVE,
        )
        return ["ssh", *way, *host, "-o", "BatchMode=yes", f"{USER}@127.0.0.1"]

    def run(self, command: str, check: bool = True, timeout: float = 300):
        """Run a shell command on the machine as its user; see `scripts.machines.host.call`."""
        return call(*self.ssh_command, command, check=check, timeout=timeout)

    def _error(self, what: str) -> MachineError:
        return MachineError(f"the emulated Pi {what}\nIts output is in {self.folder.serial_log}")


def _escaped(path: Path) -> str:
    """Return a path as QEMU's options take it: a comma would end it."""
    return str(path).replace(",", ",,")


def _prefer(pid: int) -> None:
    """Give a machine priority over this host's other work, if that is allowed.

    Its threads hand over to each other thousands of times a second; if they wait for a busy core
    each time, one minute of the machine takes ten.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, PRIORITY)
        # for a process that leads its own session, this applies instead
        Path(f"/proc/{pid}/autogroup").write_text(str(PRIORITY))


def _require_free(port: int, name: str) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise MachineError(
                f"port {port} of this computer is in use ({error.strerror}): choose another with "
                f"{name}="
            ) from error
