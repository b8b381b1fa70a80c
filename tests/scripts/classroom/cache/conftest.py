"""An archive of packages on loopback, and a cache of it."""

import hashlib
import lzma
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.classroom.cache.archives import Archive
from scripts.classroom.cache.store import Store

PACKAGES = {"alpha": "beta, gamma | delta", "beta": "", "delta": "epsilon (>= 2)", "epsilon": ""}


class Upstream(ThreadingHTTPServer):
    """The archive's server. It counts what it is asked for, and the bytes that it sends."""

    daemon_threads = True

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=folder))
        self.folder, self.asked, self.sent = folder, Counter(), 0
        self.archive = Archive(
            address=f"http://127.0.0.1:{self.server_port}/debian",
            also=(f"http://localhost:{self.server_port}/debian",),
            suites=["{release}"],
            components=["main"],
            lists={"amd64": ["amd64"]},
            keyring="/none",
        )
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def publish(self, packages: dict[str, str]) -> None:
        """Write an archive of packages, each with what it depends on."""
        stanzas = []
        for name, depends in packages.items():
            content = f"!<arch>\n{name} depends on {depends}".encode() * 100
            path = self.folder / f"debian/pool/{name}_2+x.deb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            lines = [f"Package: {name}", "Version: 2+x", "Architecture: all"]
            lines += [f"Depends: {depends}"] if depends else []
            lines += [f"Filename: pool/{path.name}", f"Size: {len(content)}"]
            stanzas.append("\n".join([*lines, f"SHA256: {digest_of(content)}"]))
        packed = lzma.compress("\n\n".join(stanzas).encode() + b"\n\n")
        suite = self.folder / "debian/dists/bookworm"
        (suite / "main/binary-amd64").mkdir(parents=True, exist_ok=True)
        (suite / "main/binary-amd64/Packages.xz").write_bytes(packed)
        line = f" {digest_of(packed)} {len(packed):16} main/binary-amd64/Packages.xz"
        head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSuite: bookworm\n"
        (suite / "InRelease").write_text(f"{head}SHA256:\n{line}\n-----BEGIN PGP SIGNATURE-----\n")

    def url(self, path: str) -> str:
        """Return the address of a file in the archive."""
        return f"{self.archive.address}/{path}"


class Handler(SimpleHTTPRequestHandler):
    """Answers with the archive's files."""

    def do_GET(self):
        """Count the request."""
        self.server.asked[self.path.removeprefix("/debian/")] += 1
        super().do_GET()

    def copyfile(self, source, outputfile):
        """Count the bytes."""
        content = source.read()
        self.server.sent += len(content)
        outputfile.write(content)

    def log_message(self, *_arguments):
        """Say nothing."""


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def upstream(tmp_path):
    """An archive with four packages."""
    server = Upstream(tmp_path / "upstream")
    server.publish(PACKAGES)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(upstream, tmp_path) -> Store:
    """A cache of that archive, with internet."""
    return Store(tmp_path / "cache", {"debian": [upstream.archive]})


@pytest.fixture
def offline(store) -> Store:
    """The same cache, without."""
    return Store(store.folder, store.systems, offline=True)
