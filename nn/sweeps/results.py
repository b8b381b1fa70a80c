"""The results of a sweep on disk: a line of JSON for each, which a pulled plug cannot take back."""

import json
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nn.errors import KitError
from nn.sweeps.grid import Task

_NEEDED = {"accuracy": (int, float), "machine": str, "architecture": str, "numpy": str}
_NEEDED |= {"blas": str, "backend": str, "seconds": (int, float)}


class ResultsError(KitError, OSError):
    """A file of results cannot be used."""


@dataclass(frozen=True)
class Result:
    """A finished training: its task, and what `nn.sweeps.tasks.run_task` returned."""

    task: Task
    found: dict

    @property
    def kind(self) -> str:
        """Return what machines of one kind share: they compute the same sums in the same order."""
        processor = self.found.get("processor", "a processor that was not recorded")
        kind = "{architecture}, numpy {numpy}, BLAS {blas}, {backend}".format(**self.found)
        return f"{processor}, {kind}"

    @property
    def accuracy(self) -> float:
        """Return the share of the test digits read correctly, 0 to 1."""
        return self.found["accuracy"]


def key_of(task: Task) -> str:
    """Return the same text for the same task."""
    return json.dumps(task, sort_keys=True)


class ResultsFile:
    """Results in a file, to which each new one is added at once.

    A task has at most one result: of several, the first counts. Lines that are no results, such as
    half a line that a power cut left, are skipped; failures are kept for the reader only.

    Parameters
    ----------
    path : path-like
        Its folder must exist. It need not exist itself.
    say : callable
        Called with a line about each line that was skipped.
    """

    def __init__(self, path: str | os.PathLike, say: Callable[[str], object] = lambda line: None):
        self.path = Path(path)
        self.results: dict[str, Result] = {}
        text = b""
        if self.path.exists() and not self.path.is_file():  # a pipe would be waited for
            raise ResultsError(f"{self.path}: expected a file for results, got a folder or a pipe")
        with suppress(FileNotFoundError):
            text = self.path.read_bytes()
        lines = text.splitlines(keepends=True)
        self._cut_to: int | None = None  # where half a line begins that is still in the file
        if lines and not lines[-1].endswith(b"\n"):
            self._cut_to = len(text) - len(lines.pop())
            say(f"{self.path}:{len(lines) + 1}: only part of a line: its training runs again")
        kept = 0
        for number, line in enumerate(lines, 1):
            try:
                kept += self._keep(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                say(f"{self.path}:{number}: expected a result, got something else ({error!r})")
        if text and not kept and not text.startswith(b'{"task"'[: len(text)]):
            raise ResultsError(
                f"{self.path}: expected results of a sweep, found none. Move the file away, or "
                "name another with --results"
            )

    def _keep(self, record: dict) -> bool:
        """Take a line's record; return whether it was one of this kit."""
        task = dict(record["task"])
        if "failed" in record:
            return True
        for name, types in _NEEDED.items():
            if not isinstance(record[name], types):
                raise ValueError(f"{name} is {record[name]!r}")
        if not 0 <= record["accuracy"] <= 1:  # neither is NaN
            raise ValueError(f"accuracy is {record['accuracy']!r}")
        if task.get("answers"):
            figures = record["answers"]
            if type(figures) is not str or not re.fullmatch("[0-9]+", figures):
                raise ValueError(f"answers is {figures!r:.40}")
            if len(figures) != record["samples"]:
                raise ValueError(f"{len(figures)} answers for {record['samples']!r} digits")
        found = {name: value for name, value in record.items() if name != "task"}
        self.results.setdefault(key_of(task), Result(task, found))
        return True

    def add(self, task: Task, found: dict) -> None:
        """Add what was found for a task, unless it has a result; it is on the disk afterwards.

        Raises
        ------
        OSError
            When it cannot be written; the file then ends with the last whole line.
        """
        if key_of(task) in self.results:
            return
        record = {"task": task, **found}
        line = (json.dumps(record) + "\n").encode()
        with self.path.open("ab", buffering=0) as file:  # a buffer would be written on closing, too
            if self._cut_to is not None:
                file.truncate(self._cut_to)
                self._cut_to = None
            whole_bytes = os.fstat(file.fileno()).st_size
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError as error:
                error.filename = str(self.path)
                with suppress(OSError):
                    file.truncate(whole_bytes)
                raise
        self._keep(record)

    def of(self, tasks: Iterable[Task]) -> list[Result]:
        """Return the results of some tasks, in their order, as far as they are there."""
        keys = map(key_of, tasks)
        return [self.results[key] for key in keys if key in self.results]

    def missing(self, tasks: Iterable[Task]) -> list[Task]:
        """Return the tasks without a result."""
        return [task for task in tasks if key_of(task) not in self.results]
