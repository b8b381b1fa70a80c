"""Workers on other processors: memory with 32 bits, and a start and a task on emulated ARMv6."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nn.data.sources import SAMPLE_NAME
from nn.presets import PRESETS
from nn.sweeps.cluster import SETTINGS, many_pis
from nn.sweeps.grid import Grid
from scripts.machines.arm import PI_ZERO, enable_arm
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import call
from scripts.machines.roots import RELEASE, RootKind, ensure_root
from tests.campaigns import PROJECT

ROLE = PROJECT / "ansible" / "roles" / "worker"
PACKAGES = tuple(
    "python3-numpy python3-scipy python3-msgpack python3-psutil python3-tornado python3-yaml "
    "python3-markupsafe python3-platformdirs".split()
)
BITS_32 = RootKind("sweep-32-bits", PACKAGES, "i386")
ARM = RootKind("sweep-arm", PACKAGES, "armel")
MOST_MB = 80
PORT = 8789
IDLE_SECONDS = 30


def bring_wheels(folder: Path) -> None:
    """Unpack the wheels of the role, which are the same for each processor."""
    requirements = ROLE / "files" / f"requirements-{RELEASE}.txt"
    how = "--no-deps --require-hashes --python-version=3.11 --platform=any --implementation=py"
    command = [sys.executable, "-m", "pip", "install", "--quiet", *how.split(), "--abi=none"]
    only = ["--only-binary=:all:", f"--target={folder}", f"--requirement={requirements}"]
    call(*command, *only)


@contextmanager
def worker_in(root: Path, mnist: Path | None, *settings: str) -> Iterator[tuple]:
    """Start a worker in a root; yield what runs tasks on it, its process number, its log."""
    with tempfile.TemporaryDirectory(prefix="pi-nn-sweep-") as name:
        folder = Path(name)
        wheels, keys = folder / "wheels", folder / "keys"
        bring_wheels(wheels)
        make = [sys.executable, ROLE / "files" / "make_keys.py", keys]
        call(*make, "127.0.0.1", str(PORT), "pi-1")
        mounts = [Mount(PROJECT, "/kit"), Mount(wheels, "/wheels"), Mount(keys, "/keys")]
        environment = [
            *("PYTHONPATH=/wheels:/kit", "PYTHONDONTWRITEBYTECODE=1", "OPENBLAS_NUM_THREADS=1"),
            f"DASK_CONFIG=/kit/{SETTINGS.relative_to(PROJECT)}",
            *settings,
        ]
        if mnist:
            mounts.append(Mount(mnist, "/mnist"))
            environment.append("MNIST_DIR=/mnist")
        tls = "--tls-ca-file /keys/authority.pem --tls-cert /keys/pi-1.pem --tls-key /keys/pi-1.pem"
        flags = f"--no-nanny --nthreads 1 --memory-limit 0 --host 127.0.0.1 {tls} --name pi-1"
        command = f"tls://127.0.0.1:{PORT} --dashboard-address 127.0.0.1:0 {flags}"
        dask = ["python3", "-P", "-m", "distributed.cli.dask_worker", *shlex.split(command)]
        with many_pis(keys, say=lambda line: None) as run, (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [*inside(root, *mounts), *environment, *dask, "--local-directory", "/tmp"],
                stdout=log,
                stderr=log,
            )
            try:
                yield run, process, folder / "log"
            finally:
                process.kill()
                process.wait()


def worker_pid() -> int:
    """Return the process of the worker that was started last, as this host counts."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        is_python = b"python" in words[0] or b"qemu" in words[0]
        if is_python and b"distributed.cli.dask_worker" in words and b"/keys/pi-1.pem" in words:
            found.append(int(folder.name))
    return max(found)


def memory_mb(pid: int, name: str) -> float:
    """Return a value of the kernel's, such as VmHWM, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def task(dataset: str, nodes: int, samples: int | None) -> dict:
    """Return a training of one epoch."""
    preset = replace(PRESETS["pi-zero"], samples=samples, epochs=1)
    return Grid(preset, (preset.learning_rate,), (nodes,)).tasks(dataset)[0]


def memory_of_32_bits(mnist: Path) -> list[str]:
    """Train on the whole of MNIST in an i386 root; return a line."""
    root = ensure_root(RELEASE, BITS_32)
    with worker_in(root, mnist) as (run, _, log):
        ((_, tiny),) = run([task("MNIST", 10, 500)])
        assert "failed" not in tiny, (tiny, log.read_text()[-2000:])
        before = memory_mb(worker_pid(), "VmRSS")
        ((_, found),) = run([task("MNIST", 100, None)])
        assert found["architecture"].endswith("32 bits"), found
        peak = memory_mb(worker_pid(), "VmHWM")
    assert peak < MOST_MB, f"expected less than {MOST_MB} MB, got {peak:.0f}"
    assert found["accuracy"] > 0.93, found
    return [
        f"32 bits (Debian i386, numpy {found['numpy']}): a worker that trains on MNIST's 60,000 "
        f"digits with 100 nodes takes at most {peak:.0f} MB ({before:.0f} after a first training); "
        f"{found['accuracy']:.2%} in {found['seconds']:.1f} s"
    ]


def task_on_arm() -> list[str]:
    """Start a worker on an emulated ARM1176, give it a task, and leave it idle; return a line."""
    enable_arm()
    root = ensure_root(RELEASE, ARM)
    begun = time.monotonic()
    with worker_in(root, None, f"QEMU_CPU={PI_ZERO}") as (run, _, log):
        ((_, found),) = run([task(SAMPLE_NAME, 10, 200)])
        assert "failed" not in found, (found, log.read_text()[-2000:])
        took = time.monotonic() - begun
        assert found["architecture"] == "armv6l, 32 bits", found
        pid = worker_pid()
        before = processor_seconds(pid)
        time.sleep(IDLE_SECONDS)
        idle = (processor_seconds(pid) - before) / IDLE_SECONDS
    return [
        f"emulated ARM1176 ({found['architecture']}, numpy {found['numpy']}): started, one "
        f"training, one result ({json.dumps(found['accuracy'])}) in {took:.0f} s; idle, it takes "
        f"{idle:.1%} of this host's core"
    ]


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
