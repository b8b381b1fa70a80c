"""`make test-trixie`: the tests of `nn` with Debian 13's Python 3.13, numpy, scipy and Pillow."""

import os
import sys
import tempfile
from pathlib import Path

from scripts.machines.chroot import Mount, inside
from scripts.machines.host import MachineError, call, require_root, show
from scripts.machines.roots import RootKind, ensure_root
from tests.campaigns import PROJECT
from tests.campaigns.arm_tests import PACKAGES

PYTHON = "Python 3.13"
MORE = "python3-matplotlib python3-tornado libopenblas0-serial ca-certificates locales git".split()
KIND = RootKind("python", (*PACKAGES, *MORE))
# What needs packages that are not in the root (Jupyter, anywidget, Dask), other languages or mounts
LEFT_OUT = (
    *"tests/nn/lessons tests/nn/test_book_calls.py tests/nn/cli/test_full_disk.py".split(),
    *(f"tests/nn/sweeps/test_{name}.py" for name in ("cluster", "sweep", "tasks")),
)
# What calls the clone's ./pi-nn: its virtual environment is of this computer's Python.
NO_CLONE = "not (signal_saves or two_backends_differ)"
SECONDS = 1800


def main() -> int:
    """Run the tests; return 1, after one line, when they fail or cannot be run."""
    try:
        require_root()
        print("test-trixie: a root of Debian 13's packages (2 minutes, once)", file=sys.stderr)
        _run(ensure_root("trixie", KIND))
    except MachineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pi-nn-trixie-") as folder:
        mounts = [Mount(PROJECT, "/kit"), Mount(Path(folder), "/tmp", "bind")]
        settings = [
            "PYTHONPATH=/kit",
            "PYTHONDONTWRITEBYTECODE=1",
            "HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis",
        ]
        if mnist := os.environ.get("MNIST_DIR"):
            mounts.append(Mount(Path(mnist).resolve(), "/mnt"))
            settings += ["MNIST_DIR=/mnt", "NO_SKIPS=1"]
        command = (*inside(root, *mounts), *settings)
        version = call(*command, "python3", "--version").stdout.strip()
        if not version.startswith(f"{PYTHON}."):
            raise MachineError(f"expected {PYTHON}, got {version}")
        left_out = [f"--ignore={path}" for path in LEFT_OUT]
        pytest = ("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", NO_CLONE)
        inside_kit = (*command, "sh", "-c", 'cd /kit && exec "$@"', "sh")
        show(*inside_kit, *pytest, "tests/nn", *left_out, timeout=SECONDS)


if __name__ == "__main__":
    sys.exit(main())
