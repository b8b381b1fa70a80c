"""Train on each Pi in the inventory over SSH, show the progress, and copy the results here.

    python scripts/train_on_pi.py --inventory ansible/inventory/hosts.yml --preset pi-zero

The summary and the model of each Pi are copied to trained/HOST/.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from nn.presets import PRESETS
from scripts.pis import LOGIN_FAILED, Pi, find_pis

PYTHON_ON_PI = "/opt/pi-nn/venv/bin/python"
# With a password: the first connection asks for it, and the next one uses the same connection. The
# socket is in /tmp because its path may have only about a hundred characters.
SHARED_CONNECTION = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o"]


def main() -> int:
    """Train on one Pi after another; return 1 if any training failed."""
    arguments = _arguments()
    failed = []
    with tempfile.TemporaryDirectory(prefix="pi-nn-", dir="/tmp") as folder:
        options = [*SHARED_CONNECTION, f"ControlPath={folder}/%C"] if arguments.ask_pass else []
        extra = shlex.split(arguments.extra)
        for pi in find_pis(arguments.inventory, arguments.limit, extra, options):
            print(f"{pi.name}: training preset {arguments.preset}", file=sys.stderr, flush=True)
            start = "--restart" if arguments.restart else "--resume-or-start"
            if not _train(pi, arguments.preset, start, Path(arguments.output) / pi.name):
                failed.append(pi.name)
    if failed:
        print(f"error: training failed on {', '.join(failed)}: see above", file=sys.stderr)
    return 1 if failed else 0


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inventory", required=True, metavar="FILE")
    parser.add_argument("--preset", default="pi-zero", choices=PRESETS, help="default: %(default)s")
    parser.add_argument(
        "--restart", action="store_true", help="delete unfinished trainings, then start"
    )
    parser.add_argument("--limit", default="all", help="names or patterns of Pis; default: all")
    parser.add_argument(
        "--ask-pass", action="store_true", help="SSH asks for a password: once for each Pi"
    )
    parser.add_argument("--extra", default="", help="more options for ansible: --ask-vault-pass")
    parser.add_argument("--output", default="trained", metavar="DIR", help="default: %(default)s")
    return parser.parse_args()


def _train(pi: Pi, preset: str, start: str, output: Path) -> bool:
    """Train, then fetch summary and model; return whether everything worked."""
    # The summary goes to a file: the terminal shows the progress bar.
    model = f"models/{preset}"
    remote = (
        f"cd ~ && cd {shlex.quote(pi.folder)} && mkdir -p models"
        f" && {PYTHON_ON_PI} -m nn train --preset {preset} --offline {start}"
        f" --model {model}.npz --json > {model}.json.part && mv {model}.json.part {model}.json"
    )
    if code := _run(pi, remote):
        if code == LOGIN_FAILED and pi.address:
            print(
                f"{pi.name}: SSH failed. If it says 'Permission denied', copy your key to the Pi "
                f"once: ssh-copy-id {pi.address}. Or type its password, with ASK_PASS=1",
                file=sys.stderr,
            )
        return False
    output.mkdir(parents=True, exist_ok=True)
    names = [f"{preset}.json", f"{preset}.npz"]
    with tempfile.TemporaryDirectory(dir=output, prefix=".") as folder:  # until both are complete
        if _fetch(pi, [f"{pi.folder}/models/{name}" for name in names], Path(folder)):
            return False
        for name in names:
            Path(folder, name).replace(output / name)
    summary = json.loads((output / f"{preset}.json").read_text())
    print(
        f"{pi.name}: {summary['accuracy']:.2%} on {summary['dataset']} after "
        f"{summary['seconds_total']:.1f} s; {output / preset}.json and .npz"
    )
    return True


def _run(pi: Pi, command: str) -> int:
    """Run a shell command on a Pi, showing its output here; return its exit status."""
    if pi.address is None:
        return subprocess.run(["sh", "-c", command]).returncode
    terminal = ["-t"] if sys.stderr.isatty() else []
    return subprocess.run(["ssh", *terminal, *pi.options, pi.address, command]).returncode


def _fetch(pi: Pi, names: list[str], output: Path) -> int:
    """Copy files below the home on a Pi into a folder here; return the exit status."""
    if pi.address is None:
        return subprocess.run(["cp", *(Path.home() / name for name in names), output]).returncode
    sources = [f"{pi.address}:{name}" for name in names]
    return subprocess.run(["scp", "-q", *pi.options, *sources, output]).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(130)
