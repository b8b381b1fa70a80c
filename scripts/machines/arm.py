"""Run ARM programs on this host: the kernel hands them to QEMU's user-mode emulation."""

import platform
from pathlib import Path

from scripts.machines.host import MachineError, call, require_commands

# The processors whose programs QEMU runs; it reads the name in QEMU_CPU.
PI_ZERO = "arm1176"  # ARMv6, as on the board: an instruction of a later one is illegal
HARD_FLOAT = "cortex-a7"  # for Debian's armhf, which has no vector unit in numpy's baseline

_FORMATS = Path("/proc/sys/fs/binfmt_misc")
_SETTINGS = Path("/usr/lib/binfmt.d/qemu-arm.conf")  # of Debian's package qemu-user-static


def enable_arm() -> None:
    """Let this host's kernel start ARM programs, in chroots as well.

    Raises
    ------
    MachineError
        When QEMU is missing, or the kernel cannot be told.
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
            f"the kernel was not told of ARM programs ({error}): reinstall qemu-user-static"
        ) from error
