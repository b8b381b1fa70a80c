"""Control groups of a machine's own, on cgroup v1, v2, or both.

Machines must not share one: systemd-nspawn with --keep-unit runs its machine's systemd in a group
below its caller's, so two machines of one caller would kill each other's processes.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from scripts.machines.host import MachineError

HIERARCHIES = Path("/sys/fs/cgroup")


class Cgroups:
    """The groups called `name`: one in each hierarchy that systemd, or the memory limit, uses."""

    def __init__(self, name: str):
        if (HIERARCHIES / "cgroup.procs").exists():  # v2 alone
            roots = [HIERARCHIES]
        else:
            roots = [HIERARCHIES / part for part in ("systemd", "unified", "memory")]
        self.folders = [root / name for root in roots if root.is_dir()]

    def open(self, memory_mb: int | None) -> None:
        """Make the groups, the memory (MiB) of all in them together limited where asked."""
        for folder in self.folders:
            folder.mkdir(exist_ok=True)
        if memory_mb is not None:
            limit = self._limit_file()
            limit.write_text(str(memory_mb * 2**20))
            for name in ("memory.swappiness", "memory.swap.max"):  # nor may it go to the disk
                if limit.with_name(name).exists():
                    limit.with_name(name).write_text("0")

    def _limit_file(self) -> Path:
        for folder in self.folders:
            for limit in ("memory.limit_in_bytes", "memory.max"):
                if (folder / limit).exists():
                    return folder / limit
        raise MachineError(
            f"a machine's memory can be limited through a memory controller, and {HIERARCHIES} "
            "has none: give memory_mb=None, or enable it (cgroup_enable=memory)"
        )

    def peak_mb(self) -> float:
        """Return the most that all in the groups held together, in MiB, cached files too."""
        most = {"memory.limit_in_bytes": "memory.max_usage_in_bytes", "memory.max": "memory.peak"}
        limit = self._limit_file()
        return int(limit.with_name(most[limit.name]).read_text()) / 2**20

    def kills(self) -> int:
        """Return how many processes the kernel ended because the memory ran out."""
        counts = {"memory.limit_in_bytes": "memory.oom_control", "memory.max": "memory.events"}
        limit = self._limit_file()
        lines = limit.with_name(counts[limit.name]).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def pids(self) -> list[int]:
        """Return all processes in the groups, each once."""
        found: dict[int, None] = {}
        for folder in self.folders:
            for part in groups_in(folder):
                with suppress(OSError):  # a group that went in between
                    text = (part / "cgroup.procs").read_text()
                    found.update(dict.fromkeys(map(int, text.split())))
        return list(found)

    def kill(self, timeout: float = 10) -> None:
        """Kill what is left in the groups."""
        deadline = time.monotonic() + timeout
        while (pids := self.pids()) and time.monotonic() < deadline:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def close(self) -> None:
        """Kill what is left in the groups, and remove them."""
        self.kill()
        for folder in self.folders:
            for part in groups_in(folder):
                with suppress(FileNotFoundError):
                    part.rmdir()


def groups_in(folder: Path) -> list[Path]:
    """Return a group and those in it, the deepest first; unlike glob's, the walk bears changes."""
    return [Path(part) for part, _, _ in os.walk(folder, topdown=False)]
