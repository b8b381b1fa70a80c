"""The board itself: QEMU's Raspberry Pi Zero, started from a card, reached over SSH."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.emulation.card_folder import HOST, USER, CardFolder
from scripts.machines.host import MachineError, call, require_commands, tail

BOOT_SECONDS = 900  # some 100 s on an idle core
# It has no clock, as a Pi Zero has none: systemd sets it as it starts. Set later, by an hour or
# more, it makes the emulated timer spin.
KERNEL_WORDS = (
    "rw console=ttyAMA0,115200 root=/dev/mmcblk0 rootwait fsck.mode=skip "
    # QEMU has no power controller, and the kernel panics over it
    "initcall_blacklist=bcm2835_pm_driver_init "
    # cdc_ether asks the network card for its status all the time, which costs 2,000 interrupts a
    # second, and close to half of the machine's time. Without it cdc_subset takes over.
    "modprobe.blacklist=cdc_ether"
)
# The machine's time goes by as it computes, 2**3 ns an instruction, and not by this computer's
# clock. By this computer's clock, a pause between the kernel's reading of the time and its setting
# of an alarm makes that late, and in QEMU's timer a late alarm rings 71 minutes later: all stands
# still meanwhile.
INSTRUCTION_COUNT = ("-icount", "shift=3")
PRIORITY = -10
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PANIC = re.compile(r"Kernel panic.*")
ALIVE = "ServerAliveInterval=60"  # three of them unanswered, and ssh gives up
INVENTORY = """\
pis:
  hosts:
    {host}:
      ansible_host: 127.0.0.1
      ansible_port: {ssh_port}
      ansible_user: {user}
      ansible_ssh_private_key_file: {key}
      ansible_ssh_common_args: -o UserKnownHostsFile={known_hosts} -o ConnectTimeout=60 -o {alive}
      ansible_timeout: 120
"""


@dataclass(frozen=True)
class Ports:
    """Where on this computer's loopback the machine's ports appear."""

    ssh: int = 5022
    jupyter: int = 8888


class Emulator:
    """An emulated Pi Zero: ARM1176, 512 MB, a card, a network card on its USB port.

    It goes on when the process that started it ends; another one finds it by its folder.

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
            When QEMU or the card is missing, the machine runs already, or a port is taken.
        """
        self.require_ready()
        _require_free(ports.ssh, "SSH_PORT")
        _require_free(ports.jupyter, "JUPYTER_PORT")
        self._write_way_in(ports)
        if self.folder.serial_log.exists():  # what was said before the power was cut, perhaps
            self.folder.serial_log.replace(self.folder.serial_log.with_suffix(".log.1"))
        # the log is opened here, so that it may be read before QEMU has begun
        with self.folder.serial_log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(ports),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _prefer(self._process.pid)
        self._state.write_text(json.dumps({"pid": self._process.pid, **vars(ports)}))

    def require_ready(self) -> None:
        """Raise a MachineError when QEMU or the card is missing, or the machine runs already."""
        require_commands("qemu-system-arm", "ssh")
        if not self.folder.image.exists():
            raise MachineError(
                f"{self.folder.image}: no such card: make it first with 'make image'"
            )
        if self.pid:
            raise MachineError(
                f"an emulated Pi is already running, as process {self.pid}: "
                "'make emulate-stop' stops it"
            )

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
            *("-drive", f"file={self.folder.image},if=sd,format=raw"),
            *("-append", f"{KERNEL_WORDS} systemd.clock_usec={time.time() * 1e6:.0f}"),
            # its port, or QEMU puts a hub between, which is asked for its status, too
            *("-device", "usb-net,netdev=n0,port=1", "-netdev", f"user,id=n0,{forwards}"),
            *("-display", "none", "-serial", "stdio", "-monitor", "none"),
        ]

    def _write_way_in(self, ports: Ports) -> None:
        key = (self.folder.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        self.known_hosts.write_text(f"[127.0.0.1]:{ports.ssh} {key}")
        words = {"host": HOST, "user": USER, "key": self.folder.key, "ssh_port": ports.ssh}
        self.inventory.write_text(
            INVENTORY.format(known_hosts=self.known_hosts, alive=ALIVE, **words)
        )

    def wait(self, timeout: float = BOOT_SECONDS) -> float:
        """Wait until SSH lets the user in, with a line of progress; return the seconds it took.

        Raises
        ------
        MachineError
            When the kernel panics, QEMU ends, or it takes too long; with what was said last.
        """
        start = time.monotonic()
        with _ProgressLine() as progress:
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
        """Tell whether the user can log in: the server greets before systemd allows it."""
        if not self._answers(self.ports.ssh):
            return False
        return self.run("true", check=False, timeout=timeout).returncode == 0

    def _log(self) -> str:
        """Return what was said on the serial line, without what colours it."""
        return ESCAPES.sub("", self.folder.serial_log.read_text(errors="replace"))

    def _answers(self, port: int) -> bool:
        """Tell whether the machine's SSH server greets; QEMU takes connections before it does."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        ):
            return connection.recv(4) == b"SSH-"
        return False

    def stop(self, timeout: float = 180) -> bool:
        """Shut the machine down, by force after so many seconds; tell whether it went in order."""
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
        """Tell whether the kernel is done; the board has no switch that QEMU would hear of."""
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
        """QEMU's process, if it runs."""
        if not self._state.exists():
            return None
        if self._process:
            return self._process.pid if self._process.poll() is None else None
        pid = json.loads(self._state.read_text())["pid"]
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if command[0].endswith(b"qemu-system-arm"):  # and not another's, with its number
                return pid
        return None

    # --- the way in

    @property
    def ports(self) -> Ports:
        """The ports of the machine that runs."""
        if not self.pid:
            raise MachineError("no emulated Pi is running: start it with 'make emulate'")
        state = json.loads(self._state.read_text())
        return Ports(state["ssh"], state["jupyter"])

    @property
    def known_hosts(self) -> Path:
        """The machine's host key, in SSH's file format."""
        return self.folder.path / "known_hosts"

    @property
    def inventory(self) -> Path:
        """An inventory for Ansible, with the machine alone."""
        return self.folder.path / "hosts.yml"

    @property
    def jupyter_url(self) -> str:
        """Where the machine's Jupyter is on this computer."""
        return f"http://127.0.0.1:{self.ports.jupyter}"

    @property
    def ssh_command(self) -> list[str]:
        """The command that logs in as the user; append what to run."""
        way = ("-p", str(self.ports.ssh), "-i", str(self.folder.key))
        host = (
            "-o",
            f"UserKnownHostsFile={self.known_hosts}",
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


def _prefer(pid: int) -> None:
    """Let a machine go before this host's other work, where that is allowed.

    Its threads hand over to each other thousands of times a second; where each time they wait for
    a busy core, a minute of the machine's takes ten.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, PRIORITY)
        # a process that leads a session of its own is weighed by this instead
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


class _ProgressLine:
    """One line that is written over on a terminal, and now and then a new one elsewhere."""

    def __init__(self):
        self._terminal = sys.stderr.isatty()
        self._next = 0.0

    def __enter__(self) -> "_ProgressLine":
        return self

    def __exit__(self, *exception) -> None:
        if self._terminal:
            print(file=sys.stderr)

    def show(self, message: str) -> None:
        """Show what goes on."""
        if self._terminal:
            print(f"\r\033[Kemulate: {message}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() >= self._next:
            print(f"emulate: {message}", file=sys.stderr, flush=True)
            self._next = time.monotonic() + 15
