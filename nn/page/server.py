"""The page's server: Tornado's, within limits, until nobody visits it any longer."""

import asyncio
import socket
import time
from collections import Counter

from tornado.httpserver import HTTPServer
from tornado.web import Application

from nn.page.handlers import LARGEST_DRAWING, ROUTES, NotFound
from nn.page.state import PageState

MOST_CONNECTIONS, MOST_CONNECTIONS_OF_CLIENT = 200, 100


class DrawServer:
    """Serves the page.

    Parameters
    ----------
    state : PageState
    idle_seconds : float or None
        After which to stop when nobody asks; None for never.
    """

    def __init__(self, state: PageState, idle_seconds: float | None = None):
        self.state, self.idle_seconds = state, idle_seconds

    async def serve(self, listening: socket.socket) -> None:
        """Serve until nobody has asked for `idle_seconds`."""
        application = Application(
            ROUTES,
            default_handler_class=NotFound,
            page=self.state,
            log_function=lambda handler: None,  # who drew what is nobody's business
        )
        server = LimitedServer(
            application,
            max_body_size=LARGEST_DRAWING,
            max_header_size=8192,
            idle_connection_timeout=30,
            body_timeout=60,
            chunk_size=16 * 1024,
        )
        server.add_socket(listening)
        self.state.used()
        while not self.idle_seconds or self._seconds_left() > 0:
            await asyncio.sleep(self._seconds_left() if self.idle_seconds else 3600)
        server.stop()
        await server.close_all_connections()

    def _seconds_left(self) -> float:
        return self.state.last_use + self.idle_seconds - time.monotonic()


class LimitedServer(HTTPServer):
    """Tornado's server, except that it closes connections beyond a number, in all and of a client.

    All that is sent on a connection, and each connection itself, needs memory.
    """

    def initialize(self, *arguments, **options) -> None:
        """Count no connections yet."""
        super().initialize(*arguments, **options)
        self._open: Counter[str] = Counter()

    def handle_stream(self, stream, address) -> None:
        """Serve a new connection, or close it."""
        client = address[0]
        if self._open.total() >= MOST_CONNECTIONS or self._open[client] >= (
            MOST_CONNECTIONS_OF_CLIENT
        ):
            stream.close()
            return
        self._open[client] += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn) -> None:
        """Count a connection that has ended."""
        self._open[server_conn.context.address[0]] -= 1
        self._open += Counter()
        super().on_close(server_conn)
