"""What a Pi gets of the kit, unpacked in a folder."""

import subprocess
import sys
from pathlib import Path

from scripts.bench import PROJECT

PACK = PROJECT / "ansible" / "roles" / "kit" / "files" / "pack_kit.py"


def unpack_kit(folder: Path) -> Path:
    """Put into a folder what a Pi gets of the kit: no MNIST, no repository around it."""
    archive = folder / "kit.tar.gz"
    subprocess.run([sys.executable, PACK, PROJECT, archive], check=True, stdout=subprocess.DEVNULL)
    kit = folder / "pi-nn"
    kit.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", kit], check=True)
    return kit
