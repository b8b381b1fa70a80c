"""Two places to compare programs in: this computer, and emulated ARM."""

import json
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nn.lessons.speed import Cost, cost_of
from nn.presets import Preset
from scripts.bench import PROJECT
from scripts.machines.arm import HARD_FLOAT, enable_arm
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import HangError, call, require_root, retry
from scripts.machines.roots import RELEASE, RootKind, ensure_root

FEW, ROWS = 16, 2000
SEED = 1
SECONDS = 3600  # QEMU hangs now and then


@dataclass(frozen=True)
class Job:
    """One training and test: a preset, and the start of the names of the files."""

    preset: Preset
    folder: Path
    rows: str

    @property
    def files(self) -> tuple[Path, Path]:
        """The digits to train and to test on."""
        return self.folder / f"{self.rows}_train.csv", self.folder / f"{self.rows}_test.csv"

    @property
    def arguments(self) -> tuple:
        """The arguments of most sides: TRAIN.csv TEST.csv HIDDEN EPOCHS SEED."""
        return (*self.files, self.preset.hidden_nodes, self.preset.epochs, SEED)


@dataclass(frozen=True)
class Need:
    """Something that a computer may lack: how to install it, and whether it is installed."""

    advice: str
    is_met: Callable[[], object]


@dataclass(frozen=True)
class Source:
    """A C program: its file in the project, and gcc's flags.

    Attributes
    ----------
    path : str
    flags, libraries : tuple of str
    is_tuned : bool
        Whether it is compiled for the very processor that it runs on.
    """

    path: str
    flags: tuple[str, ...]
    libraries: tuple[str, ...] = ("-lm",)
    is_tuned: bool = False


@dataclass(frozen=True)
class Side:
    """One program.

    Attributes
    ----------
    words : tuple of (str or Source)
        How its command begins, in the project's folder: "python" is this environment's, a C program
        is compiled.
    needs : tuple of Need
    arguments : callable
        Returns what follows for a `Job`.
    accuracy : callable
        Finds the accuracy, from 0 to 1, in what it printed.
    settings : tuple of str
        Its environment variables, each as NAME=value.
    in_process : tuple of str
        How scripts.bench.side is started with it, if its start takes longer than its rows on ARM.
    """

    words: tuple[str | Source, ...]
    needs: tuple[Need, ...] = ()
    arguments: Callable[[Job], tuple] = lambda job: job.arguments
    accuracy: Callable[[Cost], float] = lambda cost: json.loads(cost.output)["accuracy"]
    settings: tuple[str, ...] = ()
    in_process: tuple[str, ...] = ()


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

    name, system = "here", Path("/")
    processor = ("-march=native",)

    def __init__(self, folder: Path):
        self.folder = self.seen = folder
        self.python = sys.executable
        self.prefix = ("env", "-C", PROJECT, f"PYTHONPATH={PROJECT}")

    def missing(self, side: Side) -> str:
        """Return how to install what a side needs and this computer lacks, or ""."""
        absent = [need.advice for need in side.needs if not need.is_met()]
        return f"run `{' && '.join(absent)}`" if absent else ""

    def command(self, side: Side, job: Job) -> list[str]:
        """Return the command for a job; compile its C program first."""
        program, *words = side.words
        if isinstance(program, Source):
            program = self._compiled(program)
        path = self.python if program == "python" else program
        arguments = side.arguments(job)
        return [str(word) for word in (*self.prefix, *side.settings, path, *words, *arguments)]

    def _compiled(self, source: Source) -> Path:
        target = f"{Path(source.path).stem}.{self.name}"
        if not (self.folder / target).exists():
            flags = (*source.flags, *(self.processor if source.is_tuned else ()))
            words = (*flags, "-o", self.seen / target, source.path, *source.libraries)
            call(*self.prefix, "gcc", *words, timeout=600)
        return self.seen / target

    def run(self, side: Side, preset: Preset) -> Run:
        """Do the complete job, and return its cost; the kit finds no packed files."""
        for packed in self.folder.glob("*.packed"):
            packed.unlink()
        command = self.command(side, Job(preset, self.seen, "whole"))
        cost = cost_of(command)
        return Run(cost.seconds, side.accuracy(cost), cost.peak_mb)

    @staticmethod
    def cell(run: Run, ratio: str) -> str:
        """Return what the table says of a side at a preset."""
        return f"{run.seconds:.2f} s{ratio}, {run.accuracy:.2%}, {run.peak_mb:.0f} MB"


class Arm(Here):
    """A Debian root on an emulated Cortex-A7: the time for 2,000 rows, without the start.

    Parameters
    ----------
    folder : Path
    kind : RootKind
        A root with everything that the sides need.
    """

    # Debian armhf's own floating point. vfpv4 adds fused multiply-add, which a Pi Zero lacks, and
    # for which QEMU takes a quarter longer.
    name = "arm"
    processor = ("-mcpu=cortex-a7", "-mfpu=vfpv3-d16")

    def __init__(self, folder: Path, kind: RootKind):
        require_root()
        enable_arm()
        mounts = (Mount(PROJECT, "/kit"), Mount(folder, "/tmp", "bind"))
        # compiled only at the first start, and not in the project
        settings = ("PYTHONPYCACHEPREFIX=/tmp/compiled", "PYTHONDONTWRITEBYTECODE=")
        settings += (f"QEMU_CPU={HARD_FLOAT}", "PYTHONPATH=/kit", "OPENBLAS_NUM_THREADS=1")
        self.system = ensure_root(RELEASE, kind)
        self.prefix = (*inside(self.system, *mounts), "env", "-C", "/kit", *settings)
        self.folder, self.seen = folder, Path("/tmp")
        self.python = "python3"
        self.started: set[Side] = set()

    def missing(self, side: Side) -> str:
        """Return "": the root has everything that the sides need."""
        return ""

    def run(self, side: Side, preset: Preset) -> Run:
        """Return the time for many rows minus that for few; in one process if the start is long."""
        if side.in_process:
            words = (*side.settings, self.python, *side.in_process, preset.name, self.seen)
            told = retry(lambda: call(*self.prefix, *words, timeout=SECONDS), on=(HangError,))
            return Run(json.loads(told.stdout)["rows"])
        jobs = {rows: Job(preset, self.seen, rows) for rows in ("few", "many")}
        if side not in self.started:  # the first start of all takes longer: Python compiles
            self._seconds(side, jobs["few"])
            self.started.add(side)
        few, many = (self._seconds(side, job) for job in jobs.values())
        return Run(many - few)

    @staticmethod
    def cell(run: Run, ratio: str) -> str:
        """Return what the table says of a side at a preset."""
        return f"{run.seconds / ROWS * 1000:.3f} ms{ratio}"

    def _seconds(self, side: Side, job: Job) -> float:
        command = self.command(side, job)

        def run() -> float:
            before = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
            call(*command, timeout=SECONDS)
            return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before

        return retry(run, on=(HangError,))
