"""The archives of ansible/archives.yml, and the hashes that their own lists give to each file."""

import gzip
import hashlib
import lzma
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

FILE = Path(__file__).resolve().parents[3] / "ansible/archives.yml"
KEPT = re.compile(r"(?:dists/[^?#/]+|pool)/[^?#]+")  # what apt asks an archive for
STANZA_HASH = re.compile(rb"^SHA256: (\w+)$", re.M)
STANZA_FILE = re.compile(rb"^Filename: (?:\./)?(.+)$", re.M)


@dataclass(frozen=True)
class Archive:
    """One archive of packages, as in ansible/archives.yml."""

    address: str
    suites: list[str]
    components: list[str]
    lists: dict[str, list[str]]
    keyring: str
    also: tuple[str, ...] = ()


def read_archives(path: Path = FILE) -> dict[str, list[Archive]]:
    """Return the archives of each system, by its ID."""
    systems = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {system: [Archive(**each) for each in archives] for system, archives in systems.items()}


def place(url: str, systems: dict[str, list[Archive]]) -> str | None:
    """Return where a file is kept, below the cache's folder; None if its archive is not listed.

    All names of an archive have one place, and no address leads out of its folder. One with a query
    has none: it would give a file any number of names.
    """
    for archive in (archive for archives in systems.values() for archive in archives):
        for address in (archive.address, *archive.also):
            rest = url.removeprefix(f"{address}/")
            path = unquote(rest)
            parts = re.split(r"[/\\]", path)
            is_kept = rest != url and path.isprintable() and KEPT.fullmatch(path)
            if is_kept and not {"", ".", ".."}.intersection(parts):
                return f"{urlsplit(archive.address).netloc}{urlsplit(archive.address).path}/{path}"
    return None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_release(text: str) -> dict[str, str]:
    """Return the SHA-256 that a Release file gives to each list, by its path."""
    _, _, section = text.partition("\nSHA256:")
    lines = re.match(r"(?:\s*\n [^\n]+)*", section)[0].split("\n") if section else []
    return {words[2]: words[0] for line in lines if len(words := line.split()) == 3}


def find_list(suite: Path, name: str, wanted: dict[str, str]) -> Path | None:
    """Return the kept file of a list such as main/binary-armhf/Packages, in any packing."""
    for ending in (".xz", ".gz", ""):
        digest = wanted.get(name + ending)
        if digest is None:
            continue
        by_hash = (suite / name).parent / "by-hash/SHA256" / digest
        for path in (by_hash, suite / (name + ending)):
            if path.is_file() and sha256(path) == digest:
                return path
    return None


def unpack(path: Path) -> bytes:
    """Return what is in a packed list, whatever its name."""
    data = path.read_bytes()
    if data.startswith(b"\xfd7zXZ"):
        return lzma.decompress(data)
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


class Hashes:
    """The SHA-256 of each file of one archive, as far as its lists are in the cache.

    Parameters
    ----------
    root : Path
        The archive's folder in the cache: the one with `dists`.
    """

    def __init__(self, root: Path):
        self.root = root
        self._releases: dict[Path, tuple[int, dict[str, str]]] = {}
        self._seen: list[tuple[Path, int]] = []
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str | None:
        """Return the hash of a file by its path in the archive; None if no list has it."""
        if found := re.search(r"/by-hash/SHA256/([0-9a-f]{64})$", path):
            return found[1]
        if path.startswith("dists/"):
            _, suite, rest = path.split("/", 2)
            return self._release(self.root / "dists" / suite).get(rest)
        return self._packages().get(path)

    def _release(self, suite: Path) -> dict[str, str]:
        path = suite / "InRelease"
        if not path.is_file():
            return {}
        changed = path.stat().st_mtime_ns
        if self._releases.get(suite, (0, {}))[0] != changed:
            text = path.read_text(encoding="utf-8", errors="replace")  # a damaged one is condemned
            self._releases[suite] = changed, read_release(text)
        return self._releases[suite][1]

    def _packages(self) -> dict[str, str]:
        files = (path for path in self.root.glob("dists/**/*") if path.is_file())
        seen = sorted((path, path.stat().st_mtime_ns) for path in files)
        if seen != self._seen:
            self._known = {}
            for suite in self.root.glob("dists/*"):
                release = self._release(suite)
                for name in {name.split(".")[0] for name in release if "/Packages" in name}:
                    if path := find_list(suite, name, release):
                        self._known |= read_hashes(unpack(path))
            self._seen = seen
        return self._known


def read_hashes(packages: bytes) -> dict[str, str]:
    """Return the SHA-256 of each package's file, from a list of packages."""
    hashes = {}
    for stanza in packages.split(b"\n\n"):
        name, digest = STANZA_FILE.search(stanza), STANZA_HASH.search(stanza)
        if name and digest:
            hashes[name[1].decode()] = digest[1].decode()
    return hashes
