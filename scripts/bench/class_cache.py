"""Count what thirty Pis download through the class cache, and what one does.

    python -m scripts.bench.class_cache [--pis 30] [--release bookworm]

Each Pi asks for every package of a bundle and for the wheels, over the server's socket, as its apt
and pip would; all at once. The archives are the real ones; the cache is a new one each time.
"""

import argparse
import http.client
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from scripts.classroom.cache.bundle import plan
from scripts.classroom.cache.server import Server
from scripts.classroom.cache.wheels import requirements


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str):
        super().__init__("127.0.0.1", timeout=600)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def main() -> None:
    """Measure one Pi, then all, and print the bytes of both."""
    flags = argparse.ArgumentParser(description="Count what Pis download through the class cache.")
    flags.add_argument("--pis", type=int, default=30)
    flags.add_argument("--release", default="bookworm")
    arguments = flags.parse_args()
    one = measure(1, arguments.release)
    many = measure(arguments.pis, arguments.release)
    print(f"{arguments.pis} Pis download {many / one:.3f} times the bytes of one")


def measure(pis: int, release: str) -> int:
    """Return the bytes from the internet for so many Pis."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        server = Server(Path(folder, "socket"), Path(folder, "cache"), offline=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bundle = plan(server.store, release, "amd64")
        start = time.monotonic()
        with ThreadPoolExecutor(pis) as pool:
            for _ in pool.map(download, [str(server.server_address)] * pis, [bundle] * pis):
                pass
        totals = server.totals()
        server.shutdown()
        server.server_close()
    words = f"{totals['from_internet'] / 1e6:,.1f} MB from the internet"
    given = f"{totals['to_pis'] / 1e6:,.1f} MB to the Pis"
    print(f"{pis} at once: {words}, {given}, {time.monotonic() - start:.0f} s", flush=True)
    return totals["from_internet"]


def download(address: str, bundle) -> None:
    """Download all of a bundle, as one Pi does."""
    wheels = [f"/wheels/{bundle.release}/"]
    with closing(Connection(address)) as connection:
        for url in [*bundle.files, *wheels]:
            page = ask(connection, url)
        names = [line.split('"')[1].split("#")[0] for line in page.decode().split("\n")]
        if len(names) != len(requirements(bundle.release)):
            raise RuntimeError(f"expected a wheel for each requirement, got {len(names)}")
        for name in names:
            ask(connection, wheels[0] + name)


def ask(connection: http.client.HTTPConnection, path: str) -> bytes:
    """Return what the server answers."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: expected status 200, got {answer.status} {answer.reason}")
    return body


if __name__ == "__main__":
    main()
