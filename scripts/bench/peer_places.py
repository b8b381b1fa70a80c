"""The sides of `make bench-peers`, and the two places where they run."""

import json
import platform
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nn.lessons.speed import cost_of
from nn.presets import Preset
from scripts.bench import PROJECT
from scripts.bench.kinds import PEERS
from scripts.machines.arm import HARD_FLOAT, enable_arm
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import call, require_root
from scripts.machines.roots import RELEASE, ensure_root

FEW, ROWS = 16, 2000
SEED = 1
SECONDS = 3600  # QEMU hangs now and then

FLAGS = "-O3 -fno-math-errno -fno-trapping-math -fassociative-math -fno-signed-zeros".split()
LIBRARIES = {"limit": ["-lm"], "fann_peer": ["-lfloatfann", "-lm"]}
# How to install what a computer may lack, and how to check that it is installed.
NEEDS = {
    "gcc": ("apt-get install gcc libc6-dev", lambda: shutil.which("gcc")),
    "FANN": ("apt-get install libfann-dev", Path("/usr/include/floatfann.h").exists),
    "scikit-learn": ("pip install scikit-learn", lambda: find_spec("sklearn")),
}


@dataclass(frozen=True)
class Job:
    """One training and test: a preset, and the start of the names of the files."""

    preset: Preset
    folder: Path
    rows: str

    @property
    def arguments(self) -> tuple:
        """The arguments of each side: TRAIN.csv TEST.csv HIDDEN EPOCHS SEED."""
        files = (self.folder / f"{self.rows}_{kind}.csv" for kind in ("train", "test"))
        return (*files, self.preset.hidden_nodes, self.preset.epochs, SEED)


def _arguments_of_kit(job: Job) -> tuple:
    train, test, *_ = job.arguments
    flags = ("--preset", job.preset.name, "--seed", SEED, "--model", job.folder / "model.npz")
    return ("--train", train, "--test", test, *flags, "--json")


@dataclass(frozen=True)
class Side:
    """One program.

    Attributes
    ----------
    words : tuple of str
        How its command begins: with "python", or with the name of a C program of this folder.
    needs : tuple of str
        Names of `NEEDS`.
    arguments : callable
        Returns what follows for a `Job`.
    in_process : str
        Its name in scripts.bench.side, for what takes longer to start than its rows take on ARM.
    """

    words: tuple[str, ...]
    needs: tuple[str, ...] = ()
    arguments: Callable[[Job], tuple] = lambda job: job.arguments
    in_process: str = ""


BOOK, LIMIT = "the book's loop", "C by hand, sparse"
SIDES = {
    BOOK: Side(("python", "-m", "nn.lessons.book_loop"), in_process="book"),
    "this kit": Side(("python", "-m", "nn", "train"), (), _arguments_of_kit, "kit"),
    "scikit-learn": Side(
        ("python", "-m", "scripts.bench.sklearn_peer"), ("scikit-learn",), in_process="scikit-learn"
    ),
    "FANN": Side(("fann_peer",), ("gcc", "FANN")),
    "C by hand, dense": Side(("limit", "dense"), ("gcc",)),
    LIMIT: Side(("limit", "sparse"), ("gcc",)),
}
IN_PROCESS = (
    "from scripts.bench import side, sklearn_peer; "
    "side.SIDES['scikit-learn'] = sklearn_peer.run_side; side.main()"
)


@dataclass(frozen=True)
class Run:
    """Processor seconds, accuracy from 0 to 1, and peak memory in MB; on ARM only seconds."""

    seconds: float
    accuracy: float = 0.0
    peak_mb: float = 0.0


class Here:
    """The local computer, on which the complete job is run.

    Parameters
    ----------
    folder : Path
        With the rows; the C programs are compiled into it.
    """

    name, processor = "here", ["-march=native"]
    title = (
        f"On one {platform.machine()} core, from CSV to accuracy; medians of {{}} alternating "
        "runs. Processor seconds, times the sparse C loop's, accuracy, peak memory."
    )

    def __init__(self, folder: Path):
        self.folder = self.seen = folder
        self.project, self.python = PROJECT, sys.executable
        self.prefix = ("env", f"PYTHONPATH={PROJECT}")

    def missing(self, side: Side) -> str:
        """Return how to install what a side needs and this computer lacks, or ""."""
        absent = [NEEDS[need][0] for need in side.needs if not NEEDS[need][1]()]
        return f"run `{' && '.join(absent)}`" if absent else ""

    def command(self, side: Side, job: Job) -> list[str]:
        """Return the command for a job; compile its C program first."""
        program, *words = side.words
        path = self.python if program == "python" else self._compiled(program)
        return [str(word) for word in (*self.prefix, path, *words, *side.arguments(job))]

    def _compiled(self, program: str) -> Path:
        target = f"{program}.{self.name}"
        if not (self.folder / target).exists():
            source = self.project / "scripts/bench" / f"{program}.c"
            words = (*FLAGS, *self.processor, "-o", self.seen / target, source, *LIBRARIES[program])
            call(*self.prefix, "gcc", *words, timeout=600)
        return self.seen / target

    def run(self, side: Side, preset: Preset) -> Run:
        """Do the complete job, and return its cost; the kit finds no packed files."""
        for packed in self.folder.glob("*.packed"):
            packed.unlink()
        command = self.command(side, Job(preset, self.seen, "whole"))
        cost = cost_of(command)
        return Run(cost.seconds, json.loads(cost.output)["accuracy"], cost.peak_mb)

    @staticmethod
    def cell(run: Run, ratio: str) -> str:
        """Return what the table says of a side at a preset."""
        return f"{run.seconds:.2f} s{ratio}, {run.accuracy:.2%}, {run.peak_mb:.0f} MB"


class Arm(Here):
    """A Debian root on an emulated Cortex-A7: the time for 2,000 rows, without the start."""

    # Debian armhf's own floating point. vfpv4 adds fused multiply-add, which a Pi Zero lacks, and
    # for which QEMU takes a quarter longer.
    name, processor = "arm", ["-mcpu=cortex-a7", "-mfpu=vfpv3-d16"]
    title = (
        f"On an emulated {HARD_FLOAT} without NEON: {ROWS:,} rows and a sixth as many test rows, "
        "without the start; medians of {} alternating runs. Processor milliseconds per row, times "
        "the sparse C loop's."
    )

    def __init__(self, folder: Path):
        require_root()
        enable_arm()
        mounts = (Mount(PROJECT, "/kit"), Mount(folder, "/tmp", "bind"))
        # compiled only at the first start, and not in the project
        settings = ("PYTHONPYCACHEPREFIX=/tmp/compiled", "PYTHONDONTWRITEBYTECODE=")
        settings += (f"QEMU_CPU={HARD_FLOAT}", "PYTHONPATH=/kit", "OPENBLAS_NUM_THREADS=1")
        self.prefix = (*inside(ensure_root(RELEASE, PEERS), *mounts), *settings)
        self.folder, self.seen = folder, Path("/tmp")
        self.project, self.python = Path("/kit"), "python3"

    def missing(self, side: Side) -> str:
        """Return "": the root has everything that the sides need."""
        return ""

    def run(self, side: Side, preset: Preset) -> Run:
        """Return the time for many rows minus that for few; in one process if the start is long."""
        if side.in_process:
            words = (self.python, "-c", IN_PROCESS, side.in_process, preset.name, self.seen)
            return Run(json.loads(call(*self.prefix, *words, timeout=SECONDS).stdout)["rows"])
        few, many = (self._seconds(side, Job(preset, self.seen, rows)) for rows in ("few", "many"))
        return Run(many - few)

    @staticmethod
    def cell(run: Run, ratio: str) -> str:
        """Return what the table says of a side at a preset."""
        return f"{run.seconds / ROWS * 1000:.3f} ms{ratio}"

    def _seconds(self, side: Side, job: Job) -> float:
        command = self.command(side, job)
        before = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        call(*command, timeout=SECONDS)
        return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before
