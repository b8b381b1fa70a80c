"""One process at a time builds in a folder."""

import os
import subprocess
import sys

from scripts.machines.roots import locked
from tests.conftest import PROJECT

WAIT = """
import sys
from pathlib import Path
from scripts.machines.roots import locked
with locked(Path(sys.argv[1])):
    print("mine")
"""


def test_who_waits_says_so(tmp_path, capsys):
    """And for which process; who does not wait says nothing."""
    lock = tmp_path / "card" / "lock"
    with locked(lock):
        command = [sys.executable, "-c", WAIT, lock]
        waiting = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        expected = f"waiting for process {os.getpid()}, which holds {lock}\n"
        assert waiting.stderr.readline() == expected
        assert waiting.poll() is None
    output, _ = waiting.communicate(timeout=60)
    assert output == "mine\n"
    with locked(lock):
        assert capsys.readouterr().err == ""
