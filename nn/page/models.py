"""The models that the page offers: those in some folders, the newest first."""

import os
import stat
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from nn.data.labels import Labels
from nn.errors import KitError
from nn.kit import command
from nn.network import Network

MOST_OFFERED = 50
MOST_LOADED = 3  # at a time: a large one needs megabytes
LARGEST_BYTES = 8_000_000  # of a file: about 2,500 hidden nodes


class NoModelError(KitError, LookupError):
    """There is no model, or none of this name."""


class Models:
    """Models by name; a file that changes is loaded again, one that does not load is left out.

    Parameters
    ----------
    folders : iterable of path-like
        Those that do not exist, or cannot be read, count as empty.
    load : callable
        Loads a model and its labels from a path.
    shipped : path-like, optional
        The model that comes with the kit: it is offered last.
    """

    def __init__(
        self,
        folders: Iterable[str | Path],
        load: Callable[[str], tuple[Network, Labels]],
        shipped: str | Path | None = None,
    ):
        self.folders = [Path(folder) for folder in folders]
        self.shipped = Path(shipped) if shipped else None
        self._load = load
        self._loaded: dict[tuple[Path, float], tuple[Network, Labels]] = {}
        self._damaged: set[tuple[Path, float]] = set()
        self._lock = threading.Lock()  # one thread asks for the names while another answers

    def names(self) -> list[str]:
        """Return the names of all models, the newest first; this one has been loaded."""
        with suppress(NoModelError):
            self.get()
        return list(self._files())

    def get(self, name: str = "") -> tuple[str, Network, Labels]:
        """Return a model's name, its network and its labels; without a name, the newest sound one.

        Raises
        ------
        NoModelError
            When there is none of this name.
        ModelError
            When its file is damaged.
        """
        while files := self._files():
            if name and name not in files:
                raise NoModelError(f"expected one of the models {', '.join(files)}, got {name!r}")
            wanted = name or next(iter(files))
            try:
                return wanted, *self._network(files[wanted])
            except (KitError, OSError):
                self._damaged.add(files[wanted])
                if name:
                    raise
        raise NoModelError(
            f"expected a trained model in {' or '.join(map(str, self.folders))}, found none "
            f"that can be read. Train one first: {command('train')}"
        )

    def _network(self, file: tuple[Path, float]) -> tuple[Network, Labels]:
        with self._lock:
            if file not in self._loaded:
                while len(self._loaded) >= MOST_LOADED:
                    del self._loaded[next(iter(self._loaded))]
                self._loaded[file] = self._load(str(file[0]))
            return self._loaded[file]

    def _files(self) -> dict[str, tuple[Path, float]]:
        """Map the name of each model to its path and the time at which it was written."""
        found = []
        for folder in self.folders:
            paths: list[Path] = []
            with suppress(OSError):
                paths += folder.glob("*.npz")
            for path in paths:
                # removed meanwhile, a link to nowhere, or no name that a browser could send
                with suppress(OSError, UnicodeEncodeError):
                    path.stem.encode()
                    facts = path.stat()
                    is_model = stat.S_ISREG(facts.st_mode) and facts.st_size <= LARGEST_BYTES
                    is_damaged = (path, facts.st_mtime) in self._damaged
                    if is_model and not is_damaged and os.access(path, os.R_OK):
                        found.append((facts.st_mtime, path))
        files: dict[str, tuple[Path, float]] = {}
        for written, path in sorted(found, reverse=True)[:MOST_OFFERED]:
            name = path.stem if path.stem not in files else f"{path.stem} in {path.parent}"
            files[name] = path, written
        shipped = self.shipped, 0.0
        if self.shipped and self.shipped.exists() and shipped not in self._damaged:
            files[f"{self.shipped.stem}, which comes with the kit"] = shipped
        return files
