"""Run ARM programs on this host: the kernel hands them to QEMU's user-mode emulation."""

import platform
from pathlib import Path

from scripts.machines.host import MachineError, call, require_commands

# The processors that QEMU emulates; it reads the name from QEMU_CPU.
PI_ZERO = "arm1176"  # ARMv6, as on the board: instructions of later processors are illegal
HARD_FLOAT = "cortex-a7"  # for Debian's armhf, which has no vector unit in numpy's baseline

_FORMATS = Path("/proc/sys/fs/binfmt_misc")
_SETTINGS = Path("/usr/lib/binfmt.d/qemu-arm.conf")  # of Debian's package qemu-user-static


def enable_arm() -> None:
    """Make this host's kernel run ARM programs, also in chroots.

    Raises
    ------
    MachineError
        When QEMU is missing, or the kernel refuses.
    """
    if platform.machine().startswith("arm"):
        return
    require_commands("qemu-arm-static", "arch-test")
    if not (_FORMATS / "register").exists():
        call("mount", "-t", "binfmt_misc", "binfmt_misc", _FORMATS)
    if (_FORMATS / "qemu-arm").exists():
        return
    try:
        (_FORMATS / "register").write_text(_SETTINGS.read_text().strip())
    except OSError as error:
        raise MachineError(
            f"the kernel cannot run ARM programs ({error}): reinstall qemu-user-static"
        ) from error
