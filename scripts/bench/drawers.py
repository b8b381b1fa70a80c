"""Thirty who draw at once: python -m scripts.bench.drawers URL CLIENTS ROUNDS; prints JSON.

Each has a connection of its own and draws again as soon as it is answered. What is refused because
the page is busy is asked again, as the page's script does.
"""

import json
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np
from PIL import Image, ImageDraw

from nn.images import DRAWING_SIDE

TYPE = {"Content-Type": "application/octet-stream"}


def drawing(number: int) -> bytes:
    """Draw two strokes that no other number has."""
    picture = Image.new("L", (DRAWING_SIDE, DRAWING_SIDE))
    points = np.random.default_rng(number).integers(12, 100, (4, 2))
    ImageDraw.Draw(picture).line(list(map(tuple, points.tolist())), fill=255, width=10)
    return picture.tobytes()


def draw_at_once(url: str, clients: int, rounds: int, sources: Sequence[str] = ("",)) -> dict:
    """Let all of them draw; return the seconds of each answer, and how many tries were refused.

    `sources` are the addresses of this computer that they have, in turn.
    """
    seconds, refused, lost = [], [], []
    start = threading.Barrier(clients)

    def draw(client: int) -> None:
        source = sources[client % len(sources)], 0
        connection = HTTPConnection(urlsplit(url).netloc, timeout=120, source_address=source)
        start.wait()
        for round_ in range(rounds):
            begun = time.monotonic()
            while True:
                try:
                    connection.request("POST", "/drawing", drawing(1000 * client + round_), TYPE)
                    reply = connection.getresponse()
                    body = reply.read()
                except OSError as error:
                    lost.append(str(error))
                    connection.close()
                    break
                if reply.status == 200:
                    seconds.append(time.monotonic() - begun)
                    break
                if reply.status != 503:
                    lost.append(body.decode())
                    break
                refused.append(client)
                time.sleep(0.5)
        connection.close()

    threads = [threading.Thread(target=draw, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "answers": len(seconds),
        "lost": lost,
        "refused": len(refused),
        "median_s": float(np.median(seconds)),
        "p95_s": float(np.quantile(seconds, 0.95)),
    }


if __name__ == "__main__":
    print(json.dumps(draw_at_once(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
