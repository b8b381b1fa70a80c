"""The folder of the card image and of everything else that the emulated machine needs."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from scripts.machines.roots import CACHE

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER = CACHE / "card"
HOST = "pi-emulated"
USER = "pi"


@dataclass(frozen=True)
class CardFolder:
    """A folder with one card, its boot files, and the SSH key for it.

    Parameters
    ----------
    path : Path
    """

    path: Path

    @property
    def root(self) -> Path:
        """The file tree that the card is made of."""
        return self.path / "root"

    @property
    def image(self) -> Path:
        """The card."""
        return self.path / "card.img"

    @property
    def boot_files(self) -> dict[str, Path]:
        """The kernel, initrd and device tree, by QEMU's options."""
        names = {"kernel": "vmlinuz", "initrd": "initrd.img", "dtb": "bcm2835-rpi-zero.dtb"}
        return {option: self.path / name for option, name in names.items()}

    @property
    def key(self) -> Path:
        """The private SSH key of the user."""
        return self.path / "id_ed25519"

    @property
    def serial_log(self) -> Path:
        """The output of the machine's serial line."""
        return self.path / "serial.log"

    def stage(self, name: str) -> str:
        """Return what a stage was last made from; "" if it must be made."""
        file = self.path / f"{name}.made-from"
        return file.read_text() if file.exists() else ""

    def stage_done(self, name: str, made_from: str) -> None:
        """Record what a stage was made from; "" clears the record."""
        (self.path / f"{name}.made-from").write_text(made_from)


def kit_fingerprint(flags: list[str]) -> str:
    """Return a hash of the inputs of provisioning a card: the kit's files, and flags."""
    digest = hashlib.sha256(json.dumps(flags).encode())
    names = ("pyproject.toml", "README.md", "LICENSE", "Makefile", "scripts/make_venv.sh")
    files = [PROJECT / name for name in names]
    for folder in ("ansible", "nn", "notebooks", "mnist_dataset"):
        files += sorted((PROJECT / folder).rglob("*"))
    for path in files:
        theirs = path.relative_to(PROJECT).parts
        if path.is_file() and not {"secrets", "backups", ".cache", "__pycache__"} & {*theirs}:
            digest.update(str(path.relative_to(PROJECT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
