"""The class cache: a proxy for the Pis' apt and an index of wheels for their pip.

    python -m scripts.classroom.cache.server --socket FILE [--folder FOLDER] [--offline]

It listens on a Unix socket, to which SSH forwards a port of each Pi, and ends with the process that
started it. Then it prints its totals, as JSON.
"""

import argparse
import fcntl
import json
import os
import re
import signal
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from platformdirs import user_cache_path

from scripts.classroom.cache.archives import place, read_archives
from scripts.classroom.cache.store import CHUNK, Store, StoreError
from scripts.classroom.cache.wheels import Wheels, requirements

QUESTION_BYTES = 1 << 20


class Handler(BaseHTTPRequestHandler):
    """Answers a Pi."""

    protocol_version = "HTTP/1.1"
    timeout = 3600
    server: "Server"

    def do_GET(self) -> None:
        """Answer with a file of an archive, or with one of the cache's own pages."""
        self._answer(self._answer_itself if self.path.startswith("/") else self._answer_with_file)

    def do_HEAD(self) -> None:
        """Answer as `do_GET` does, without the file."""
        self.do_GET()

    def do_POST(self) -> None:
        """Answer which of the files that a Pi asks about are missing."""
        self._answer(self._answer_missing)

    def _answer(self, answer: Callable[[], None]) -> None:
        """Answer, or say why not: whatever fails, the Pi gets a reason and the terminal nothing."""
        self.has_begun = False
        try:
            answer()
        except ConnectionError:  # the Pi was switched off, or its apt ended
            self.close_connection = True
        except Exception as error:
            if self.has_begun:  # the rest of a file is no place for a reason
                self.close_connection = True
            elif isinstance(error, StoreError):
                self._refuse(error.status, str(error))
            else:
                self._refuse(500, f"{type(error).__name__}: {error}")

    def _refuse(self, status: int, reason: str) -> None:
        line = " ".join(reason.split()).encode("ascii", "backslashreplace")
        self.send_error(status, line.decode())

    def end_headers(self) -> None:
        """Send the headers; from now on, no error can be sent."""
        self.has_begun = True
        super().end_headers()

    def _answer_missing(self) -> None:
        match self._read_question():
            case {"urls": [*urls], "wheels": str(release)} if all(
                isinstance(url, str) for url in urls
            ):
                missing = self.server.missing(urls, release)
                self._send(json.dumps(missing).encode(), "application/json")
            case _:
                raise StoreError("expected JSON with a list of urls, and wheels of a release", 400)

    def _read_question(self) -> object:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > QUESTION_BYTES:
            expected = f"expected a Content-Length of at most {QUESTION_BYTES}"
            raise StoreError(f"{expected}, got {length or 'none'}", 413)
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None

    def _answer_with_file(self) -> None:
        self._send_file(self.server.store.get(self.path))

    def _answer_itself(self) -> None:
        address = urlsplit(self.path)
        _, *words = address.path.split("/")
        if words[0] == "status":
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            status = self.server.status(
                asked.get("release", ""), asked.get("architecture", ""), "wheels" in asked
            )
            self._send(json.dumps(status).encode(), "application/json")
        elif words[0] == "wheels" and words[2:] == [""]:
            self._send(self.server.wheels.page(words[1]).encode(), "text/html")
        elif words[0] == "wheels" and len(words) == 3:
            self._send_file(self.server.wheels.path(unquote(words[2])))
        else:
            self.send_error(404)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_file(self, path: Path) -> None:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            self.send_response(200)
            self.send_header("Content-Length", str(status.st_size))
            self.send_header("Last-Modified", self.date_time_string(int(status.st_mtime)))
            self.end_headers()
            if self.command != "HEAD":
                while piece := file.read(CHUNK):
                    self.server.count(len(piece))
                    self.wfile.write(piece)

    def log_message(self, *args) -> None:
        """Stay quiet: the terminal is Ansible's."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A thread for each connection.

    Parameters
    ----------
    socket : Path
    folder : Path
        What is kept, for its owner alone.
    offline : bool
        Whether the internet is never asked.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, socket: Path, folder: Path, offline: bool):
        self.store = Store(folder, read_archives(), offline)
        self.wheels = Wheels(folder / "wheels", offline)
        self.to_pis = 0
        self._lock = threading.Lock()
        super().__init__(str(socket), Handler)

    def count(self, size: int) -> None:
        """Add to what the Pis got."""
        with self._lock:
            self.to_pis += size

    def status(self, release: str, architecture: str, needs_wheels: bool) -> dict:
        """Return what a Pi has to know, and begin to download its wheels if it needs any."""
        if needs_wheels:
            self.wheels.begin(release)
        half = half_bundle(self.store, self.wheels, release, architecture)
        return {"offline": self.store.offline, "half": half}

    def missing(self, urls: list[str], release: str) -> list[str]:
        """Return the names of the files that are not here, of these and of a release's wheels."""
        names = [file_name(url) for url in urls if not self.store.has_url(url)]
        return names + [line.split()[0] for line in self.wheels.missing(release)]

    def handle_error(self, request, client_address) -> None:
        """Stay quiet: the terminal is Ansible's."""

    def totals(self) -> dict:
        """Return the bytes of this run."""
        from_internet = self.store.from_internet + self.wheels.from_internet
        folder = str(self.store.folder)
        return {"from_internet": from_internet, "to_pis": self.to_pis, "folder": folder}


def half_bundle(store: Store, wheels: Wheels, release: str, architecture: str) -> str:
    """Return what a bundle that was begun lacks; "" if it is complete, or there is none."""
    if not all(re.fullmatch("[a-z0-9]{1,32}", word) for word in (release, architecture)):
        return ""
    path = store.folder / "bundles" / f"{release}-{architecture}.json"
    if not path.is_file():
        return ""
    bundle = f"The bundle of {release} {architecture}"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        urls, is_complete = [str(url) for url in manifest["files"]], manifest["complete"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"{bundle} has a damaged list, {path}"
    if other := next((url for url in urls if place(url, store.systems) is None), ""):
        return f"{bundle} has {other}, which is of no archive in ansible/archives.yml"
    packages = [file_name(url) for url in urls if not store.path(url).is_file()]
    lacks = [shortage(packages, len(urls), "packages")] if packages else []
    if not is_complete and (missing := wheels.missing(release)):
        names = [line.split()[0] for line in missing]
        lacks.append(shortage(names, len(requirements(release)), "wheels"))
    return f"{bundle} is not complete: {'; '.join(lacks)}" if lacks else ""


def shortage(names: list[str], total: int, kind: str) -> str:
    """Return how many are missing, with the first of them."""
    rest = ", ..." if len(names) > 3 else ""
    return f"{len(names)} of {total} {kind} are missing ({', '.join(names[:3])}{rest})"


def file_name(url: str) -> str:
    """Return the name of a URL's file."""
    return unquote(url.rpartition("/")[2])


def cache_folder(folder: Path | None = None) -> Path:
    """Return the cache's folder, which is for its owner alone; by default in the user's cache."""
    folder = folder or user_cache_path("pi-nn") / "class"
    os.umask(0o077)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class Turn:
    """A server that waits for its turn: two runs of one user have one socket, and share a server.

    Parameters
    ----------
    socket, folder, offline
        As for the server.
    """

    def __init__(self, socket: Path, folder: Path, offline: bool):
        self._lock = socket.with_name(f"{socket.name}.lock").open("w")
        self._make = lambda: Server(socket, folder, offline)
        self._server: Server | None = None
        self.socket, self.folder = socket, folder

    def begin(self) -> None:
        """Serve, at once or when the run before is over."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            threading.Thread(target=self._wait, daemon=True).start()
        else:
            self._serve()

    def _wait(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._serve()

    def _serve(self) -> None:
        self.socket.unlink(missing_ok=True)  # of a server that was killed
        self._server = self._make()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> dict:
        """Remove the socket; return the totals."""
        if self._server is None:
            return {"from_internet": 0, "to_pis": 0, "folder": str(self.folder)}
        self.socket.unlink(missing_ok=True)
        return self._server.totals()


def main() -> None:
    """Serve until the parent ends, or asks for it."""
    flags = argparse.ArgumentParser(description="Keep what Pis download, for all of them.")
    flags.add_argument("--socket", type=Path, required=True, metavar="FILE")
    flags.add_argument("--folder", type=Path, default=None)
    flags.add_argument("--offline", action="store_true")
    arguments = flags.parse_args()
    folder = cache_folder(arguments.folder)
    arguments.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    parent = os.getppid()
    turn = Turn(arguments.socket, folder, arguments.offline)
    try:
        turn.begin()
        print("ready", flush=True)
        while os.getppid() == parent:
            time.sleep(0.5)
    finally:
        totals = turn.end()
        with suppress(OSError):  # a full disk
            (folder / "totals.json").write_text(json.dumps(totals), encoding="utf-8")
        if os.getppid() == parent:
            print(json.dumps(totals), flush=True)


if __name__ == "__main__":
    main()
