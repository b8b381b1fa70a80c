"""What several tests need: small files of digits, and real MNIST where there is one."""

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import nn  # noqa: F401 - before numpy, for its limit of threads

import numpy as np  # isort: skip
import pytest

PROJECT = Path(__file__).resolve().parents[1]


def pytest_ignore_collect(collection_path):
    """Collect doctests from `nn` alone: the campaigns import what `make test` does not install."""
    is_module = collection_path.suffix == ".py" and collection_path.name != "__init__.py"
    if is_module and not collection_path.name.startswith("test_"):
        return True
    return None


def pytest_configure(config):
    """Refuse to leave tests out by a marker where nothing may be skipped."""
    if os.environ.get("NO_SKIPS") and config.option.markexpr:
        raise pytest.UsageError(
            f"NO_SKIPS is set: expected all tests, got -m '{config.option.markexpr}'. "
            "Run 'make test-all'"
        )


def pytest_terminal_summary(terminalreporter, config):
    """Say what `make test` leaves out."""
    left_out = len(terminalreporter.stats.get("deselected", []))
    if left_out and config.option.markexpr == "not slow":
        terminalreporter.write_line(
            f"slow tests left out: {left_out} (long trainings, notebooks, fuzzing, full disks); "
            "'make test-all' runs everything"
        )


@pytest.hookimpl(hookwrapper=True)  # the way that Debian 12's pytest knows, too
def pytest_runtest_makereport(item, call):
    """Fail what would be skipped where nothing may be: NO_SKIPS=1, as CI has it."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and NO_SKIPS is set: {report.longrepr[2]}"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """Keep packed files out of the user's cache, and MNIST_DIR out of tests that do not ask."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MNIST_DIR", raising=False)


@pytest.fixture
def digits():
    """700 random digits: pixels (700, 784) with every length of number, and labels (700,).

    As in real digits, some pixels have ink in none of them.
    """
    generator = np.random.default_rng(7)
    pixels = generator.integers(0, 256, (700, 784), dtype=np.uint8)
    pixels[generator.random(pixels.shape) < 0.7] = 0
    pixels[:, :100] = 0
    return pixels, generator.integers(0, 10, 700, dtype=np.uint8)


def run_for_peak_mb(code: str) -> tuple[str, float]:
    """Run a few lines in a process of its own; return what they print, and its peak memory."""
    tail = "\nfrom nn.cli.summary import cost\nprint(cost()['peak_rss_mb'])"
    words = [sys.executable, "-c", code + tail]
    result = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    said, _, peak = result.stdout.strip().rpartition("\n")
    return said, float(peak)


def csv_text(pixels, labels) -> bytes:
    """Write digits as CSV by the plainest of means."""
    lines = [
        ",".join(map(str, [label, *row]))
        for label, row in zip(labels.tolist(), pixels.tolist(), strict=True)
    ]
    return ("\n".join(lines) + "\n").encode()


def write_idx(folder: Path, pixels, labels, stem: str = "train", zipped: bool = False) -> Path:
    """Write an IDX pair by the published format; return the images file."""
    opener, ending = (gzip.open, ".gz") if zipped else (open, "")
    images = folder / f"{stem}-images-idx3-ubyte{ending}"
    with opener(images, "wb") as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, len(labels), 28, 28) + pixels.tobytes())
    with opener(folder / f"{stem}-labels-idx1-ubyte{ending}", "wb") as file:
        file.write(struct.pack(">4BI", 0, 0, 8, 1, len(labels)) + labels.tobytes())
    return images


def unpack_sample(kind: str, rows: int, folder: Path) -> Path:
    """Write the first rows of the bundled "train" or "test" sample as CSV; return the file."""
    with gzip.open(PROJECT / "mnist_dataset" / f"sample_{kind}.csv.gz") as file:
        lines = file.readlines()[:rows]
    path = folder / f"sample_{kind}.csv"
    path.write_bytes(b"".join(lines))
    return path


@pytest.fixture
def csv_pair(tmp_path, digits):
    """A training and a test CSV file of random digits."""
    pixels, labels = digits
    train, test = tmp_path / "my_train.csv", tmp_path / "my_test.csv"
    train.write_bytes(csv_text(pixels[:600], labels[:600]))
    test.write_bytes(csv_text(pixels[600:], labels[600:]))
    return train, test


@pytest.fixture
def run(tmp_path):
    """Run the command line in an empty folder; nothing is asked, no network is there."""

    def run_in_folder(*words, before=(), stdout=subprocess.PIPE, **environ):
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
        return subprocess.run(
            [*before, sys.executable, "-m", "nn", *map(str, words)],
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(PROJECT), **environ},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run_in_folder


MNIST_DIR = os.environ.get("MNIST_DIR")


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder with MNIST's four IDX files, gzipped; skips when MNIST_DIR names none."""
    if not MNIST_DIR:
        pytest.skip("MNIST_DIR is not set: it names the folder with MNIST's IDX files")
    folder = Path(MNIST_DIR).resolve()
    if not (folder / "train-images-idx3-ubyte.gz").is_file():
        pytest.fail(f"MNIST_DIR={folder} holds no train-images-idx3-ubyte.gz")
    return folder


@pytest.fixture(scope="session")
def mnist(mnist_folder):
    """Real MNIST in memory: two datasets, of 60,000 and 10,000 digits."""
    from nn.data.dataset import ArrayDataset

    def read(stem):
        with gzip.open(mnist_folder / f"{stem}-images-idx3-ubyte.gz") as file:
            pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
        with gzip.open(mnist_folder / f"{stem}-labels-idx1-ubyte.gz") as file:
            return ArrayDataset(pixels, np.frombuffer(file.read(), np.uint8, offset=8))

    return read("train"), read("t10k")
