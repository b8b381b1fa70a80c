"""Measure each preset on MNIST over many seeds: `make measure-presets`.

Prints the values of accuracy and seconds in nn/presets.py. With ``--debian``, the seeds are also
trained with Debian's numpy, on 64 and on 32 bits, as Pis have it. Rounding differs between these,
so a seed ends differently. A preset's own seed is 1, if that ends in the range in all of them, or
else the first that ends in the middle half of the trainings in all of them.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from nn.backends import BACKENDS
from nn.errors import KitError
from nn.presets import PRESETS
from scripts.bench import PROJECT
from scripts.bench.digits import find_mnist
from scripts.bench.kinds import CACHE, X86_64
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import call, require_root
from scripts.machines.roots import RELEASE, ensure_root

SEEDS = 40
COVERED = 0.95  # the share of the trainings whose accuracy is in the range
HERE = "this environment"
# Debian's numpy with the reference BLAS: the root, and the folder of the BLAS
DEBIAN = {
    "Debian, 64 bits": (X86_64, "x86_64-linux-gnu/blas"),
    "Debian, 32 bits": (CACHE, "i386-linux-gnu/blas"),
}
SECONDS = 4 * 3600


def main() -> int:
    """Train each preset with each seed; print accuracy and seconds as they go into the source."""
    arguments = _arguments()
    try:
        if arguments.debian:
            require_root()
        mnist = find_mnist(_say).train.parent
        places = [(HERE, backend) for backend in arguments.backend]
        if arguments.debian:
            places += [(place, "sparse") for place in DEBIAN]
        for name in arguments.presets:
            runs = {}
            for place, backend in places:
                words = (name, str(arguments.seeds), backend)
                printed = call(*_python(place, mnist, words), timeout=SECONDS).stdout
                runs[place, backend] = json.loads(printed)
                own = runs[place, backend][PRESETS[name].seed - 1]
                _say(f"{name}, {place}, {backend}: its own seed {own:.4f}")
            low, middle, high = _quantiles(list(runs.values()), COVERED)
            print(
                f"{name}: accuracy=({middle:.4f}, {low:.4f}, {high:.4f}), "
                f"seed={choose_seed(list(runs.values()))}, seconds={_seconds(name):.1f}",
                flush=True,
            )
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=list(PRESETS), metavar="PRESET")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="default: %(default)s")
    parser.add_argument("--backend", nargs="*", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--debian", action="store_true", help="also with Debian's numpy")
    return parser.parse_args()


def _python(place: str, mnist: Path, words: tuple[str, ...]) -> tuple:
    """Return the command that trains in a place."""
    program = ("-m", "scripts.bench.preset_seeds", *words)
    if place == HERE:
        return ("env", f"PYTHONPATH={PROJECT}", sys.executable, *program, mnist)
    kind, blas = DEBIAN[place]
    root = ensure_root(RELEASE, kind)
    mounts = (Mount(PROJECT, "/kit"), Mount(mnist, "/mnt"))
    settings = ("PYTHONPATH=/kit", "PYTHONDONTWRITEBYTECODE=1", f"LD_LIBRARY_PATH=/usr/lib/{blas}")
    return (*inside(root, *mounts), *settings, "python3", *program, "/mnt")


def choose_seed(runs: list[list[float]]) -> int | None:
    """Return the preset's own seed for some runs, each with the accuracies of seeds 1, 2, ..."""
    for covered, seeds in ((COVERED, [1]), (0.5, range(1, len(runs[0]) + 1))):
        low, _, high = _quantiles(runs, covered)
        for seed in seeds:
            if all(low <= accuracies[seed - 1] <= high for accuracies in runs):
                return seed
    return None


def _quantiles(runs: list[list[float]], covered: float) -> tuple[float, float, float]:
    """Return the range that leaves out as many trainings below as above, around their median."""
    low, middle, high = np.quantile(runs, ((1 - covered) / 2, 0.5, (1 + covered) / 2))
    return low, middle, high


def _seconds(name: str) -> float:
    """Return how long a training takes here, from the file to the accuracy."""
    with tempfile.TemporaryDirectory(prefix="pi-nn-presets-") as folder:
        flags = ("--preset", name, "--model", f"{folder}/model.npz", "--json")
        own = ("env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", "nn", "train")
        return json.loads(call(*own, *flags, timeout=SECONDS).stdout)["seconds_total"]


def _say(message: str) -> None:
    print(f"measure-presets: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
