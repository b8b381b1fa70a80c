"""`make verify-emulated`: everything that is promised of a Pi Zero, tried on the emulated one."""

import contextlib
import json
import os
import random
import re
import shlex
import subprocess
import sys
import threading
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

import requests

from nn.data.csv_file import write_csv
from nn.data.dataset import FirstRows, open_dataset
from scripts.bench.browser import Browser
from scripts.bench.digits import find_mnist
from scripts.emulation.card_folder import HOST, CardFolder
from scripts.emulation.emulator import Emulator, Ports
from scripts.machines.host import MachineError, call
from tests.campaigns import PROJECT
from tests.campaigns.emulated_pi.needs import PASSWORD, require_ready
from tests.campaigns.emulated_pi.report import Report
from tests.machines.jupyter_client import Visitor

ON_PI = Path(__file__).parent / "on_pi"
PYTHON = "/opt/pi-nn/venv/bin/python"
ROWS, FEW_ROWS = 5000, 500
TEST = ("--test", "pi-nn/mnist_dataset/t10k-images-idx3-ubyte.gz")
EXPECTED = {"numpy", "scipy", "matplotlib", "PIL", "zmq", "tornado", "psutil"}
MOST_MEMORY_MB = 60
PATIENCE = 5  # times as long as a usual machine takes to answer
SEED = 1
NOTEBOOK = "01_look_at_the_data.ipynb"
REPORT = PROJECT / "docs" / "reports" / "emulated-pi.md"
PICTURE = PROJECT / "docs" / "pictures" / "emulated-jupyter.png"
MODEL = "models/cut.npz"
CUT_EPOCHS, CUT_SAVES = "5", "5"  # a training of some minutes, and seconds between its saves
RECAP = re.compile(rf"^{HOST} +: (ok=\d+ .*failed=(\d+).*)$", re.M)


class Campaign:
    """The steps, on one emulated machine.

    Parameters
    ----------
    folder : CardFolder
    ports : Ports
    """

    def __init__(self, folder: CardFolder, ports: Ports):
        self.folder, self.ports = folder, ports
        self.emulator = Emulator(folder)
        self.report = Report("The kit on an emulated Pi Zero")
        self.random = random.Random(SEED)
        self.versions = ""

    def run(self, cuts: int) -> bool:
        """Take all steps, write the report, and tell whether all passed.

        Raises
        ------
        MachineError
            When something that a later step needs is missing, or a machine runs already; nothing
            has been done then.
        """
        require_ready(self.emulator, self.ports)
        self._write_rows()
        step = self.report.step
        try:
            step("boot to SSH", self._boot)
            step("the machine", self._machine)
            step("train `smoke`", lambda: self._train("smoke"))
            step(f"train `pi-zero` on {ROWS:,} rows of MNIST, as CSV", self._train_on_mnist)
            for preset in ("pi-zero-100", "book"):
                few = f"train `{preset}` on {FEW_ROWS} rows of MNIST, as CSV"
                step(few, partial(self._train, preset, "--train", "few.csv", *TEST))
            step("Jupyter over the forwarded port: a numpy cell", self._jupyter_computes)
            step("Jupyter's memory", self._jupyter_memory)
            step("Jupyter in a browser", self._picture)
            step("import all that is compiled", self._import_compiled)
            for number in range(1, cuts + 1):
                step(f"power cut {number} while training", self._cut_while_training)
                step(f"power cut {number} while saving a notebook", self._cut_while_saving)
            step("`verify.yml`, as on a real Pi", self._verify)
            step("the card's file system", self._check_file_system)
        finally:
            self.emulator.kill()
        self.report.write(REPORT, self.versions, _HOW)
        return not self.report.failed

    # --- the machine

    def _boot(self) -> str:
        self.emulator.start(self.ports)
        seconds = self.emulator.wait()
        return f"{seconds:.0f} s"

    def _machine(self) -> str:
        told = self._run("uname -mr; tr -d '\\0' </proc/device-tree/model; echo; free -m").stdout
        kernel, model, _, memory, *_ = told.splitlines()
        kernel, architecture = kernel.split()
        assert architecture == "armv6l", f"expected armv6l, got {architecture}"
        versions = json.loads(self._run_python("versions.py").stdout)
        qemu = call("qemu-system-arm", "--version").stdout.splitlines()[0]
        all_versions = {"kernel": kernel, **versions, "ansible (here)": version("ansible")}
        listed = ", ".join(f"{name} {number}" for name, number in all_versions.items())
        self.versions = f"Versions: {qemu}; {listed}."
        return f"{model}, {architecture}, {memory.split()[1]} MB of memory"

    def _verify(self) -> str:
        log = self.folder.path / "verify.log"
        print(f"verify-emulated: some 20 minutes; its tasks go into {log}", file=sys.stderr)
        playbook = Path(sys.executable).with_name("ansible-playbook")
        command = [playbook, "-i", self.emulator.inventory, "ansible/playbooks/verify.yml"]
        settings = {
            **os.environ,
            "ANSIBLE_CONFIG": "ansible/ansible.cfg",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_TASK_TIMEOUT": "900",  # ssh itself may wait for ever in the middle of a login
        }
        with log.open("w") as output:
            subprocess.run(
                command,
                cwd=PROJECT,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=3 * 3600,
                check=False,
            )
        recap = RECAP.search(log.read_text())
        if not recap or recap[2] != "0":
            raise MachineError(f"a task failed: see {log}")
        return " ".join(recap[1].split())

    # --- training

    def _train(self, preset: str, *flags: str) -> str:
        told = json.loads(self._run(self._train_command(preset, *flags), timeout=3600).stdout)
        peak = told["peak_rss_mb"]
        assert peak < MOST_MEMORY_MB, f"peak memory of {peak} MB: expected under {MOST_MEMORY_MB}"
        return (
            f"{told['seconds_total']:.0f} s, accuracy {told['accuracy']:.2%} on "
            f"{told['test_samples']:,} digits, peak memory {peak:.1f} MB (VmHWM)"
        )

    def _train_on_mnist(self) -> str:
        with self._rows.open("rb") as file:
            bring = f"cat >rows.csv && head -n {FEW_ROWS} rows.csv >few.csv && sync"
            command = [*self.emulator.ssh_command, bring]
            subprocess.run(command, stdin=file, check=True, timeout=900)
        return self._train("pi-zero", "--train", "rows.csv", *TEST)

    def _train_command(self, preset: str, *flags: str) -> str:
        return shlex.join([PYTHON, "-m", "nn", "train", "--preset", preset, "--json", *flags])

    @property
    def _rows(self) -> Path:
        return self.folder.path / "rows.csv"

    def _write_rows(self) -> None:
        """Write the first rows of MNIST as CSV, to be brought to the machine."""
        source = find_mnist(lambda line: None)
        with self._rows.open("wb") as file:
            write_csv(file, FirstRows(open_dataset(source.train), ROWS).blocks())

    # --- Jupyter

    def _jupyter_memory(self) -> str:
        names = ("MemoryMax", "MemoryCurrent", "ActiveState")
        flags = " ".join(f"--property={name}" for name in names)
        told = self._run(f"systemctl show pi-nn-jupyter {flags}").stdout
        values = dict(line.split("=") for line in told.splitlines())
        assert values["ActiveState"] == "active", told
        limit, current = (int(values[name]) / 2**20 for name in names[:2])
        group = "/sys/fs/cgroup/system.slice/pi-nn-jupyter.service/memory.peak"
        peak = int(self._run(f"cat {group}").stdout) / 2**20
        assert peak < limit, f"{peak:.0f} MB at most: expected less than {limit:.0f}"
        return f"{current:.0f} MB, at most {peak:.0f} MB, of {limit:.0f} MB"

    def _jupyter_computes(self) -> str:
        visitor = self._visitor()
        start = time.monotonic()
        printed = visitor.compute("import numpy; print(numpy.arange(10).sum())")
        assert printed == "45\n", f"expected 45, got {printed}"
        return f"45, {time.monotonic() - start:.0f} s after asking for a kernel"

    def _picture(self) -> str:
        start = time.monotonic()
        with Browser(self.emulator.jupyter_url, PATIENCE) as browser:
            browser.log_in(self._password())
            listed = time.monotonic() - start
            browser.open_notebook(NOTEBOOK)
            browser.run_all()
            browser.picture(PICTURE)
            text, pictures = browser.walk()
            browser.end_kernels()
        assert pictures, "no picture was drawn"
        assert "Traceback" not in text, text
        return (
            f"the list of notebooks after {listed:.0f} s; `{NOTEBOOK}` done after "
            f"{time.monotonic() - start:.0f} s: [seen](../pictures/{PICTURE.name})"
        )

    def _visitor(self) -> Visitor:
        visitor = Visitor(self.emulator.jupyter_url, PATIENCE)
        visitor.wait(900)
        assert visitor.log_in(self._password()), "the password does not let in"
        return visitor

    def _password(self) -> str:
        return PASSWORD.read_text().strip()

    def _import_compiled(self) -> str:
        told = json.loads(self._run_python("import_compiled.py", timeout=7200).stdout)
        assert not told["killed"], f"killed: {told['killed']}"
        packages = {name.partition(".")[0] for name in told["imported"]}
        assert packages >= EXPECTED, f"none of {', '.join(EXPECTED - packages)} was imported"
        refused = f"; {len(told['refused'])} say why not: {'; '.join(told['refused'])}"
        return f"{len(told['imported'])} modules imported{refused if told['refused'] else ''}"

    # --- power cuts

    def _cut_while_training(self) -> str:
        self._run(f"rm -f rows.csv.packed {MODEL}.checkpoint-?; sync")
        flags = ("--train", "rows.csv", "--model", MODEL)
        once = self._train_command("pi-zero", *flags)
        flags += ("--epochs", CUT_EPOCHS, "--checkpoint-every", CUT_SAVES)
        words = self._train_command("pi-zero", *flags, "--resume-or-start")
        script = f"[ -e {MODEL} ] || {once}; while {words}; do :; done"
        self._run(f"nohup sh -c {shlex.quote(script)} >cut.log 2>&1 &")
        saved = f"until [ -e {MODEL} ] && ls {MODEL}.checkpoint-?; do sleep 5; done"
        self._run(saved, timeout=1200)
        wait = self.random.uniform(5, 60)
        time.sleep(wait)
        self._power_cut()
        found = json.loads(self._run_python("check_files.py", ".").stdout)
        assert not found["corrupt"], f"corrupt: {found['corrupt']}"
        assert MODEL in found["models"], "the model that was there is gone"
        words = self._train_command("pi-zero", *flags, "--resume")
        told = json.loads(self._run(words, timeout=3600).stdout)
        place = told["resumed_from"]
        return (
            f"cut {wait:.0f} s after the first checkpoint; {len(found['models'])} models load, "
            f"{found['packed']} packed files equal their text; resumed with --resume after "
            f"{place['row']:,} digits of epoch {place['epoch'] + 1}, and finished with accuracy "
            f"{told['accuracy']:.2%}"
        )

    def _cut_while_saving(self) -> str:
        visitor = self._visitor()
        acknowledged, stop = [0], threading.Event()

        def save() -> None:
            # its end is meant: the machine is gone in the middle of an answer
            with contextlib.suppress(requests.RequestException, MachineError):
                while not stop.is_set():
                    visitor.save("power-cut.ipynb", _notebook(acknowledged[0] + 1))
                    acknowledged[0] += 1

        saving = threading.Thread(target=save, daemon=True)
        saving.start()
        deadline = time.monotonic() + 900
        while acknowledged[0] < 2:
            if not saving.is_alive() or time.monotonic() > deadline:
                raise MachineError("no notebook was saved")
            time.sleep(0.2)
        time.sleep(self.random.uniform(0, 20))
        self._power_cut()
        stop.set()
        text = self._run("cat pi-nn/notebooks/power-cut.ipynb").stdout
        version = json.loads(text)["metadata"]["version"]
        assert version in (acknowledged[0], acknowledged[0] + 1), (
            f"version {version} is on the card, {acknowledged[0]} was the last that was saved"
        )
        return f"{acknowledged[0]} saved before the cut, version {version} is whole on the card"

    def _power_cut(self) -> None:
        self.emulator.kill()
        self._boot()

    def _check_file_system(self) -> str:
        complaints = self._run("sudo dmesg | grep -c 'EXT4-fs error'", check=False).stdout.strip()
        assert complaints == "0", f"{complaints} errors in the kernel's log"
        self.emulator.stop()
        checked = call("e2fsck", "-f", "-n", self.folder.image, check=False, timeout=900)
        assert checked.returncode == 0, checked.stdout
        return "no error in the kernel's log; e2fsck finds nothing"

    def _run(self, command: str, check: bool = True, timeout: float = 600):
        return self.emulator.run(command, check=check, timeout=timeout)

    def _run_python(self, name: str, *words: str, timeout: float = 900):
        """Run a program of `on_pi` with the Python of Jupyter's environment."""
        command = [*self.emulator.ssh_command, shlex.join([PYTHON, "-", *words])]
        return call(*command, text=(ON_PI / name).read_text(), timeout=timeout)


def _notebook(version: int) -> dict:
    """Return a notebook of some hundred kilobytes that says which it is."""
    cell = {"cell_type": "raw", "metadata": {}, "source": f"{version} " * 50_000}
    return {"cells": [cell], "metadata": {"version": version}, "nbformat": 4, "nbformat_minor": 4}


_HOW = (
    "The machine is `qemu-system-arm -M raspi0`: an ARM1176, 512 MB, and Debian's armel packages, "
    "which do floating point in software. Its clock counts instructions, 125 million per second. "
    "Training times are by that clock, all others by this computer's; neither is a Pi Zero's. The "
    "power is cut by killing QEMU at random moments; whatever the machine had not written to its "
    "card is lost."
)
