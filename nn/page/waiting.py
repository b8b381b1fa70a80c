"""What answers while the page loads: on a Pi Zero, numpy and Tornado take many seconds."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Protocol

from nn.errors import KitError

FROM_SYSTEMD = 3  # the number of the first socket that systemd passes on
BACKLOG = 128
MOST_WAITING = 100  # at a time
_LONGEST_REQUEST = 32 * 1024  # bytes: a drawing and its header
_SECONDS = 5  # that a client has to send it
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Waking up</title></head>
<body><main><h1>The network is waking up</h1>
<p role="status">On a Pi Zero it takes 10 to 25 seconds. This page then continues by itself.</p>
</main></body></html>
"""
_HEADERS = (
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "Cache-Control: no-store\r\nRetry-After: 2\r\nConnection: close\r\n"
)
_WAITING = '{"error": "The network is waking up: 10 to 25 seconds on a Pi Zero.", "again": true}'


class SocketError(KitError, OSError):
    """The page cannot listen on this port."""


class Page(Protocol):
    """What is loaded meanwhile."""

    async def serve(self, listening: socket.socket) -> None:
        """Serve until nobody has used the page for some time."""


def listening_socket(address: str, port: int) -> socket.socket:
    """Return the socket that systemd passed on, or open one on this port.

    Raises
    ------
    SocketError
        When the port is taken, or not for this user.
    """
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        return socket.socket(fileno=FROM_SYSTEMD)
    try:
        socket.getaddrinfo(address, port)  # before a socket is made, which no error would close
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SocketError(
            f"cannot listen on {address}, port {port}: {reason}. "
            "Choose another with --port or --address"
        ) from None


async def serve(listening: socket.socket, load: Callable[[], Page]) -> None:
    """Ask visitors to wait while a thread loads the page; then let the page serve them.

    Parameters
    ----------
    listening : socket
    load : callable
        Imports and loads what the page needs.
    """
    loop, told = asyncio.get_running_loop(), set()

    def welcome() -> None:
        with suppress(OSError):  # the visitor has gone already
            visitor, _address = listening.accept()
            if len(told) >= MOST_WAITING:
                visitor.close()
                return
            told.add(task := loop.create_task(_ask_to_wait(visitor)))
            task.add_done_callback(told.discard)

    listening.setblocking(False)
    # Not asyncio's server: one that closes may lose a visitor whom it has just accepted.
    loop.add_reader(listening, welcome)
    try:
        page = await asyncio.to_thread(load)
    finally:
        loop.remove_reader(listening)
    await page.serve(listening)


async def _ask_to_wait(visitor: socket.socket) -> None:
    """Answer one request: a page that loads itself again, or JSON for what a script asks."""
    visitor.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=visitor)
    with (
        closing(writer),
        suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError),
    ):
        async with asyncio.timeout(_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            is_page = head.startswith((b"GET / ", b"GET /wall "))
            body, kind = (_PAGE, "text/html") if is_page else (_WAITING, "application/json")
            status = "200 OK" if is_page else "503 Service Unavailable"
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\n"
                f"Content-Length: {len(body)}\r\n{_HEADERS}\r\n{body}".encode()
            )
            writer.write_eof()
            # Closed before it has sent all, a client would not see the answer.
            await reader.read(_LONGEST_REQUEST)
