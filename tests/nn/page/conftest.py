"""A page that is served in this process, and visitors who ask it."""

import asyncio
import json
import socket
import threading
from http.client import HTTPConnection
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nn.cli.files import load_reader
from nn.images import DRAWING_SIDE
from nn.network import Network
from nn.page.class_digits import ClassDigits
from nn.page.models import Models
from nn.page.server import DrawServer
from nn.page.state import PageState
from nn.page.waiting import serve
from nn.saving.model_file import save_model


class Reply(NamedTuple):
    """What the server answered."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self) -> dict:
        """Return the body as JSON."""
        return json.loads(self.body)


class Visitor:
    """Somebody who asks the page; each request has a connection of its own."""

    def __init__(self, port: int):
        self.port = port

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Send a request, a POST if it has a body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if body:
                headers = {"Content-Type": "application/octet-stream", **headers}
            method = "GET" if body is None else "POST"
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def draw(self, ink: bytes | None = None, **headers: str) -> Reply:
        """Send a drawing, by default of a 7."""
        return self.ask("/drawing", seven() if ink is None else ink, **headers)


class Served:
    """A page in a thread; a context manager. `load` makes what is served."""

    def __init__(self, load):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.visitor = Visitor(self.listening.getsockname()[1])
        self.ended = threading.Event()
        self._load = load

    def __enter__(self) -> "Served":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        async def run():
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            await serve(self.listening, self._load)

        try:
            asyncio.run(run())
        except asyncio.CancelledError:
            pass
        finally:
            self.ended.set()

    def __exit__(self, *exception) -> None:
        if not self.ended.is_set():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(30)
        self.listening.close()


def seven() -> bytes:
    """Draw a 7, as the browser sends it."""
    picture = Image.new("L", (DRAWING_SIDE, DRAWING_SIDE))
    corners = [(30, 20), (80, 20), (45, 95)]
    ImageDraw.Draw(picture).line(corners, fill=255, width=10, joint="curve")
    return picture.tobytes()


@pytest.fixture
def models(tmp_path) -> Models:
    """The models of a folder with one, "first"."""
    folder = tmp_path / "models"
    folder.mkdir()
    save_model(Network(seed=1, hidden_nodes=5), folder / "first.npz")
    return Models([folder, tmp_path / "missing"], load_reader)


@pytest.fixture
def page(models, tmp_path) -> PageState:
    """A page that keeps digits while the file `switch` exists."""
    (tmp_path / "switch").touch()
    digits = ClassDigits(tmp_path / "class_digits.csv")
    return PageState(models, digits, (tmp_path / "switch").exists)


@pytest.fixture
def visitor(page):
    """Who visits that page, once it is loaded."""
    with Served(lambda: DrawServer(page)) as served:
        while served.visitor.ask("/state").status == 503:
            pass
        yield served.visitor


@pytest.fixture
def pixels() -> np.ndarray:
    """A digit's pixels, each different from the next."""
    return (np.arange(784) % 256).astype(np.uint8)
