"""Run commands on this host, and check that it can build and boot machines."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from nn.errors import KitError
from scripts.machines.progress import ProgressLine

PACKAGE_OF = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "ip": "iproute2",
    "tc": "iproute2",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
    "losetup": "mount",
    "mke2fs": "e2fsprogs",
    "resize2fs": "e2fsprogs",
    "sfdisk": "fdisk",
    "qemu-arm-static": "qemu-user-static",
    "arch-test": "arch-test",  # mmdebstrap uses it to check that ARM programs run
    "qemu-system-arm": "qemu-system-arm",
    "e2fsck": "e2fsprogs",
    "git": "git",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "epiphany": "epiphany-browser",
    "WebKitWebDriver": "webkit2gtk-driver",
    "Xvfb": "xvfb",
    "dbus-daemon": "dbus-daemon",
}
# In a command, between what enters a root, the root, and what runs there: messages show the last.
INSIDE = "inside-root"
PROGRESS_SECONDS = 30
Result = TypeVar("Result")


class MachineError(KitError, RuntimeError):
    """A machine could not be built, booted or used."""


class CommandError(MachineError):
    """A command failed.

    Parameters
    ----------
    message : str
    status : int
        What it ended with.
    """

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class HangError(MachineError):
    """A command was not done in time."""


def require_root() -> None:
    """Raise a MachineError unless the user is root."""
    if os.geteuid() != 0:
        raise MachineError(
            "mounting and booting machines needs root, but this is user id "
            f"{os.geteuid()}: run it again as root, or with sudo"
        )


def require_commands(*commands: str) -> None:
    """Raise a MachineError if commands are missing; it names their packages."""
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        packages = " ".join(sorted({PACKAGE_OF[command] for command in missing}))
        raise MachineError(
            f"machines need {', '.join(missing)}, not found on PATH: "
            f"run `apt-get install {packages}`"
        )


def require_space(folder: Path, megabytes: int) -> None:
    """Raise a MachineError unless a folder's disk has this much free space."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        raise MachineError(
            f"{folder} has {free:,} MB free: expected {megabytes:,}. Free some space, or set "
            "XDG_CACHE_HOME to a folder on a larger disk"
        )


def call(*command, check: bool = True, text: str | None = None, timeout: float = 120):
    """Run a command on this host; return its CompletedProcess.

    Raises
    ------
    HangError
        When it takes longer than `timeout` seconds.
    CommandError
        When it fails, unless `check` is false.
    """
    command = [str(part) for part in command]
    try:
        # without a terminal: a command that asks a question must fail, not wait
        stdin = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=timeout, **stdin
        )
    except subprocess.TimeoutExpired as error:
        raise _hang(command, timeout) from error
    if check and done.returncode != 0:
        raise _failure(command, done.returncode, done.stdout + done.stderr)
    return done


def work(what: str, *command, timeout: float) -> None:
    """Run a command that takes minutes; show for how long, and what it said last.

    Raises
    ------
    HangError, CommandError
        As `call` does.
    """
    command = [str(part) for part in command]
    start = time.monotonic()
    with tempfile.TemporaryFile() as log, ProgressLine(what, PROGRESS_SECONDS) as progress:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                passed = time.monotonic() - start
                if passed > timeout:
                    raise _hang(command, timeout)
                if passed > PROGRESS_SECONDS:
                    progress.show(f"{passed / 60:.1f} min: {tail(_end_of(log), 1)[:70]}")
                time.sleep(min(1, timeout / 10))
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            raise _failure(command, process.returncode, _end_of(log))


def _end_of(log) -> str:
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), 8192, max(size - 8192, 0)).decode(errors="replace")


def show(*command, timeout: float, env: dict | None = None, cwd: Path | None = None) -> None:
    """Run a command and show its output.

    Raises
    ------
    HangError, CommandError
        As `call` does.
    """
    command = [str(part) for part in command]
    try:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, timeout=timeout, env=env, cwd=cwd
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise _hang(command, timeout) from error
    if code != 0:
        raise CommandError(f"{short(command)} ended with status {code}: see above", code)


def _hang(command: list[str], timeout: float) -> HangError:
    return HangError(f"{short(command)} was not done after {timeout:g} s")


def _failure(command: list[str], status: int, output: str) -> CommandError:
    message = f"{short(command)} ended with status {status}. Its output:\n{tail(output)}"
    return CommandError(message, status)


def retry(
    step: Callable[[], Result],
    tries: int = 3,
    on: tuple[type[MachineError], ...] = (HangError, CommandError),
) -> Result:
    """Repeat a step if it fails: under emulation, programs hang or crash now and then.

    A step that fails twice in the same way is not repeated again, and neither is one that misses
    something: another try would not change that.

    Parameters
    ----------
    step : callable
    tries : int
        At most so many.
    on : tuple of MachineError types
        What to repeat it after.

    Raises
    ------
    MachineError
        The last error.
    """
    before = None
    for left in reversed(range(tries)):
        try:
            return step()
        except on as error:
            same = not isinstance(error, HangError) and _essence(error) == before
            if same or not left:
                raise
            before = _essence(error)
            print(f"{error}\nTrying again", file=sys.stderr, flush=True)
    raise AssertionError("at least one try")


def _essence(error: MachineError) -> str:
    """Return a message without what differs each time: numbers, and names of temporary files."""
    return re.sub(r"/tmp/\S+|\d+", "", str(error))


def short(command: list[str]) -> str:
    """Return a command as one short line for a message, without what isolates it or enters a root.

    Examples
    --------
    >>> short(["sh", "-c", "mount ...", INSIDE, "/root", "env", "A=1", "useradd", "pi"])
    'useradd pi (in /root)'
    >>> short(["ssh", "-p", "5022", "pi@127.0.0.1", "uname -m"])
    'uname -m (on pi@127.0.0.1)'
    """
    where = ""
    if command[0] == "setpriv" and "--mount-proc" in command:
        command = command[command.index("--mount-proc") + 1 :]
    if INSIDE in command:
        root, *command = command[command.index(INSIDE) + 1 :]
        where = f" (in {root})"
        if command[:1] == ["env"]:
            words = iter(command[1:])
            command = [next((word for word in words if "=" not in word), ""), *words]
    elif command[0] == "ssh":
        place = next((at for at, word in enumerate(command) if "@" in word), len(command))
        if command[place + 1 :]:
            command, where = command[place + 1 :], f" (on {command[place]})"
    line = " ".join(command) + where
    return line if len(line) < 300 else f"{line[:150]} ... {line[-140:]}"


def tail(text: str, lines: int = 25) -> str:
    """Return the last lines of an output."""
    return "\n".join(text.strip().splitlines()[-lines:])


def mounts_below(folder: Path) -> list[Path]:
    """Return the mount points at or below a folder, deepest first."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    found = {Path(point.encode().decode("unicode_escape")) for point in points}
    inside = [point for point in found if point.is_relative_to(folder.resolve())]
    return sorted(inside, key=lambda point: len(point.parts), reverse=True)


def remove_tree(folder: Path) -> None:
    """Unmount everything at or below a folder, then delete it, within its own file system only."""
    for point in mounts_below(folder):
        call("umount", point)
    call("rm", "-rf", "--one-file-system", folder, timeout=600)
