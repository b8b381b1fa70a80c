"""A class of Pis without Pis: homes in a folder, and an `ssh` that runs commands in them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.classroom.transfer import KIT_FILES
from scripts.pis import Pi
from tests.conftest import PROJECT

# The last two words are the address and the command. A Pi without a home is switched off.
SSH = """\
#!/bin/bash
host=${*: -2:1}
if [ ! -d "$HOMES/$host" ]; then
    echo "ssh: connect to host $host port 22: Connection timed out" >&2
    exit 255
fi
export HOME="$HOMES/$host"
cd "$HOME" || exit
if [ -e "$HOME/dies" ]; then # the plug is pulled while it answers
    sh -c "${*: -1}" | head -c 100
    exit 255
fi
exec sh -c "${*: -1}"
"""


@pytest.fixture(scope="session")
def packed_kit(tmp_path_factory) -> Path:
    """The kit's files for a Pi, packed once."""
    path = tmp_path_factory.mktemp("kit") / "kit.tar.gz"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, KIT_FILES, "pack", PROJECT, path]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture
def homes(tmp_path, monkeypatch, packed_kit):
    """Make the homes of Pis with the kit, by `add`; return the Pis."""
    programs, folder = tmp_path / "bin", tmp_path / "homes"
    programs.mkdir()
    folder.mkdir()
    (programs / "ssh").write_text(SSH)
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOMES", str(folder))

    def add(*names: str) -> list[Pi]:
        for name in names:
            kit = folder / name / "pi-nn"
            environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
            command = [sys.executable, KIT_FILES, "install", packed_kit, kit]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return [Pi(name, [], name, "pi-nn") for name in names]

    add.folder = folder
    return add
