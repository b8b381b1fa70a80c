"""A sweep of 160 trainings on five machines, hardly one of which is left in peace."""

import asyncio
import json
import shlex
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nn.sweeps.grid import read_grid
from tests.campaigns import PROJECT
from tests.machines.machine import Machine

GRID = """
preset = "pi-zero-100"
rows = 12000
learning_rate = [0.03, 0.1, 0.2, 0.3]
hidden_nodes = [10, 50]
seed = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
"""
SECONDS = 900
WORKER_PORT = 8788
PYTHON = "/opt/pi-nn-worker/venv/bin/python"
ALONE = """
import json, sys
from nn.sweeps.tasks import run_task
for line in sys.stdin:
    print(run_task(json.loads(line))["correct"], flush=True)
"""


class Laptop:
    """The sweep's process on this host, which can be killed and started again."""

    def __init__(self, folder: Path, keys: Path):
        self.grid = folder / "grid.toml"
        self.grid.write_text(GRID)
        self.results = folder / "grid.jsonl"
        self.results.unlink(missing_ok=True)
        self.keys = keys
        self.process: subprocess.Popen | None = None
        self.log = folder / "sweep.log"

    def start(self) -> None:
        """Start the sweep, or go on with it."""
        words = ["sweep", str(self.grid), "--pis", "--keys", str(self.keys)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nn", *words], cwd=PROJECT, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def found(self) -> list[dict]:
        """Return the results so far."""
        if not self.results.exists():
            return []
        whole = self.results.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for(self, number: int) -> None:
        """Wait for so many results."""
        self.wait_until(lambda: len(self.found()) >= number, f"{number} results")

    def wait_until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait for something, while the sweep is running."""
        end = time.monotonic() + SECONDS
        while not happened():
            if self.process.poll() not in (None, 0) or time.monotonic() > end:
                raise AssertionError(f"waited for {what}: {self.log.read_text()[-2000:]}")
            time.sleep(0.2)


def signal_worker(machine: Machine, name: str) -> None:
    """Send a signal to a machine's worker."""
    machine.run(f"systemctl kill --signal={name} pi-nn-worker", user="root")


def disturbed_sweep(machines: Sequence[Machine], folder: Path, keys: Path) -> list[str]:
    """Run it; return what happened, a line each, or raise AssertionError."""
    laptop, told = Laptop(folder, keys), []
    begun = time.monotonic()

    def tell(what: str) -> None:
        told.append(f"{time.monotonic() - begun:.0f} s, {len(laptop.found())} results: {what}")
        print(told[-1], flush=True)

    first, frozen, unplugged, quiet, late = machines
    late.run("systemctl stop pi-nn-worker", user="root")
    laptop.start()
    try:
        names = {machine.name for machine in machines} - {late.name}
        laptop.wait_until(
            lambda: {each["machine"] for each in laptop.found()} == names, "four workers"
        )
        tell(f"four workers: {', '.join(f'{each.name} ({each.release})' for each in machines[:4])}")
        told += strangers(quiet, json.loads((keys / "address.json").read_text()), keys)
        laptop.kill()
        tell("the laptop's process killed, and started again")
        there = len(laptop.found())
        laptop.start()
        laptop.wait_for(there + 20)
        signal_worker(first, "KILL")
        tell(f"the worker on {first.name} killed")
        laptop.wait_for(there + 35)
        signal_worker(frozen, "STOP")
        tell(f"the worker on {frozen.name} frozen")
        laptop.wait_for(there + 45)
        unplugged.cut_network(ssh_too=True)
        tell(f"{unplugged.name} unplugged")
        laptop.wait_for(there + 55)
        late.run("systemctl start pi-nn-worker", user="root")
        tell(f"a worker added on {late.name}")
        laptop.wait_until(lambda: laptop.process.poll() == 0, "the end")
        tell("the end")
    finally:
        laptop.kill()
        unplugged.restore_network()
        signal_worker(frozen, "CONT")
    found = laptop.found()
    tasks = read_grid(laptop.grid).tasks(found[0]["task"]["dataset"])
    counts = Counter(json.dumps(each["task"], sort_keys=True) for each in found)
    assert counts == Counter(json.dumps(task, sort_keys=True) for task in tasks), counts
    assert late.name in {each["machine"] for each in found}
    told.append(f"{len(found)} results for {len(tasks)} trainings, each once")
    told.append(compare_with_alone(machines, found))
    return told


def compare_with_alone(machines: Sequence[Machine], found: list[dict]) -> str:
    """Run each training again, alone on the machine where its result is from."""

    def differing(machine: Machine) -> int:
        mine = [each for each in found if each["machine"] == machine.name]
        tasks = "".join(json.dumps(each["task"]) + "\n" for each in mine)
        command = [*machine.ssh_args, f"{PYTHON} -P -c {shlex.quote(ALONE)}"]
        done = subprocess.run(command, input=tasks, capture_output=True, text=True, timeout=SECONDS)
        alone = [int(line) for line in done.stdout.split()]
        assert len(alone) == len(mine), done.stderr[-2000:]
        return sum(each["correct"] != right for each, right in zip(mine, alone, strict=True))

    with ThreadPoolExecutor(len(machines)) as pool:
        different = sum(pool.map(differing, machines))
    assert different == 0, f"{different} results differ from a run alone"
    shares = Counter(each["machine"] for each in found)
    split = ", ".join(f"{name} {number}" for name, number in sorted(shares.items()))
    return f"each equal to a run alone on the same machine ({split})"


def strangers(machine: Machine, place: dict, keys: Path) -> list[str]:
    """Knock at both ports with no certificate, a foreign one, and the right one."""
    told = []
    ports = {
        "the laptop": (place["computer"], place["port"]),
        f"the worker on {machine.name}": (machine.address, WORKER_PORT),
    }
    for name, (host, port) in ports.items():
        for way, attempt in (("plain TCP", plain), ("TLS without a certificate", no_certificate)):
            assert not attempt(host, port), f"{name} let in a stranger by {way}"
        assert not by_dask(host, port, None), f"{name} let in a stranger with another certificate"
        assert by_dask(host, port, keys), f"{name} did not let in its own computer"
        told.append(
            f"a stranger at {name}, with plain TCP, TLS without a certificate, and TLS with a "
            "certificate of another authority: refused each time"
        )
    return told


def plain(host: str, port: int) -> bool:
    """Return whether Dask's protocol gets an answer without encryption."""
    from distributed.comm import connect

    async def ask() -> bool:
        comm = await connect(f"tcp://{host}:{port}", timeout=5)
        await comm.write({"op": "identity", "reply": True})
        return bool(await comm.read())

    return _succeeds(ask)


def no_certificate(host: str, port: int) -> bool:
    """Return whether TLS without a certificate of one's own gets an answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=5) as raw,
            context.wrap_socket(raw) as connection,
        ):
            connection.settimeout(5)
            return bool(connection.recv(1))
    except OSError:
        return False


def by_dask(host: str, port: int, keys: Path | None) -> bool:
    """Return whether Dask gets an answer, with our keys or with those of a temporary authority."""
    from distributed.comm import connect
    from distributed.security import Security

    security = Security.temporary()
    if keys:
        own = str(keys / "computer.pem")
        security = Security(
            tls_ca_file=str(keys / "authority.pem"),
            tls_client_cert=own,
            tls_client_key=own,
            require_encryption=True,
        )
    arguments = security.get_connection_args("client")

    async def ask() -> bool:
        if keys is None:  # a stranger does not care whose certificate he sees
            arguments["ssl_context"].verify_mode = ssl.CERT_NONE
        comm = await connect(f"tls://{host}:{port}", timeout=10, **arguments)
        await comm.write({"op": "identity", "reply": True})
        return bool(await comm.read())

    return _succeeds(ask)


def _succeeds(ask: Callable) -> bool:
    try:
        return asyncio.run(asyncio.wait_for(ask(), 20))
    except Exception:  # the ways to be refused are many
        return False
