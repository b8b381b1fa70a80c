"""`make test-arm`: the tests of `nn` on the Pi Zero's processor, ARM1176, in user-mode emulation.

In a root of Debian's ARMv6 packages, with their numpy and scipy, as on a card.
"""

import sys
import tempfile
from pathlib import Path

from scripts.machines.arm import PI_ZERO, enable_arm
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import HangError, MachineError, call, require_root, retry, show
from scripts.machines.roots import RELEASE, RootKind, ensure_root
from tests.campaigns import PROJECT

# Debian's armel runs on the board's ARMv6, with floating point in software.
PACKAGES = (
    "python3-numpy python3-scipy python3-pil python3-platformdirs python3-requests python3-tqdm "
    "python3-pytest python3-hypothesis"
).split()
SOFT_FLOAT = RootKind("soft-float", tuple(PACKAGES), "armel")
# What computes, reads and writes; the rest is the same on any processor.
TESTS = (
    "test_network test_rules test_training test_augment test_book backends/test_steps "
    "backends/test_choice data/test_csv_file data/test_idx saving/test_model_file "
    "saving/test_atomic"
).split()
# Floating point is in software there: of all ways to take a step, the book's, with few nodes.
QUICK = "not (every_step and (100 or 200 or equal or proportional or normalised or gradient))"
SECONDS = 840


def main() -> int:
    """Run the tests; return 1, after one line, when they fail or cannot be run."""
    try:
        require_root()
        enable_arm()
        print("test-arm: a root of ARMv6 packages (5 to 15 minutes, once)", file=sys.stderr)
        _run(ensure_root(RELEASE, SOFT_FLOAT))
    except MachineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pi-nn-arm-") as folder:
        mounts = (Mount(PROJECT, "/kit"), Mount(Path(folder), "/tmp", "bind"))
        settings = (
            *(f"QEMU_CPU={PI_ZERO}", "PYTHONDONTWRITEBYTECODE=1", "NO_SKIPS=1"),
            "HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis",
        )
        command = (*inside(root, *mounts), *settings)
        machine = call(*command, "uname", "-m").stdout.strip()
        if machine != "armv6l":
            raise MachineError(f"expected a machine of kind armv6l, got {machine}")
        inside_kit = (*command, "sh", "-c", 'cd /kit && exec "$@"', "sh", "python3")
        files = [f"tests/nn/{name}.py" for name in TESTS]
        pytest = (*inside_kit, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", QUICK)
        _show(*pytest, *files)
        sample = ("--train", "mnist_dataset/sample_train_100.csv", "--model", "/tmp/model.npz")
        _show(*inside_kit, "-m", "nn", "train", "--preset", "smoke", *sample)


def _show(*command) -> None:
    """Run a command; QEMU hangs now and then, and is started again. A test that fails is not."""
    retry(lambda: show(*command, timeout=SECONDS), on=(HangError,))


if __name__ == "__main__":
    sys.exit(main())
