"""The folder of the card image and of everything else that the emulated machine needs."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.machines.host import call, require_commands
from scripts.machines.roots import CACHE

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER = CACHE / "card"
HOST = "pi-emulated"
USER = "pi"
# What provisioning a card reads of the project.
PARTS = (
    *("pyproject.toml", "README.md", "LICENSE", "Makefile", "scripts/make_venv.sh"),
    *("ansible", "nn", "notebooks", "mnist_dataset"),
)
# What is not the kit's in its folders, where there is no git to ask.
NOT_THE_KIT = {"secrets", "backups", ".ansible", ".cache", "__pycache__", ".ipynb_checkpoints"}
MADE = {".packed", ".part", ".pyc", ".gz"}


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

    @property
    def host_key(self) -> Path:
        """The public SSH key of the card."""
        return self.path / "ssh_host_ed25519_key.pub"

    @property
    def was_booted(self) -> bool:
        """Return whether there is a card that was booted since it was made."""
        return self.image.exists() and (
            self.booted_mark.exists() or self.was_changed(self.image, "card")
        )

    @property
    def booted_mark(self) -> Path:
        """A file that exists once the card was booted."""
        return self.path / "card.booted"

    def was_changed(self, image: Path, stage: str) -> bool:
        """Return whether an image was written to since it was made."""
        record = self._record(stage)
        return image.exists() and image.stat().st_mtime_ns > (
            record.stat().st_mtime_ns if record.exists() else 0
        )

    def _record(self, stage: str) -> Path:
        return self.path / f"{stage}.made-from"

    def stage(self, name: str) -> str:
        """Return what a stage was last made from; "" if it must be made."""
        file = self._record(name)
        return file.read_text() if file.exists() else ""

    def stage_done(self, name: str, made_from: str) -> None:
        """Record what a stage was made from; "" clears the record."""
        self._record(name).write_text(made_from)


def kit_fingerprint(flags: list[str]) -> str:
    """Return a hash of the inputs of provisioning a card: the kit's files, and flags.

    The kit's files are those that git tracks, as they are in the working tree: downloads, what a
    training made, and your own notebooks do not count. Without git, as in an unpacked zip, your own
    notebooks do.
    """
    digest = hashlib.sha256(json.dumps(flags).encode())
    for name in sorted(set(_kit_files())):
        path = PROJECT / name
        if path.is_file():
            digest.update(f"\0{name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _kit_files() -> Iterable[str]:
    if (PROJECT / ".git").exists():  # a folder, or in a worktree a file
        require_commands("git")
        # of this project, whoever owns it and whatever a hook's environment names
        ours = ("env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_INDEX_FILE", "git")
        safe = ("-c", f"safe.directory={PROJECT}", "-c", "core.fsmonitor=false", "-C", PROJECT)
        return call(*ours, *safe, "ls-files", "-z", "--", *PARTS).stdout.split("\0")
    files = [path for part in PARTS for path in ((PROJECT / part), *(PROJECT / part).rglob("*"))]
    names = [path.relative_to(PROJECT) for path in files if path.suffix not in MADE]
    return [str(name) for name in names if not NOT_THE_KIT & {*name.parts}]


def tree_fingerprint(root: Path) -> str:
    """Return a hash of a folder's files: their names, owners, permissions, sizes and times."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted([*files, *folders]):
            path = Path(folder, name)
            state = path.lstat()
            words = [os.path.relpath(path, root), state.st_mode, state.st_uid, state.st_gid]
            if name in files:
                words += [state.st_size, state.st_mtime_ns]
            if path.is_symlink():
                words.append(str(path.readlink()))
            digest.update(repr(words).encode(errors="surrogateescape"))
    return digest.hexdigest()
