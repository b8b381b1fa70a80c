"""Run the default training and the heaviest notebook where there is little memory.

    python -m tests.campaigns.low_memory

Each runs in a control group of its own, with 128 and with 256 MiB and no swap for all that belongs
to it: for the notebook its kernel, and the program that feeds it the cells. A library that another
program has in memory already counts there, so that a process may hold more than its group is said
to. What is promised must be done, or this ends with 1; what else fits is told. Needs root, and
MNIST_DIR.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from nn.errors import KitError
from scripts.bench.packed_kit import unpack_kit
from scripts.machines.host import require_root
from tests.campaigns import PROJECT
from tests.machines.cgroups import Cgroups

LIMITS = (128, 256)  # MiB
TRAINING, NOTEBOOK = "train --preset pi-zero", "notebook 06"
PROMISED = {(TRAINING, 128), (TRAINING, 256), (NOTEBOOK, 256)}
EXECUTE = """
import sys
from pathlib import Path
from scripts.bench.notebook_runner import executed
with executed(Path(sys.argv[1]), "06", Path(sys.argv[2])) as run:
    print(f"its kernel held {run.peak_mb:.0f} MiB")
"""
TRAIN = """
import json, subprocess, sys
done = subprocess.run([sys.executable, *sys.argv[1:]], stdout=subprocess.PIPE)
if done.returncode:
    sys.exit(done.returncode)
said = json.loads(done.stdout)
print("{dataset}, accuracy {accuracy}, it held {peak_rss_mb:.0f} MiB".format(**said))
"""
# `echo 0` puts the process that writes it into a group.
ENTER = 'for group in $GROUPS_TO_ENTER; do echo 0 >"$group/cgroup.procs"; done; exec "$@"'
TIMEOUT = 900


@dataclass(frozen=True)
class Outcome:
    """How it went: exit code, seconds, MiB at the most, processes killed, and the last line."""

    code: int
    seconds: float
    peak_mb: float
    kills: int
    said: str

    def __str__(self) -> str:
        if self.code == 0:
            return f"{self.said}, all together {self.peak_mb:.0f}, in {self.seconds:.1f} s"
        failed = "killed: it needs more" if self.kills else f"failed with {self.code}: {self.said}"
        return f"{failed} (after {self.seconds:.1f} s)"


def main() -> int:
    """Run all; return 1 when something that is promised was not done."""
    mnist = os.environ.get("MNIST_DIR") or sys.exit("low_memory: set MNIST_DIR to MNIST")
    require_root()
    broken = 0
    with tempfile.TemporaryDirectory(prefix="pi-nn-", dir="/var/tmp") as folder:  # on a disk
        commands = commands_in(Path(folder), Path(mnist).resolve())
        for name, command in commands.items():
            for limit in LIMITS:
                outcome = run_limited(command, limit, Path(folder))
                print(f"{name} in {limit} MiB: {outcome}", flush=True)
                broken += (name, limit) in PROMISED and outcome.code != 0
    if broken:
        print(f"low_memory: {broken} of what is promised was not done: see above", file=sys.stderr)
    return 1 if broken else 0


def commands_in(folder: Path, mnist: Path) -> dict[str, list[str]]:
    """Return the commands by name; they work in a folder of their own."""
    kit = unpack_kit(folder)
    train = ["-m", "nn", *TRAINING.split(), "--restart", "--json", "--model", folder / "model.npz"]
    return {
        TRAINING: [sys.executable, "-c", TRAIN, *map(str, train)],
        NOTEBOOK: [sys.executable, "-c", EXECUTE, str(kit), str(mnist)],
    }


def run_limited(command: list[str], limit: int, folder: Path) -> Outcome:
    """Run a command, and all that it starts, in so much memory (MiB)."""
    groups = Cgroups(f"pi-nn-low-memory-{os.getpid()}")
    groups.open(limit)
    environment = {
        **os.environ,
        "GROUPS_TO_ENTER": " ".join(map(str, groups.folders)),
        "OPENBLAS_NUM_THREADS": "1",  # as on a Pi
        "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(folder / f"cache-{limit}"),  # a first run: the data is packed, too
    }
    start = time.monotonic()
    try:
        done = subprocess.run(
            ["sh", "-c", ENTER, "enter", *command],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        seconds = time.monotonic() - start
        lines = (done.stdout + (done.stderr if done.returncode else "")).strip().splitlines()
        said = lines[-1] if lines else "nothing was said"
        return Outcome(done.returncode, seconds, groups.peak_mb(), groups.kills(), said)
    finally:
        groups.close()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KitError as error:
        sys.exit(f"low_memory: {error}")
