"""Run each part, and write what happened: python -m tests.campaigns.sweep --report FILE."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from nn.sweeps.cluster import run_on, this_computer
from scripts.machines.host import MachineError, call, require_root
from tests.campaigns import PROJECT
from tests.campaigns.sweep import pis, processors
from tests.machines.machine import Machine
from tests.nn.sweeps import work
from tests.provision.playbooks import controller_variables

RELEASES = ("bookworm", "trixie", "bookworm", "trixie", "bookworm")
LAPTOP = "10.77.254.1"  # an address of this host that every machine reaches
WORKERS, TASKS, MOST_MS = 30, 1000, 10
HEAD = """\
# Sweeps

What becomes of a sweep when workers die, freeze, lose their network or arrive late, and who is let
in. `make test-sweep` writes this. Run on {date}, in {minutes:.0f} minutes, on {cores} cores of
x86-64. The machines are containers of Debian with systemd, each provisioned by role `worker` on top
of the kit, with 430 MB of memory.
"""


def main() -> int:
    """Run all parts; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", required=True, type=Path)
    arguments = parser.parse_args()
    mnist = Path(os.environ.get("MNIST_DIR") or sys.exit("test-sweep: set MNIST_DIR to MNIST"))
    parts: dict[str, Callable[[], list[str]]] = {
        "Machines that are disturbed": machines,
        "A task that kills its worker": deadly_task,
        "Overhead": overhead,
        "Memory with 32 bits": lambda: processors.memory_of_32_bits(mnist.resolve()),
        "Emulated ARM": processors.task_on_arm,
    }
    begun, failed, text = time.monotonic(), [], ""
    for title, part in parts.items():
        print(f"== {title}", file=sys.stderr, flush=True)
        try:
            require_root()
            lines = part()
        except (AssertionError, MachineError) as error:
            failed.append(title)
            lines = [f"**failed**: {str(error).splitlines()[0]}"]
            print(f"{title} failed: {error}", file=sys.stderr)
        text += f"\n## {title}\n\n" + "".join(f"- {line}\n" for line in lines)
        head = HEAD.format(
            date=time.strftime("%Y-%m-%d"),
            minutes=(time.monotonic() - begun) / 60,
            cores=len(os.sched_getaffinity(0)),
        )
        arguments.report.write_text(head + text)
    print(f"wrote {arguments.report}")
    return 1 if failed else 0


def machines() -> list[str]:
    """Provision five machines, and disturb a sweep on them."""
    with tempfile.TemporaryDirectory(prefix="pi-nn-sweep-") as name, ExitStack() as stack:
        folder = Path(name)
        call("ip", "address", "replace", f"{LAPTOP}/32", "dev", "lo")
        stack.callback(call, "ip", "address", "delete", f"{LAPTOP}/32", "dev", "lo")
        booted = [
            stack.enter_context(
                Machine(release, f"pi-{number}", memory_mb=430, passwordless_sudo=True)
            )
            for number, release in enumerate(RELEASES, 1)
        ]
        provision(booted, folder)
        return pis.disturbed_sweep(booted, folder, folder / "keys")


def provision(booted: list[Machine], folder: Path) -> None:
    """Set all of them up at once, as `make provision` does."""
    hosts = {}
    for machine in booted:
        hosts |= json.loads(machine.inventory())["pis"]["hosts"]
    settings = controller_variables(folder) | {
        "worker_computer": LAPTOP,
        "worker_keys": str(folder / "keys"),
    }
    (folder / "hosts.yml").write_text(json.dumps({"pis": {"hosts": hosts}}))
    (folder / "variables.json").write_text(json.dumps(settings))
    playbook = [Path(sys.executable).parent / "ansible-playbook", "-i", folder / "hosts.yml"]
    tags = ["-e", f"@{folder / 'variables.json'}", "--tags", "base,kit,dataset,worker"]
    done = subprocess.run(
        [*playbook, *tags, "ansible/playbooks/site.yml"],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": "ansible/ansible.cfg"},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, "the machines could not be provisioned, see above"


def deadly_task() -> list[str]:
    """Run 40 tasks, one of which kills its worker each time."""
    with this_computer(2) as run:
        found = {
            task["seed"]: each
            for task, each in run_on(
                run.args[0], [{"seed": seed} for seed in range(40)], work.deadly
            )
        }
    failed = [seed for seed, each in found.items() if "failed" in each]
    assert len(found) == 40, found
    assert failed == [13], failed
    return [f"40 tasks on 2 workers: one ends as failed ({found[13]['failed']}), 39 with a result"]


def overhead() -> list[str]:
    """Share out tasks that do nothing among many workers."""
    with this_computer(WORKERS) as run:
        tasks = [{"seed": seed} for seed in range(TASKS)]
        list(run_on(run.args[0], tasks[:WORKERS], work.nothing))
        begun = time.perf_counter()
        found = list(run_on(run.args[0], tasks, work.nothing))
        each = 1000 * (time.perf_counter() - begun) / TASKS
    assert len(found) == TASKS
    assert each < MOST_MS, f"expected less than {MOST_MS} ms a task, got {each:.1f}"
    return [f"{WORKERS} workers, {TASKS:,} tasks that do nothing: {each:.1f} ms for each"]


if __name__ == "__main__":
    sys.exit(main())
