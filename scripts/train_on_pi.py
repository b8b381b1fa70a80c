"""Train on each Pi of the inventory over SSH, its progress visible, and bring back what it learned.

    python scripts/train_on_pi.py --inventory ansible/inventory/hosts.yml --preset pi-zero

The summary and the model of each Pi come to trained/HOST/.
"""

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nn.presets import PRESETS

BIN = Path(sys.executable).parent
PYTHON_ON_PI = "/opt/pi-nn/venv/bin/python"


# A new machine is believed once, as ansible/ansible.cfg has it.
SSH_OPTIONS = ["-o", "StrictHostKeyChecking=accept-new", "-o", "ServerAliveInterval=30"]


@dataclass(frozen=True)
class Pi:
    """One machine: its name in the inventory, and the words that reach it; none for this one."""

    name: str
    options: list[str]
    address: str | None


def main() -> int:
    """Train on one Pi after the other; return 1 when any failed."""
    arguments = _arguments()
    failed = []
    for pi in _pis(arguments.inventory, arguments.limit, shlex.split(arguments.extra)):
        print(f"{pi.name}: training preset {arguments.preset}", file=sys.stderr, flush=True)
        if not _train(pi, arguments.preset, Path(arguments.output) / pi.name):
            failed.append(pi.name)
    if failed:
        print(f"error: no training on {', '.join(failed)}: see above", file=sys.stderr)
    return 1 if failed else 0


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inventory", required=True, metavar="FILE")
    parser.add_argument("--preset", default="pi-zero", choices=PRESETS, help="default: %(default)s")
    parser.add_argument("--limit", default="pis", help="hosts or groups; default: all")
    parser.add_argument("--extra", default="", help="more for ansible-inventory: --ask-vault-pass")
    parser.add_argument("--output", default="trained", metavar="DIR", help="default: %(default)s")
    return parser.parse_args()


def _pis(inventory: str, limit: str, extra: list[str]) -> list[Pi]:
    """Ask Ansible's own reader of inventories for the machines."""
    command = [BIN / "ansible-inventory", "-i", inventory, "--limit", limit, *extra, "--list"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(f"error: {inventory} cannot be read; why is above")
    hosts = json.loads(result.stdout)["_meta"]["hostvars"]
    if not hosts:
        sys.exit(f"error: {inventory} has no machine for {limit}")
    return [_pi(name, variables) for name, variables in hosts.items()]


def _pi(name: str, variables: dict) -> Pi:
    if variables.get("ansible_connection") == "local":
        return Pi(name, [], None)
    options = SSH_OPTIONS + shlex.split(variables.get("ansible_ssh_common_args", ""))
    if port := variables.get("ansible_port"):
        options += ["-o", f"Port={port}"]
    if key := variables.get("ansible_ssh_private_key_file"):
        options += ["-o", f"IdentityFile={key}"]
    user = variables.get("ansible_user")
    host = variables.get("ansible_host", name)
    return Pi(name, options, f"{user}@{host}" if user else host)


def _train(pi: Pi, preset: str, output: Path) -> bool:
    """Train, then fetch summary and model; tell whether all of it worked."""
    # The summary goes into a file: the terminal is for the progress bar, on standard error.
    model = f"models/{preset}"
    remote = (
        f"cd ~/pi-nn && mkdir -p models && {PYTHON_ON_PI} -m nn train --preset {preset} --offline"
        f" --model {model}.npz --resume-or-start --json > {model}.json.part && mv {model}.json.part {model}.json"
    )
    if _run(pi, remote):
        return False
    output.mkdir(parents=True, exist_ok=True)
    if _fetch(pi, [f"pi-nn/{model}.{ending}" for ending in ("json", "npz")], output):
        return False
    summary = json.loads((output / f"{preset}.json").read_text())
    print(
        f"{pi.name}: {summary['accuracy']:.2%} on {summary['dataset']} after "
        f"{summary['seconds_total']:.1f} s; {output / preset}.json and .npz"
    )
    return True


def _run(pi: Pi, command: str) -> int:
    """Run a shell command there, its output and progress here; return its status."""
    if pi.address is None:
        return subprocess.run(["sh", "-c", command]).returncode
    terminal = ["-t"] if sys.stderr.isatty() else []
    return subprocess.run(["ssh", *terminal, *pi.options, pi.address, command]).returncode


def _fetch(pi: Pi, names: list[str], output: Path) -> int:
    """Copy files below the home of there into a folder of here; return the status."""
    if pi.address is None:
        return subprocess.run(["cp", *(Path.home() / name for name in names), output]).returncode
    sources = [f"{pi.address}:{name}" for name in names]
    return subprocess.run(["scp", "-q", *pi.options, *sources, output]).returncode


if __name__ == "__main__":
    sys.exit(main())
