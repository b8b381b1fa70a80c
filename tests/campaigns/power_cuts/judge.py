"""Look at a folder as it is after a cut: every file under its final name is whole, old or new.

Nothing here asks the kit: files are held against those of an unbroken run, or read by their
published formats.
"""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

_CHECKPOINT_MARK, _DIGEST_BYTES = b"pinnckp2", 32
TEMPORARY = (".part", ".partial")  # of a file being written, and of one being fetched
_WEIGHTS = ("weights_input_hidden", "weights_hidden_output")


class View:
    """What may be in a folder: what was there before, and what an unbroken run leaves.

    Parameters
    ----------
    before, after : Path
        The folder before the command, and after an unbroken run.
    """

    def __init__(self, before: Path, after: Path):
        self.before, self.after = contents(before), contents(after)

    def complaints(self, folder: Path) -> list[str]:
        """Say what is half-written, lost or unheard of in a folder."""
        found = contents(folder)
        told = [f"{name}: {what}" for name, what in found.items() if not self._allows(name, what)]
        told += [f"{name}: lost" for name in self.before if name not in found]
        return told

    def unfinished(self, folder: Path) -> list[str]:
        """Say in what a folder differs from that of an unbroken run, temporary files included."""
        found = contents(folder)
        names = {*found, *self.after}
        told = [name for name in names if found.get(name) != self.after.get(name)]
        return sorted(told) + temporary_files(folder)

    def _allows(self, name: str, content: str) -> bool:
        if ".checkpoint-" in name:
            return content == "a whole checkpoint"
        return content in (self.before.get(name), self.after.get(name))


def contents(folder: Path) -> dict[str, str]:
    """Describe each file under a final name; temporary ones are left out.

    A packed file may lie beside its CSV or in the user's cache: it is told by its own name.
    """
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in TEMPORARY)
    return {_name(path, folder): _content(path) for path in sorted(files)}


def temporary_files(folder: Path) -> list[str]:
    """List what is not finished, anywhere in a folder."""
    return sorted(str(path) for path in folder.rglob("*") if path.suffix in TEMPORARY)


def weights_sha256(path: Path) -> str:
    """Hash a model's weights: its settings tell the time that it took."""
    with np.load(path, allow_pickle=False) as arrays:
        return hashlib.sha256(b"".join(arrays[name].tobytes() for name in _WEIGHTS)).hexdigest()


def _name(path: Path, folder: Path) -> str:
    return path.name if path.suffix == ".packed" else path.relative_to(folder).as_posix()


def _content(path: Path) -> str:
    if path.suffix == ".npz":
        return _model(path)
    if ".checkpoint-" in path.name:
        return _checkpoint(path.read_bytes())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _model(path: Path) -> str:
    try:
        return f"a model of weights {weights_sha256(path)}"
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        return f"no whole model ({error})"


def _checkpoint(content: bytes) -> str:
    footer = len(_CHECKPOINT_MARK) + _DIGEST_BYTES
    archive = content[:-footer]
    if content[-footer:] != _CHECKPOINT_MARK + hashlib.blake2s(archive).digest():
        return f"no whole checkpoint ({len(content)} bytes)"
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        shapes = [arrays[name].shape for name in _WEIGHTS]
    return "a whole checkpoint" if len(shapes) == 2 else f"arrays of {shapes}"
