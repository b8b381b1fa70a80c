"""An HTTP server on loopback that gives one file in every wrong way."""

import re
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """A server of one file; `behave` answers each request.

    Attributes
    ----------
    asked_from : list of int
        Where each request wanted to begin.
    """

    daemon_threads = True

    def __init__(self, content: bytes, behave: Callable[["Request"], None]):
        super().__init__(("127.0.0.1", 0), Request)
        self.content, self.behave = content, behave
        self.asked_from: list[int] = []
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        """Of the folder that the file is in."""
        return f"http://127.0.0.1:{self.server_port}/mnist/"

    def close(self) -> None:
        """End it, and all that stalls."""
        self.closing.set()
        self.shutdown()
        self.server_close()


class Request(BaseHTTPRequestHandler):
    """One request, and what may be done to it."""

    def do_GET(self):
        """Let the server behave as it does."""
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        self.begin = int(wanted[1]) if wanted else 0
        self.server.asked_from.append(self.begin)
        self.server.behave(self)

    def log_message(self, *_arguments):
        """Say nothing."""

    def head(self, status: int, length: int | None, **headers: str) -> None:
        """Send status and headers."""
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def give(
        self, until: int | None = None, ranges: bool = False, begin: int | None = None
    ) -> None:
        """Promise the file, or the rest that was asked for; break off before byte `until`."""
        content = self.server.content
        if ranges and self.begin >= len(content):
            self.head(416, 0)
            return
        if ranges and self.begin:
            begin = self.begin if begin is None else begin
            span = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self.head(206, len(content) - begin, Content_Range=span)
        else:
            begin = 0
            self.head(200, len(content))
        self.wfile.write(content[begin:until])
        if until is not None:
            self.break_off()

    def break_off(self) -> None:
        """End the connection."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def stall(self) -> None:
        """Send nothing more, and do not hang up."""
        self.wfile.flush()
        self.server.closing.wait(60)

    def trickle(self, content: bytes, seconds: float) -> None:
        """Send a byte now and then."""
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.closing.wait(seconds):
                return

    def endless(self, piece: bytes) -> None:
        """Send and send."""
        end = time.monotonic() + 60
        while time.monotonic() < end and not self.server.closing.is_set():
            self.wfile.write(piece)
