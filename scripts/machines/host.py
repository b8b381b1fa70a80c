"""Run commands on this host, and check that it can build and boot machines."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from nn.errors import KitError

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
}


class MachineError(KitError, RuntimeError):
    """A machine could not be built, booted or used."""


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
    """Run a command on this host; return its CompletedProcess, or raise a MachineError."""
    command = [str(part) for part in command]
    try:
        # without a terminal: a command that asks a question must fail, not wait
        stdin = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=timeout, **stdin
        )
    except subprocess.TimeoutExpired as error:
        raise MachineError(f"{short(command)} was not done after {timeout:g} s") from error
    if check and done.returncode != 0:
        raise MachineError(
            f"{short(command)} ended with status {done.returncode}. Its output:\n"
            f"{tail(done.stdout + done.stderr)}"
        )
    return done


def show(*command, timeout: float, env: dict | None = None, cwd: Path | None = None) -> None:
    """Run a command and show its output; raise a MachineError if it fails or hangs."""
    command = [str(part) for part in command]
    try:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, timeout=timeout, env=env, cwd=cwd
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise MachineError(f"{short(command)} was not done after {timeout:g} s") from error
    if code != 0:
        raise MachineError(f"{short(command)} ended with status {code}: see above")


def retry(step: Callable[[], object], tries: int = 3) -> None:
    """Repeat a step if it fails: under emulation, programs hang now and then.

    Raises
    ------
    MachineError
        The last error, when all tries have failed.
    """
    for left in reversed(range(tries)):
        try:
            step()
            return
        except MachineError as error:
            if not left:
                raise
            print(f"{error}\nTrying again", file=sys.stderr, flush=True)


def short(command: list[str]) -> str:
    """Return a command as one short line for a message."""
    line = " ".join(command)
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
