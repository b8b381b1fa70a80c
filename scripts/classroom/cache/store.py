"""The files that are kept for all Pis: each is downloaded once, checked, and stays."""

import errno
import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

import requests
import urllib3

from nn.errors import KitError
from scripts.classroom.cache.archives import Archive, Hashes, place, sha256

SECONDS = (10, 60)  # to connect, and between two pieces of a file
TRIES = 3
FULL = (errno.ENOSPC, errno.EDQUOT)
CHUNK = 1 << 16
FRESH_SECONDS = 600  # lists are compared with the archive's once in this time
# How each kind of file begins. A school's login page answers any address with a page of its own.
BEGINNINGS = {".deb": b"!<arch>\n", "InRelease": b"-----BEGIN PGP SIGNED MESSAGE-----"}


class StoreError(KitError, OSError):
    """A file could not be brought: `status` is HTTP's word for why."""

    def __init__(self, message: str, status: int = 502):
        super().__init__(message)
        self.status = status


class Store:
    """The cache's folder.

    Parameters
    ----------
    folder : Path
    systems : dict of lists of Archive
        Which archives it keeps.
    offline : bool
        Whether the internet is never asked.

    Attributes
    ----------
    from_internet : int
        The bytes that were downloaded.
    """

    def __init__(self, folder: Path, systems: dict[str, list[Archive]], offline: bool = False):
        self.folder = folder
        self.systems = systems
        self.offline = offline
        self.from_internet = 0
        remove_parts(folder / "archives")
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()
        self._hashes: dict[Path, Hashes] = {}
        self._whole: dict[Path, tuple] = {}  # of files that were checked: their time and hash
        self._compared: dict[Path, float] = {}

    def path(self, url: str) -> Path:
        """Return where a file is kept.

        Raises
        ------
        StoreError
            If it is of no archive that is kept.
        """
        name = place(url, self.systems)
        if name is None:
            raise StoreError(f"{url} is of no archive in ansible/archives.yml", 403)
        return self.folder / "archives" / name

    def get(self, url: str, report: Callable[[int], None] = lambda count: None) -> Path:
        """Return the file of a URL, downloaded if it is not there as a whole.

        Raises
        ------
        StoreError
            If it cannot be brought.
        """
        path = self.path(url)
        with self._lock:
            lock = self._locks[path]
        with lock:
            if self.has(path):
                if self._changes(path) and not self.offline:
                    self._compare(url, path, report)
                return path
            if self.offline:
                raise StoreError(f"{path.name} is not in the class cache", 504)
            self._download(url, path, {}, report)
            return path

    def has_url(self, url: str) -> bool:
        """Return whether the file of a URL is there as a whole."""
        return place(url, self.systems) is not None and self.has(self.path(url))

    def has(self, path: Path) -> bool:
        """Return whether a file is there as a whole; remove it if it is damaged."""
        if not path.is_file():
            return False
        state = path.stat().st_mtime_ns, self.expected(path)
        if self._whole.get(path) == state:
            return True
        if not self._is_right(path, path):
            path.unlink()
            return False
        self._whole[path] = state
        return True

    def expected(self, path: Path) -> str | None:
        """Return the SHA-256 that the archive's lists give to a file, as far as they are here."""
        parts = path.relative_to(self.folder / "archives").parts
        depth = next((n for n, part in enumerate(parts) if part in ("dists", "pool")), 0)
        if not depth:
            return None
        root = self.folder.joinpath("archives", *parts[:depth])
        with self._lock:
            hashes = self._hashes.setdefault(root, Hashes(root))
            return hashes.of("/".join(parts[depth:]))

    def _is_right(self, content: Path, path: Path) -> bool:
        """Return whether content is what belongs at a path."""
        digest = self.expected(path)
        if digest is None and content == path and _checksum(path).is_file():  # as it was downloaded
            digest = _checksum(path).read_text(encoding="ascii", errors="replace")
        if digest is not None:
            return sha256(content) == digest
        beginning = BEGINNINGS.get(path.suffix) or BEGINNINGS.get(path.name) or b""
        with content.open("rb") as file:
            return file.read(len(beginning)) == beginning

    def _changes(self, path: Path) -> bool:
        """Return whether the archive may have another file under this name by now."""
        is_list = "dists" in path.parts and "by-hash" not in path.parts
        is_fresh = time.monotonic() - self._compared.get(path, -FRESH_SECONDS) < FRESH_SECONDS
        return is_list and self.expected(path) is None and not is_fresh

    def _compare(self, url: str, path: Path, report: Callable[[int], None]) -> None:
        """Download a list if the archive has another one; keep this one if it cannot be asked.

        A school's proxy may refuse with any status; 404 alone says that the list is gone.
        """
        since = {"If-Modified-Since": formatdate(path.stat().st_mtime, usegmt=True)}
        try:
            self._download(url, path, since, report)
        except StoreError as error:
            if error.status == 404:
                raise

    def _download(
        self, url: str, path: Path, headers: dict[str, str], report: Callable[[int], None]
    ) -> None:
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for tried in range(1, TRIES + 1):
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)  # another's failure removed it
                    changed = self._fetch(url, part, headers, report)
                    break
                except StoreError:
                    raise
                except (OSError, urllib3.exceptions.HTTPError) as error:
                    if getattr(error, "errno", None) in FULL:
                        raise
                    if tried == TRIES:
                        unreachable = isinstance(error, requests.ConnectionError)
                        reason = "its server does not answer" if unreachable else error
                        raise StoreError(f"could not download {url}: {reason}") from error
                    time.sleep(tried)
            if changed:
                self._keep(url, part, path)
            self._compared[path] = time.monotonic()
        except OSError as error:
            raise_if_full(error, self.folder)
            raise
        finally:
            with suppress(OSError):
                part.unlink()
            self._remove_empty(path.parent)

    def _remove_empty(self, folder: Path) -> None:
        """Remove folders that only a failed download needed: a file may have their name."""
        with suppress(OSError):  # one that holds something
            while folder != self.folder / "archives":
                folder.rmdir()
                folder = folder.parent

    def _keep(self, url: str, part: Path, path: Path) -> None:
        """Put a downloaded file in its place, if it is what belongs there."""
        if not self._is_right(part, path):
            self._compared.clear()  # the lists may be old
            raise StoreError(f"{url}: got another file than the archive's lists name")
        try:
            _checksum(path).write_text(sha256(part), encoding="ascii")
        except OSError:
            _checksum(path).unlink(missing_ok=True)  # half of it would condemn the old file
            raise
        part.replace(path)

    def _fetch(
        self, url: str, part: Path, headers: dict[str, str], report: Callable[[int], None]
    ) -> bool:
        """Write what a URL answers into a file of its time; return False if it is unchanged."""
        headers = {"Accept-Encoding": "identity", **headers}
        with requests.get(url, headers=headers, stream=True, timeout=SECONDS) as answer:
            if answer.status_code == 304:
                return False
            if answer.status_code != 200:
                reason = f"{answer.status_code} {answer.reason}"
                raise StoreError(f"{reason}: {url}", answer.status_code)
            if answer.url.endswith("/"):  # of a folder, or of a school's login
                raise StoreError(f"{url}: got a page, {answer.url}")
            count = 0
            with part.open("wb") as file:
                while piece := answer.raw.read(CHUNK):
                    file.write(piece)
                    count += len(piece)
                    with self._lock:
                        self.from_internet += len(piece)
                    report(len(piece))
            expected = answer.headers.get("Content-Length", "")
            if expected.isdecimal() and count != int(expected):
                raise OSError(f"got {count} of {expected} bytes")
            modified = answer.headers.get("Last-Modified")
        if modified:
            with suppress(ValueError, OverflowError):  # what is no time
                stamp = parsedate_to_datetime(modified).timestamp()
                os.utime(part, (stamp, stamp))
        return True


def raise_if_full(error: OSError, folder: Path) -> None:
    """Say which disk is full, if an error is about that: this computer's, not the Pi's.

    Raises
    ------
    StoreError
        If it is.
    """
    if error.errno in FULL:
        message = f"this computer's disk is full: make space, or move {folder} to another disk"
        raise StoreError(message, 507) from error


def remove_parts(folder: Path) -> None:
    """Remove what downloads left behind whose process was killed."""
    for path in folder.glob("**/.*.part"):
        process = re.search(r"\.([0-9]{1,9})\.part$", path.name)
        if not (process and _is_running(int(process[1]))):
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:  # none, or another user's
        return False
    return True


def _checksum(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")
