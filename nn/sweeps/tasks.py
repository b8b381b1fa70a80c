"""One training of a sweep, wherever it runs: plain values in, plain values out.

A worker on a Pi imports `run_text` by its name. Nothing but text goes over the network, so that
different versions of Python and numpy work together.
"""

import json
import platform
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

import nn
from nn.backends import faster_backend, loaded_blas
from nn.data.dataset import Block, Dataset, FirstRows, open_dataset
from nn.data.sources import find_named
from nn.data.streams import BLOCK_ROWS
from nn.errors import KitError
from nn.presets import HYPERPARAMETERS, PRESETS
from nn.sweeps.grid import Task
from nn.training import answer, train

# What makes two machines compute different sums, by the names in a result
KIND = ("architecture", "processor", "numpy", "blas", "backend")


class Part:
    """Every row of a dataset that is in a fold, or every row that is not.

    Parameters
    ----------
    dataset : Dataset
    folds, fold : int
        Row i is in fold i modulo `folds`.
    inside : bool
        Whether to take the rows in the fold.
    """

    def __init__(self, dataset: Dataset, folds: int, fold: int, *, inside: bool):
        self.dataset, self.folds, self.fold, self.inside = dataset, folds, fold, inside

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`."""
        seen = 0
        kept = np.empty((0, 784), np.uint8), np.empty(0, np.uint8)
        for block in self.dataset.blocks(rows):
            number = np.arange(seen, seen + len(block[1]))
            seen += len(number)
            chosen = (number % self.folds == self.fold) == self.inside
            kept = tuple(np.concatenate([a, b[chosen]]) for a, b in zip(kept, block, strict=True))
            if len(kept[1]) >= rows:
                yield tuple(each[:rows] for each in kept)
                kept = tuple(each[rows:] for each in kept)
        if len(kept[1]):
            yield kept

    def estimate_rows(self) -> int | None:
        """Estimate the number of rows; see `nn.data.dataset.Dataset`."""
        rows = self.dataset.estimate_rows()
        share = (1 if self.inside else self.folds - 1) / self.folds
        return rows if rows is None else round(rows * share)


@cache
def processor_name() -> str:
    """Return the processor's model: libraries choose how to add by it."""
    with suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"^model name\s*:\s*(.+)$", text, re.M | re.I):
            return found[1].strip()
    return platform.processor() or "unknown"


@cache  # finding out whether files are MNIST's reads all of them
def _open(dataset: str) -> tuple[Dataset, Dataset]:
    source = find_named(dataset)
    return open_dataset(source.train), open_dataset(source.test)


def digits_of(task: Task) -> tuple[Dataset, Dataset]:
    """Return the digits that a task trains on, and those it tests on.

    Raises
    ------
    DatasetError
        When this machine does not have them.
    """
    training_set, test_set = _open(task["dataset"])
    if task["samples"]:
        training_set = FirstRows(training_set, task["samples"])
    if not task["folds"]:
        return training_set, test_set
    parts = [Part(training_set, task["folds"], task["fold"], inside=each) for each in (False, True)]
    return parts[0], parts[1]


def run_task(task: Task) -> dict:
    """Train a network and test it.

    Returns
    -------
    result : dict
        `accuracy` (0 to 1), `correct` and `samples` (test digits), `seconds`, what the machine is
        (`machine` and the names in `KIND`) and, if the task asks for them, `answers`: a figure for
        each test digit.
    """
    begun = time.perf_counter()
    training_set, test_set = digits_of(task)
    settings = {name: task[name] for name in HYPERPARAMETERS}
    preset = replace(PRESETS["pi-zero"], **settings)
    backend = faster_backend(preset.hidden_nodes, preset.batch_size)
    network = preset.network()
    train(network, training_set, backend=backend, **preset.training())
    labels = []

    def pixels_of(blocks):
        for pixels, each in blocks:
            labels.append(each)
            yield pixels

    answers = np.concatenate(list(answer(network, pixels_of(test_set.blocks()), backend=backend)))
    correct = int((answers == np.concatenate(labels)).sum())
    result = {
        "accuracy": correct / len(answers),
        "correct": correct,
        "samples": len(answers),
        "seconds": round(time.perf_counter() - begun, 3),
        "machine": platform.node(),
        "architecture": f"{platform.machine()}, {64 if sys.maxsize > 2**32 else 32} bits",
        "processor": processor_name(),
        "numpy": np.__version__,
        "blas": loaded_blas(),
        "backend": backend,
    }
    if task["answers"]:
        result["answers"] = "".join(map(str, answers))
    return result


def run_text(order: str) -> str:
    """Run the task in an order, and return its result; both are JSON, an error as well.

    Parameters
    ----------
    order : str
        `task`, and the `versions` that the computer that gives the order runs.

    Returns
    -------
    answer : str
        `result`, or `error`, or `versions` when those here are others; the last two with the
        `machine` and its `worker`, the address that Dask has for it.
    """
    asked = json.loads(order)
    here = versions()
    if asked["versions"] != here:
        return _refusal(versions=here)
    try:
        return json.dumps({"result": run_task(asked["task"])})
    except (KitError, OSError, MemoryError) as error:
        said = str(error) or "not enough memory"
        return _refusal(error=f"{platform.node()}: {said}")


def _refusal(**answer) -> str:
    from distributed import get_worker

    try:
        worker = get_worker().address
    except ValueError:  # not in a worker
        worker = ""
    return json.dumps(answer | {"machine": platform.node(), "worker": worker})


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the process that started this worker; Dask calls it by this name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def versions() -> dict[str, str]:
    """Return the versions that must be the same wherever a sweep runs."""
    import distributed

    return {"kit": nn.__version__, "Dask": distributed.__version__}
