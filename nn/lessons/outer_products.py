"""One outer product, a column times a row, done in several ways: numpy's, and R's."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nn.errors import KitError

NUMPY_WAYS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "numpy.outer": np.outer,
    "dot of column and row": lambda column, row: np.dot(column[:, None], row[None, :]),
    "column @ row": lambda column, row: column[:, None] @ row[None, :],
    "einsum": lambda column, row: np.einsum("j,i->ji", column, row),
}
R_WAYS = {"R's %*%": "column %*% t(row)", "R's tcrossprod": "tcrossprod(column, row)"}

# Each product goes to a file of its own, row by row, to be held against numpy's.
_R_PROGRAM = """
folder <- commandArgs(trailingOnly = TRUE)[1]
column <- readBin(file.path(folder, "column"), "double", {rows})
row <- readBin(file.path(folder, "row"), "double", {columns})
product <- function() {expression}
timed <- function(run) system.time(for (i in seq_len({repeats})) product())[["elapsed"]]
writeBin(as.vector(t(product())), file.path(folder, "product"))
cat(median(sapply(seq_len({runs}), timed)) / {repeats})
"""


class RError(KitError, RuntimeError):
    """R is not installed, or did not do what it was asked."""


def has_r() -> bool:
    """Tell whether R is installed, as the command Rscript."""
    return shutil.which("Rscript") is not None


def outer_in_r(
    column: np.ndarray, row: np.ndarray, expression: str, runs: int = 3, repeats: int = 100
) -> tuple[float, np.ndarray]:
    """Let R multiply a column by a row, and time it; R's own start does not count.

    Parameters
    ----------
    column : ndarray of float64, shape (n,)
    row : ndarray of float64, shape (m,)
    expression : str
        Of R, in terms of `column` and `row`, such as those of `R_WAYS`.
    runs, repeats : int
        The median of so many runs is taken, of so many products each.

    Returns
    -------
    seconds : float
        For one product.
    product : ndarray of shape (n, m)

    Raises
    ------
    RError
        When there is no R, or it stops with an error.
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
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise RError(f"R stopped at {expression!r}: {result.stderr.strip()}")
        product = np.fromfile(Path(folder, "product")).reshape(len(column), len(row))
    return float(result.stdout), product
