"""The wheels of the roles' requirements: this computer's pip downloads each once, by its hash."""

import errno
import os
import re
import subprocess
import sys
import threading
from html import escape
from pathlib import Path

from scripts.classroom.cache.archives import sha256
from scripts.classroom.cache.store import StoreError, raise_if_full
from scripts.wheel_hashes import PURE, PYTHONS, ROLES

REQUIREMENT = re.compile(r"^([\w.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$", re.M)


class Wheels:
    """A folder of wheels, for all releases.

    Parameters
    ----------
    folder : Path
    offline : bool
        Whether the internet is never asked.

    Attributes
    ----------
    from_internet : int
        The bytes of the wheels that were downloaded.
    """

    def __init__(self, folder: Path, offline: bool = False):
        self.folder = folder
        self.offline = offline
        self.from_internet = 0
        self._lock = threading.Lock()
        self._hashes: dict[tuple[Path, int], str] = {}

    def begin(self, release: str) -> None:
        """Begin to download a release's wheels: a Pi's pip will wait for them."""
        if release in PYTHONS and not self.offline:
            threading.Thread(target=self._begin, args=(release,), daemon=True).start()

    def _begin(self, release: str) -> None:
        try:
            self.bring(release)
        except OSError:
            return  # the Pi that asks for them gets the reason

    def page(self, release: str) -> str:
        """Return the page on which pip finds a release's wheels.

        Raises
        ------
        StoreError
            If they cannot be brought.
        """
        if release not in PYTHONS:
            raise StoreError(f"no wheels for {release}", 404)
        found = self.bring(release)
        links = (f'<a href="{escape(name)}#sha256={digest}">{name}</a>' for name, digest in found)
        return "<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>"

    def path(self, name: str) -> Path:
        """Return a wheel's file.

        Raises
        ------
        StoreError
            If there is no such wheel.
        """
        path = self.folder / name
        if "/" in name or path.suffix != ".whl" or not path.is_file():
            raise StoreError(f"no wheel {name}", 404)
        return path

    def bring(self, release: str) -> list[tuple[str, str]]:
        """Return the names and hashes of a release's wheels, downloaded if they are not here.

        Raises
        ------
        StoreError
            If they cannot be brought.
        """
        with self._lock:
            missing = self.missing(release)
            if missing and self.offline:
                raise StoreError(f"{len(missing)} wheels are not in the class cache", 504)
            if missing:
                before = self._present()
                try:
                    for lines in without_doubles(missing):
                        self._download(release, lines)
                except OSError as error:
                    raise_if_full(error, self.folder)
                    raise
                new = self._present().items() - before.items()
                self.from_internet += sum((self.folder / name).stat().st_size for name, _ in new)
            wanted = {digest for _, digest in requirements(release)}
            return sorted(pair for pair in self._present().items() if pair[1] in wanted)

    def missing(self, release: str) -> list[str]:
        """Return the requirements, as pip wants them, whose wheels are not here as a whole."""
        present = set(self._present().values())
        return [line for line, digest in requirements(release) if digest not in present]

    def _present(self) -> dict[str, str]:
        """Return the hash of each wheel, by its name."""
        found = {}
        for path in self.folder.glob("*.whl"):
            key = path, path.stat().st_mtime_ns
            self._hashes[key] = self._hashes.get(key) or sha256(path)
            found[path.name] = self._hashes[key]
        return found

    def _download(self, release: str, missing: list[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = self.folder / f"requirements-{release}.txt"
        wanted.write_text("\n".join(missing) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *PURE]
        options = [f"--python-version={PYTHONS[release]}", "--no-cache-dir", "--require-hashes"]
        done = subprocess.run(
            [*command, *options, f"--dest={self.folder}", f"--requirement={wanted}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode != 0:
            if (full := os.strerror(errno.ENOSPC)) in done.stderr:
                raise OSError(errno.ENOSPC, full)
            errors = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["unknown"]
            raise StoreError(f"pip could not download wheels: {errors[-1]}")


def without_doubles(lines: list[str]) -> list[list[str]]:
    """Divide requirements so that none has two versions of a package: pip refuses to choose.

    >>> without_doubles(["a==1 --hash=x", "a==2 --hash=y", "b==1 --hash=z"])
    [['a==1 --hash=x', 'b==1 --hash=z'], ['a==2 --hash=y']]
    """
    parts: list[dict[str, str]] = []
    for line in lines:
        name = line.partition("==")[0]
        part = next((part for part in parts if name not in part), None)
        if part is None:
            parts.append(part := {})
        part[name] = line
    return [list(part.values()) for part in parts]


def requirements(release: str) -> list[tuple[str, str]]:
    """Return the lines of all roles' requirements of a release, each with its wheel's hash."""
    paths = ROLES.glob(f"*/files/requirements-{release}.txt") if release in PYTHONS else ()
    texts = (path.read_text(encoding="utf-8") for path in paths)
    found = {match[0]: match[3] for text in texts for match in REQUIREMENT.finditer(text)}
    return sorted(found.items())
