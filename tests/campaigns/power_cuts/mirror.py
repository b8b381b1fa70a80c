"""A mirror of MNIST on loopback, as plain as they come: it knows no ranges."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_words) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_words) -> None:
        """Say nothing of those who hang up: they were killed."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder over HTTP; gives the address."""
    with _Server(("127.0.0.1", 0), partial(_Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
