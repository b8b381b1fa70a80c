"""What ``train`` reports about a training: at its start, in the model, and at the end."""

import json
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sized
from dataclasses import replace
from pathlib import Path

from nn.cli.console import percent, progress
from nn.kit import command
from nn.presets import PRESETS, Preset

try:
    import resource
except ImportError:  # Windows
    resource = None

_IMPORTED = time.monotonic()
_START_FIELD = 22 - 3  # of proc_pid_stat(5), counted from the field after the name


class TimedReading:
    """A dataset that adds up the seconds spent reading it.

    Parameters
    ----------
    dataset : Dataset

    Attributes
    ----------
    seconds : float
    """

    def __init__(self, dataset):
        self.dataset, self.seconds = dataset, 0.0
        self.estimate_rows = dataset.estimate_rows

    def blocks(self, rows: int) -> Iterator:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`."""
        start = time.perf_counter()
        for block in self.dataset.blocks(rows):
            self.seconds += time.perf_counter() - start
            yield block
            start = time.perf_counter()
        self.seconds += time.perf_counter() - start


def describe(preset: Preset, labels: Sized = range(10)) -> str:
    """Describe in one line what will be trained, to answer with one of some labels."""
    return (
        f"Preset {preset.name}: 784-{preset.hidden_nodes}-{len(labels)} nodes, "
        f"{preset.epochs} epoch{'s' if preset.epochs > 1 else ''}, {preset.steps()}"
    )


def summarise(
    preset: Preset, source, labels, model: Path, samples: int, reading, autosaver
) -> dict:
    """Summarise the training; the accuracy is not known yet."""
    from nn.backends import loaded_blas

    return {
        "preset": preset.name,
        "dataset": source.name,
        "train_file": str(source.train),
        "test_file": str(source.test) if source.test else None,
        **preset.hyperparameters(),
        "labels": list(labels.names),
        "first_label": labels.first,
        "backend": autosaver.backend,
        "execution": autosaver.backend,  # its name before version 0.2
        "blas": loaded_blas(),
        "samples": samples,
        "test_samples": 0,
        "seconds_parsing": round(reading.seconds, 3),
        "resumed_from": autosaver.resumed_from,
        "accuracy": None,
        "model": str(model),
        **cost(),
    }


def measure(network, test_set) -> dict:
    """Measure the accuracy, and the time and memory used so far."""
    from nn.training import evaluate

    with progress("testing", test_set) as advance:
        evaluation = evaluate(network, test_set, advance)
    return {"test_samples": evaluation.samples, "accuracy": evaluation.accuracy, **cost()}


def cost() -> dict[str, float | None]:
    """Return the seconds since this process started, imports included, and its peak memory.

    A Pi Zero spends seconds on imports, so leaving them out would be misleading. Without /proc,
    time is counted from the import of this module. Memory is in MB (10^6 bytes): the kernel's
    VmHWM if it is available, because getrusage also counts the parent process's memory; None where
    the system has neither, as Windows.
    """
    seconds, peak = time.monotonic() - _IMPORTED, None
    if resource:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
    process = Path("/proc/self")
    if process.exists() and hasattr(os, "sysconf"):
        after_name = (process / "stat").read_text().rpartition(")")[2].split()
        started = int(after_name[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
        seconds = time.clock_gettime(time.CLOCK_BOOTTIME) - started
        if high := re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text()):
            peak = 1024 * int(high[1])
    peak_mb = None if peak is None else round(peak / 1e6, 1)
    return {"seconds_total": round(seconds, 2), "peak_rss_mb": peak_mb}


def print_summary(preset: Preset, source, summary: dict, as_json: bool) -> None:
    """Print the summary as one JSON object, or as text."""
    from nn.data.sources import SAMPLE_NAME

    if as_json:
        print(json.dumps(summary))
        return
    median, low, high = map(percent, preset.accuracy)
    is_usual = preset == replace(PRESETS[preset.name], seed=preset.seed)
    if summary["accuracy"] is None:
        accuracy = "not measured: no test file beside the training file, and no --test FILE"
    else:
        accuracy = f"{percent(summary['accuracy'])} of {summary['test_samples']:,} test digits"
        if not source.is_mnist:
            accuracy += f" of: {source.tested_on}"
        elif is_usual:
            accuracy += f" (usual: {median}, from {low} to {high})"
    resumed = summary["resumed_from"] is not None
    print(f"Accuracy  {accuracy}")
    print(
        f"Time      {summary['seconds_total']:.1f} s{' since it resumed' * resumed}, "
        f"{summary['seconds_parsing']:.1f} s of it reading {summary['samples']:,} digits"
    )
    peak_mb = summary["peak_rss_mb"]
    print(f"Memory    {'unknown here' if peak_mb is None else f'{peak_mb:.0f} MB at most'}")
    print(f"Model     {summary['model']}")
    if source.name == SAMPLE_NAME and is_usual:
        print(f"Expect    {median} of MNIST's test digits if you train on MNIST ({low} to {high})")
    if source.name == SAMPLE_NAME:
        print(f"Next      {command('data fetch')}")
        print("          fetches MNIST: six times as many digits, written by people")
    else:
        model = shlex.quote(summary["model"])
        print(f"Next      {command(f'backquery --model {model}')}")
        print("          draws what the network has in mind for each digit")
