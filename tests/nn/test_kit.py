"""How the kit's command is typed on a computer: in a clone, on a Pi, on Windows."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nn
from nn import kit
from tests.conftest import PROJECT


def make_clone(folder: Path) -> Path:
    """Make a folder with the command of a clone, whose environment is this one."""
    (folder / ".venv/bin").mkdir(parents=True)
    script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n'
    (folder / ".venv/bin/python").write_text(script)
    (folder / ".venv/bin/python").chmod(0o755)
    (folder / ".venv/.ready").touch()
    shutil.copy(PROJECT / "pi-nn", folder)
    return folder


def test_in_a_clone_it_is_its_script(monkeypatch):
    """Short in the kit's folder, whole from elsewhere; and either can be typed."""
    monkeypatch.chdir(PROJECT)
    assert kit.command("presets --help") == "./pi-nn presets --help"
    monkeypatch.chdir(PROJECT / "notebooks")
    assert shlex.split(kit.command("presets")) == [str(PROJECT / "pi-nn"), "presets"]


def test_a_folder_with_spaces_is_quoted(tmp_path, monkeypatch):
    """As a shell reads it."""
    folder = make_clone(tmp_path / "my kit")
    monkeypatch.setattr(kit, "KIT_FOLDER", folder)
    assert shlex.split(kit.command("test")) == [str(folder / "pi-nn"), "test"]


def test_a_folder_that_is_gone_is_no_error(tmp_path, monkeypatch):
    """The current one, removed by somebody else."""
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert kit.command() == str(PROJECT / "pi-nn")


def test_on_a_pi_it_is_its_name(tmp_path, monkeypatch):
    """Where no script lies beside the package; alone, or with words."""
    monkeypatch.setattr(kit, "KIT_FOLDER", tmp_path)
    assert (kit.command(), kit.command("data fetch")) == ("pi-nn", "pi-nn data fetch")


def test_on_windows_it_is_a_batch_file(tmp_path, monkeypatch):
    """With quotes that Windows knows."""
    (tmp_path / "my kit").mkdir()
    (tmp_path / "my kit/pi-nn.cmd").touch()
    monkeypatch.setattr(kit, "KIT_FOLDER", tmp_path / "my kit")
    monkeypatch.setattr(sys, "platform", "win32")
    assert kit.command("test") == f'"{tmp_path}/my kit/pi-nn.cmd" test'


@pytest.mark.parametrize("through_link", [False, True])
def test_the_script_runs_from_any_folder(tmp_path, through_link):
    """Also through a link; a module of the current folder is not taken for the kit's."""
    command = make_clone(tmp_path / "my kit") / "pi-nn"
    if through_link:
        link = tmp_path / "link"
        link.symlink_to(command)
        command = link
    (tmp_path / "argparse.py").write_text("raise SystemExit('imported from the current folder')")
    environ = os.environ | {"PYTHONPATH": str(PROJECT)}
    words = [command, "data", "info", "no such.csv"]
    run = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("error: no such.csv")
    version = subprocess.run([command, "--version"], env=environ, capture_output=True, text=True)
    assert version.stdout == f"pi-nn {nn.__version__}\n"


def test_the_first_call_makes_the_environment(tmp_path):
    """By the script that `make` uses; its remarks do not mix with results."""
    folder = make_clone(tmp_path)
    (folder / ".venv").rename(folder / "later")
    (folder / "scripts").mkdir()
    script = folder / "scripts/make_venv.sh"
    script.write_text("#!/bin/sh\necho setup: making $1 in $(pwd)\nmv later $1\n")
    script.chmod(0o755)
    environ = os.environ | {"PYTHONPATH": str(PROJECT)}
    run = subprocess.run(
        [folder / "pi-nn", "--version"], cwd="/", env=environ, capture_output=True, text=True
    )
    assert run.stdout == f"pi-nn {nn.__version__}\n"
    assert run.stderr == f"setup: making .venv in {folder}\n"
