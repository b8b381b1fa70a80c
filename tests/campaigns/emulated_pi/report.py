"""What a campaign found, step by step, as Markdown."""

import datetime
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from websocket import WebSocketException

from scripts.machines.host import MachineError

_FAILURES = (
    *(MachineError, AssertionError, OSError, ValueError, LookupError),
    *(subprocess.SubprocessError, WebSocketException, WebDriverException),
)


class Report:
    """The steps of a campaign as they are done; a failed one does not end the others.

    Parameters
    ----------
    title : str
    """

    def __init__(self, title: str):
        self.title = title
        self.failed: list[str] = []
        self._lines: list[str] = []

    def step(self, name: str, take: Callable[[], str]) -> None:
        """Take a step; what it returns is its finding, an error it raises its failure."""
        print(f"verify-emulated: {name}", file=sys.stderr, flush=True)
        start = time.monotonic()
        try:
            finding = take()
        except _FAILURES as error:
            self.failed.append(name)
            finding = f"**FAILED**: {error}".replace("\n", " ")
        seconds = time.monotonic() - start
        print(f"verify-emulated: {name}: {finding} ({seconds:.0f} s)", file=sys.stderr, flush=True)
        self._lines.append(f"| {name} | {finding.replace('|', '/')} | {seconds:.0f} |")

    def write(self, path: Path, *paragraphs: str) -> None:
        """Write the steps so far, and paragraphs below."""
        head = [
            f"# {self.title}",
            "",
            f"Written by `make verify-emulated` on {datetime.date.today()}; "
            f"{len(self._lines) - len(self.failed)} of {len(self._lines)} steps passed.",
            "",
            "| step | found | seconds |",
            "|---|---|---|",
        ]
        below = [line for paragraph in paragraphs for line in ("", paragraph)]
        path.write_text("\n".join([*head, *self._lines, *below]) + "\n")
