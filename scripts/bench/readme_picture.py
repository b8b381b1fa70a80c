"""Draw a digit in notebook 05, in a real browser, and take a screenshot of pad and answer.

    python -m scripts.bench.readme_picture

It trains preset `book`, serves the notebook to this computer only, draws with the mouse, and writes
docs/pictures/drawing-pad.png. It needs MNIST, Chromium, and the extras `notebooks` and `provision`.
"""

import base64
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from math import cos, radians, sin
from pathlib import Path

import requests
from PIL import Image, ImageOps

from nn.data.sources import find_source
from scripts.bench.browser import Browser

PROJECT = Path(__file__).resolve().parents[2]
PICTURES = PROJECT / "docs" / "pictures"
NOTEBOOK = "05_your_own_handwriting.ipynb"
COPIED = ("nn", "notebooks")
SECONDS_TO_START = 60
DIGIT = 5
# As a hand draws it: from the top left down into the bow, then the top bar; from the pad's middle.
TURNS = [radians(degrees) for degrees in range(-130, 151, 10)]
BOW = [(round(-8 + 58 * cos(turn)), round(34 + 56 * sin(turn))) for turn in TURNS]
STROKES = [
    [(-34, -84), (-37, -58), (-41, -34), *BOW],
    [(-34, -84), (-8, -87), (18, -90), (44, -94)],
]
MARGIN, SCALE, COLOURS = 12, 2, 64
# Scroll pad and answer into view, and return the box around both.
BOX = """
const parts = ['.pi-nn-pad', '.pi-nn-answer'].map((each) => document.querySelector(each));
parts[0].scrollIntoView({block: 'center'});
const boxes = parts.map((each) => each.getBoundingClientRect());
const left = Math.min(...boxes.map((each) => each.left));
const top = Math.min(...boxes.map((each) => each.top));
const right = Math.max(...boxes.map((each) => each.right));
const bottom = Math.max(...boxes.map((each) => each.bottom));
return [left, top, right - left, bottom - top];
"""


class Photographer(Browser):
    """A browser that takes a screenshot of a part of its page."""

    def photograph(self, box: list[float]) -> Image.Image:
        """Return a part of the window (left, top, width, height) on a white margin."""
        clip = dict(zip(("x", "y", "width", "height"), box, strict=True), scale=SCALE)
        answer = self._driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip})
        picture = Image.open(BytesIO(base64.b64decode(answer["data"]))).convert("RGB")
        return ImageOps.expand(picture, border=MARGIN * SCALE, fill="white")

    def place_of_pad_and_answer(self) -> list[float]:
        """Return left, top, width and height of both together, in pixels of the window."""
        return self._driver.execute_script(BOX)


def main() -> None:
    """Train, draw, and write the picture."""
    source = find_source(environ=os.environ, say=print)
    if not source.is_mnist:
        sys.exit("readme_picture: needs MNIST: set MNIST_DIR, or run 'make fetch'")
    with tempfile.TemporaryDirectory() as folder:
        kit = Path(folder)
        for name in COPIED:  # the page saves its notebook, outputs and all
            shutil.copytree(PROJECT / name, kit / name)
        environment = {
            **os.environ,
            "PYTHONPATH": str(kit),
            "MNIST_DIR": str(source.train.parent.resolve()),
        }
        train = [sys.executable, "-m", "nn", "train", "--preset", "book"]
        subprocess.run(train, cwd=kit, env=environment, check=True)
        with _jupyter(kit, environment) as (url, password), Photographer(url) as browser:
            picture = _drawn(browser, password)
    target = PICTURES / "drawing-pad.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target}: {picture.width}×{picture.height}, {target.stat().st_size:,} bytes")


@contextlib.contextmanager
def _jupyter(kit: Path, environment: dict) -> Iterator[tuple[str, str]]:
    """Serve the notebooks to this computer only; yield URL and password."""
    from jupyter_server.auth import passwd

    password = secrets.token_urlsafe()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        *("-m", "notebook", "--no-browser", "--allow-root", f"--port={port}"),
        f"--PasswordIdentityProvider.hashed_password={passwd(password)}",
        f"--ServerApp.root_dir={kit / 'notebooks'}",
    ]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(command, cwd=kit / "notebooks", env=environment)
    try:
        _wait_for(url, server)
        yield url, password
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            requests.get(f"{url}/login", timeout=5)
            return
        time.sleep(0.5)
    sys.exit(f"readme_picture: Jupyter did not answer at {url}: see its output above")


def _drawn(browser: Photographer, password: str) -> Image.Image:
    """Draw the digit on the pad, wait for the right answer, and return the picture of both."""
    browser.log_in(password)
    browser.open_notebook(NOTEBOOK)
    browser.run_all()
    browser.walk()  # brings each cell onto the page
    browser.draw(browser.find(".pi-nn-pad-canvas"), STROKES)
    browser.find_text(".pi-nn-answer", f"The network reads {DIGIT}")
    picture = browser.photograph(browser.place_of_pad_and_answer())
    browser.end_kernels()
    return picture


if __name__ == "__main__":
    main()
