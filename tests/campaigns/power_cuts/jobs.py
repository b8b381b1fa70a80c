"""The commands that write files, each in a folder of its own."""

import gzip
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tests.campaigns import PROJECT

SAMPLE = PROJECT / "mnist_dataset"
DEADLINE_SECONDS = 300


@dataclass(frozen=True)
class Job:
    """A command, and what it finds in its folder.

    Attributes
    ----------
    words : tuple of str
        After ``python -m nn``.
    before : tuple of str
        Before Python: ``setarch linux32`` makes it think that it is no 64-bit machine, so that it
        takes the sparse backend.
    old : tuple of str
        Names in the folder that hold something older, which the command replaces.
    inputs : tuple of str
        Files of mnist_dataset that are unpacked into the folder.
    rows : int
        How many of their rows.
    """

    name: str
    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("sample_train.csv", "sample_test.csv")
    rows: int = 1000

    @property
    def trains(self) -> bool:
        """Tell whether it goes on where it was broken off."""
        return self.words[0] == "train"

    def prepare(self, folder: Path) -> None:
        """Fill a new folder; old models are of another seed, other old files are a few bytes."""
        folder.mkdir()
        for name in self.inputs:
            with gzip.open(SAMPLE / f"{name}.gz") as file:
                lines = file.readlines()
            (folder / name).write_bytes(b"".join(lines[: self.rows]))
            os.utime(folder / name, (1e9, 1e9))
        for name in self.old:
            if name.endswith(".npz"):
                flags = ["--seed", "99", "--model", name]
                run(["train", "--train", "sample_train.csv", *flags], folder)
            else:
                (folder / name).write_bytes(b"\x89PNG, old" if name.endswith("png") else b"old\n")

    def start(self, folder: Path, before: tuple[str, ...] = (), **options) -> subprocess.Popen:
        """Start the command in a folder."""
        return start([*self.words], folder, (*before, *self.before), **options)


def start(words, folder: Path, before=(), **options) -> subprocess.Popen:
    """Start ``python -m nn`` with these words in a folder; output and errors come as text."""
    folders = {
        "PYTHONPATH": PROJECT,
        "XDG_CACHE_HOME": folder / "cache",
        "MPLCONFIGDIR": folder.parent / "matplotlib",  # which has a cache of its own
    }
    return subprocess.Popen(
        [*before, sys.executable, "-m", "nn", *words],
        cwd=folder,
        env=os.environ | {name: str(path) for name, path in folders.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def run(words, folder: Path, before=()) -> str:
    """Run a command to its good end; return what it printed."""
    process = start(words, folder, before)
    output, errors = process.communicate(timeout=DEADLINE_SECONDS)
    if process.returncode:
        raise AssertionError(f"{' '.join(words)}: exit code {process.returncode}: {errors}")
    return output


def _once(words: tuple[str, ...]) -> tuple[str, ...]:
    """Let a training have one epoch, and a sample few rows."""
    few = {"--epochs": "1", "--rows": "20"}
    return tuple(few.get(words[i - 1], word) for i, word in enumerate(words))


def training(name: str, *flags: str, sparse: bool = False, old: bool = False) -> Job:
    """Make a training that saves itself all the time, and goes on where it was broken off."""
    words = ("train", "--resume-or-start", "--checkpoint-every", "0", "--model", "m.npz", *flags)
    before = ("setarch", "linux32") if sparse else ()
    return Job(name, words, before, old=("m.npz",) if old else ())


_CSV = ("--train", "sample_train.csv")
TRAININGS = (
    training("train, dense", *_CSV, "--epochs", "4", "--hidden-nodes", "40", old=True),
    training("train, sparse", *_CSV, "--epochs", "4", "--hidden-nodes", "40", sparse=True),
    training("train, turned digits", *_CSV, "--augment", "10", sparse=True, old=True),
    training("train, with a curve", *_CSV, "--epochs", "3", "--curve", "curve.png"),
)
WRITERS = (
    Job(
        "data convert",
        ("data", "convert", "sample_test.csv", "new.csv", "--force"),
        old=("new.csv",),
    ),
    Job("data convert, gzipped", ("data", "convert", "sample_test.csv", "new.csv.gz")),
    Job("data sample", ("data", "sample", "new.csv", "--rows", "50", "--force")),
    Job("backquery", ("backquery", "--model", "m.npz"), old=("m.npz", "backquery.png")),
)


_SHORT = (TRAININGS[0], *WRITERS)
# The same, each of few saves, to be cut at every call
SHORT = tuple(
    replace(job, words=_once(job.words), rows=300 if job.trains else 20) for job in _SHORT
)


def download(name: str, mirror: str) -> Job:
    """Make a fetch of MNIST from a folder or an address that has it."""
    return Job(name, ("data", "fetch", "--mirror", mirror, "--folder", "mnist"))
