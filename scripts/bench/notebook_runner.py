"""Execute a notebook in its own kernel, as on a Pi, and read its results."""

import ast
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_core.utils import ensure_async, run_sync
from nbclient import NotebookClient

_SECONDS = "sum(__import__('os').times()[:4])"
_PEAK = "int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1024"


@dataclass(frozen=True)
class Run:
    """An executed notebook, whose kernel is still running.

    Attributes
    ----------
    notebook : NotebookNode
        With its outputs.
    seconds : float
        Of processor time, from the start of the kernel to the last cell's end: what it takes where
        nothing else runs.
    peak_mb : float
        The most memory that the kernel held at one time.
    """

    notebook: nbformat.NotebookNode
    seconds: float
    peak_mb: float
    client: NotebookClient

    def value(self, expression: str):
        """Evaluate an expression in the kernel: a number, text, or a list or dict of those."""
        return _evaluate(self.client, expression)

    @property
    def texts(self) -> str:
        """Everything that the cells printed or returned as text."""
        cells = [cell.get("outputs", []) for cell in self.notebook.cells]
        # a kernel sends printed text in pieces, which can end in the middle of a line
        printed = ["".join(output.get("text", "") for output in outputs) for outputs in cells]
        returned = [
            output.get("data", {}).get("text/plain", "") for outputs in cells for output in outputs
        ]
        return "\n".join(printed + returned)

    @property
    def pictures(self) -> int:
        """Number of PNG pictures that the cells showed."""
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", [])]
        return sum("image/png" in output.get("data", {}) for output in outputs)


@contextmanager
def executed(
    kit: Path, name: str, mnist: Path | None = None, timeout: float = 600
) -> Iterator[Run]:
    """Execute notebooks/`name`*.ipynb of an unpacked kit, on MNIST or on the sample.

    Parameters
    ----------
    kit : Path
        An unpacked kit.
    name : str
        How the file begins, such as "03".
    mnist : Path, optional
        Folder with MNIST; without it the bundled sample is what there is.
    timeout : float
        Seconds that a cell may take.
    """
    (path,) = (kit / "notebooks").glob(f"{name}*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    environment = {**os.environ, "PYTHONPATH": str(kit), "MNIST_DIR": str(mnist or "")}
    client = NotebookClient(
        notebook, timeout=timeout, resources={"metadata": {"path": str(path.parent)}}
    )
    with client.setup_kernel(env=environment):
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        yield Run(notebook, _evaluate(client, _SECONDS), _evaluate(client, _PEAK), client)


def _evaluate(client: NotebookClient, expression: str):
    """Ask a running kernel for a value, as JSON, so that numpy's numbers become plain ones."""
    question = f"__import__('json').dumps({expression}, default=lambda each: each.tolist())"

    async def ask() -> dict:
        asked = {"silent": True, "user_expressions": {"answer": question}}
        return await ensure_async(client.kc.execute("", **asked, reply=True, timeout=60))

    answer = run_sync(ask)()["content"]["user_expressions"]["answer"]
    if answer["status"] != "ok":
        raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
    return json.loads(ast.literal_eval(answer["data"]["text/plain"]))
