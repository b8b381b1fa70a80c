"""The files of the kit that a Pi gets, unpacked in a folder."""

import subprocess
import sys
from pathlib import Path

from scripts.bench import PROJECT

KIT_FILES = PROJECT / "ansible" / "roles" / "kit" / "files" / "kit_files.py"


def unpack_kit(folder: Path) -> Path:
    """Unpack the files of the kit that a Pi gets into a folder, without MNIST or a repository."""
    archive = folder / "kit.tar.gz"
    command = [sys.executable, KIT_FILES, "pack", PROJECT, archive]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    kit = folder / "pi-nn"
    kit.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", kit], check=True)
    return kit
