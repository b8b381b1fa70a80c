"""The cost of training: measurements of time and memory, and faster versions of the book's loop.

The improvements lead from the book's loop to this kit's training. Each reads the same CSV file,
starts from the same weights and goes through the digits once.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nn.data.csv_file import read_csv
from nn.data.dataset import Block
from nn.data.streams import BLOCK_ROWS
from nn.errors import KitError
from nn.lessons import book_loop
from nn.network import Network
from nn.presets import AUTHOR_MINUTES
from nn.signals import one_hot, scale_pixels
from nn.training import train

SEED = 1
BATCH_SIZE = 16

# For the book's loop with 10 hidden nodes.
PI_ZERO_SECONDS_PER_ROW = AUTHOR_MINUTES * 60 / 60_000

# Written by `make bench-arm`, never by hand.
MEASURED = Path(__file__).with_name("measured.json")

NUMPY_WAYS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "numpy.outer": np.outer,
    "dot of column and row": lambda column, row: np.dot(column[:, None], row[None, :]),
    "column @ row": lambda column, row: column[:, None] @ row[None, :],
    "einsum": lambda column, row: np.einsum("j,i->ji", column, row),
}
R_WAYS = {
    "R's %*%": "column %*% t(row)",
    "R's tcrossprod": "tcrossprod(column, row)",
    "R's outer": "outer(column, row)",
}
# As many zeros, for which nothing is multiplied: what the memory of a product costs.
R_ZEROS = """{
  zeros <- numeric(length(column) * length(row))
  dim(zeros) <- c(length(column), length(row))
  zeros
}"""
# glibc keeps memory that a program has freed, and need not ask the kernel for it again.
KEEP_MEMORY = {
    "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=536870912"
}

# Each product is written to a file, row by row, and compared with numpy's.
_R_PROGRAM = """
folder <- commandArgs(trailingOnly = TRUE)[1]
column <- readBin(file.path(folder, "column"), "double", {rows})
row <- readBin(file.path(folder, "row"), "double", {columns})
product <- function() {expression}
repeated <- function(run) system.time(for (i in seq_len({repeats})) product())
timed <- function(run) sum(repeated(run)[c("user.self", "sys.self")])
writeBin(as.vector(t(product())), file.path(folder, "product"))
cat(median(sapply(seq_len({runs}), timed)) / {repeats})
"""


# What the kernel says of an ended process is at least the memory that its parent had. If it is no
# more than that, the last high-water mark (VmHWM) is taken that was read while the process ran.
# Windows tells neither: there the seconds are those that passed.
_LAUNCH = """
import json, math, os, re, sys, time
def mark_of(process):
    try:
        with open(f"/proc/{process}/status") as file:
            mark = re.search(r"VmHWM:\\s+(\\d+)", file.read())
    except OSError:  # macOS has no /proc
        mark = None
    return int(mark[1]) if mark else 0  # one that has ended has no mark
if hasattr(os, "posix_spawnp") and hasattr(os, "wait4"):
    process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    peak_kb = ended = 0
    while not ended:
        time.sleep(0.02)
        peak_kb = mark_of(process) or peak_kb
        ended, status, usage = os.wait4(process, os.WNOHANG)
    most_kb = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    if most_kb > mark_of("self") or not peak_kb:
        peak_kb = most_kb
    seconds = usage.ru_utime + usage.ru_stime
else:
    import subprocess
    start, peak_kb = time.perf_counter(), math.nan
    status = subprocess.run(sys.argv[1:]).returncode
    seconds = time.perf_counter() - start
print()  # what the process printed may end within a line
print(json.dumps({"seconds": seconds, "peak_mb": peak_kb * 1024 / 1e6}))
sys.exit(1 if status else 0)
"""


class ProgramError(KitError, RuntimeError):
    """Another program failed; its last line says why."""


@dataclass(frozen=True)
class Cost:
    """What a program printed, its processor time in seconds, and its peak memory in MB, or NaN."""

    output: str
    seconds: float
    peak_mb: float


class RError(KitError, RuntimeError):
    """R is not installed, or it failed."""


def median_seconds(
    actions: Mapping[str, Callable[[], object]],
    runs: int = 3,
    repeats: int = 1,
    on_run: Callable[[], object] = lambda: None,
    clock: Callable[[], float] | None = None,
) -> dict[str, float]:
    """Compare the time of actions.

    They take turns, so that a computer that is busy for a while slows down all of them; the median
    ignores a disturbed run.

    Parameters
    ----------
    actions : mapping of name to callable
        Called without arguments.
    runs : int
        Turns of each action.
    repeats : int
        Calls of an action in one turn: many, if one call is too short to time.
    on_run : callable
        Called after each turn of each action.
    clock : callable, optional
        Returns seconds, by default those on the wall; `time.process_time` leaves out what other
        programs take.

    Returns
    -------
    seconds : dict of name to float
        For one call: the median of the turns.
    """
    clock = clock or time.perf_counter
    seconds = {name: [] for name in actions}
    for _ in range(runs):
        for name, action in actions.items():
            start = clock()
            for _ in range(repeats):
                action()
            seconds[name].append((clock() - start) / repeats)
            on_run()
    return {name: statistics.median(each) for name, each in seconds.items()}


def peak_megabytes(action: Callable[[], object]) -> float:
    """Return the peak memory that Python and numpy allocate during an action, in MB.

    Earlier allocations do not count. Tracing is slow, so never time an action while it is traced.
    """
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def cost_of(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Cost:
    """Run a program to its end, and measure it.

    Parameters
    ----------
    command : sequence of str
    environ : mapping of str to str, optional
        The environment variables; by default those of this process.

    Raises
    ------
    ProgramError
        When it ends with an exit code other than 0.
    """
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, *map(str, command)]
    done = subprocess.run(
        launch, capture_output=True, text=True, check=False, env=environ, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise ProgramError(f"{Path(command[0]).name} failed: {lines[-1]}")
    output, _, usage = done.stdout.removesuffix("\n").rpartition("\n")
    return Cost(output, **json.loads(usage))


def emulated_arm_milliseconds(file: Path = MEASURED) -> dict[str, dict[int, float]]:
    """Read how long each version took per row on emulated ARM without a vector unit.

    Only their ratios mean anything. `scripts.bench.lesson_figures` measures them.

    Returns
    -------
    milliseconds : dict of str to (dict of int to float)
        For "the book's loop" and the parts that replace it, "block parser alone", "batches alone"
        and "sparse pixels alone"; for 10 and 100 hidden nodes.
    """
    ways = json.loads(file.read_text(encoding="utf-8"))["emulated_arm_ms_a_row"]
    return {way: {int(nodes): ms for nodes, ms in by.items()} for way, by in ways.items()}


class TextDataset:
    """Digits in a CSV file whose text is parsed at each reading, without a packed file.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path):
        self.path = path

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`."""
        for block in read_csv(self.path, rows):
            yield block[:, 1:], block[:, 0]

    def estimate_rows(self) -> None:
        """Return None, for an unknown number of rows; see `nn.data.dataset.Dataset`."""


def with_the_books_loop(path: Path, hidden_nodes: int) -> Network:
    """Read all lines of the file, split each, and learn from column vectors of float64."""
    return _network(*book_loop.train(book_loop.read_lines(path), hidden_nodes, SEED))


def with_the_block_parser(path: Path, hidden_nodes: int) -> Network:
    """Parse about seventy lines at a time by array arithmetic; learn as before."""
    return _learned_row_by_row(path, hidden_nodes, "float64")


def with_float32(path: Path, hidden_nodes: int) -> Network:
    """As before, with numbers of half the size."""
    return _learned_row_by_row(path, hidden_nodes, "float32")


def with_batches(path: Path, hidden_nodes: int) -> Network:
    """Sum the updates of 16 digits, then apply them, as `nn.training.train` does."""
    return _learned_by_batches(path, hidden_nodes, "dense")


def with_sparse_pixels(path: Path, hidden_nodes: int) -> Network:
    """As before, but use only pixels with ink; see `nn.backends.sparse`."""
    return _learned_by_batches(path, hidden_nodes, "sparse")


IMPROVEMENTS: dict[str, Callable[[Path, int], Network]] = {
    "the book's loop": with_the_books_loop,
    "+ block parser": with_the_block_parser,
    "+ float32": with_float32,
    "+ batches of 16": with_batches,
    "+ sparse pixels": with_sparse_pixels,
}


def _learned_row_by_row(path: Path, hidden_nodes: int, dtype: str) -> Network:
    """Learn from blocks of parsed rows, with the book's column vectors."""
    weights = book_loop.initial_weights(hidden_nodes, SEED)
    wih, who = (each.astype(dtype) for each in weights)
    for pixels, labels in TextDataset(path).blocks():
        rows = zip(scale_pixels(pixels, dtype), one_hot(labels, dtype=dtype), strict=True)
        for inputs, targets in rows:
            book_loop.learn(wih, who, inputs, targets)
    return _network(wih, who)


def _learned_by_batches(path: Path, hidden_nodes: int, backend: str) -> Network:
    network = Network(hidden_nodes=hidden_nodes, seed=SEED)
    train(network, TextDataset(path), batch_size=BATCH_SIZE, backend=backend)
    return network


def _network(wih: np.ndarray, who: np.ndarray) -> Network:
    """Make a network from weights that were learned elsewhere."""
    network = Network(hidden_nodes=len(wih), dtype=wih.dtype)
    network.weights_input_hidden, network.weights_hidden_output = wih, who
    return network


def has_r() -> bool:
    """Return whether R is installed, as the command Rscript."""
    return shutil.which("Rscript") is not None


def r_environs(libraries: Path = Path("/usr/lib")) -> dict[str, dict[str, str]]:
    """Return the environment variables with which R uses each BLAS that is installed.

    Debian's BLAS packages have a folder each. Which of them is the system's own is a matter of
    links, which only root may change; but R's start-up takes a folder to be searched before.

    Parameters
    ----------
    libraries : Path

    Returns
    -------
    environs : dict of str to (dict of str to str)
        By the folder's name, such as "openblas-serial"; Netlib's is "reference". Where none is
        found, "R's own".
    """
    architecture = sysconfig.get_config_var("MULTIARCH") or "*"
    folders = [file.parent for file in sorted(libraries.glob(f"{architecture}/*/libblas.so.3"))]
    environs = {
        "reference" if folder.name == "blas" else folder.name: {
            **os.environ,
            "R_LD_LIBRARY_PATH": str(folder),
        }
        for folder in folders
    }
    return environs or {"R's own": dict(os.environ)}


def outer_in_r(
    column: np.ndarray,
    row: np.ndarray,
    expression: str,
    runs: int = 3,
    repeats: int = 100,
    environ: Mapping[str, str] | None = None,
) -> tuple[float, np.ndarray]:
    """Multiply a column by a row in R, and take the processor's time for it, without R's start-up.

    Parameters
    ----------
    column : ndarray of float64, shape (n,)
    row : ndarray of float64, shape (m,)
    expression : str
        R code that uses `column` and `row`; see `R_WAYS`.
    runs, repeats : int
        Number of runs, of which the median is taken, and number of products in each.
    environ : mapping of str to str, optional
        The environment variables, see `r_environs`; by default those of this process.

    Returns
    -------
    seconds : float
        For one product.
    product : ndarray of shape (n, m)

    Raises
    ------
    RError
        If R is not installed, or stops with an error.
    """
    if not has_r():
        raise RError("R is not installed: sudo apt install r-base-core")
    program = _R_PROGRAM.format(
        rows=len(column), columns=len(row), expression=expression, runs=runs, repeats=repeats
    )
    with tempfile.TemporaryDirectory(prefix="pi-nn-r-") as folder:
        column.astype("float64").tofile(Path(folder, "column"))
        row.astype("float64").tofile(Path(folder, "row"))
        command = ["Rscript", "--vanilla", "-e", program, folder]
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        if result.returncode:
            raise RError(f"R stopped at {expression!r}: {result.stderr.strip()}")
        product = np.fromfile(Path(folder, "product")).reshape(len(column), len(row))
    return float(result.stdout), product
