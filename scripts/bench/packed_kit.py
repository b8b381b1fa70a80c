"""What a Pi gets of the kit, unpacked in a folder."""

import subprocess
import sys
from pathlib import Path

from scripts.bench import PROJECT

KIT_FILES = PROJECT / "ansible" / "roles" / "kit" / "files" / "kit_files.py"


def unpack_kit(folder: Path) -> Path:
    """Put into a folder what a Pi gets of the kit: no MNIST, no repository around it."""
    archive = folder / "kit.tar.gz"
    command = [sys.executable, KIT_FILES, "pack", PROJECT, archive]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    kit = folder / "pi-nn"
    kit.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", kit], check=True)
    return kit
