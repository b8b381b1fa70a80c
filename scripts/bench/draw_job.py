"""Time the page's server on this processor: python -m scripts.bench.draw_job FOLDER.

Prints the processor seconds until it asks a visitor to wait, until it is awake, for the first
drawing, and for each later one, as JSON. The server is a process of its own; the kernel counts its
time.
"""

import json
import os
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

from nn.network import Network
from nn.presets import PRESETS
from nn.saving.model_file import save_model
from scripts.bench.drawers import draw_at_once

PORT, DRAWINGS = 8765, 100
URL = f"http://127.0.0.1:{PORT}"


def main() -> None:
    """Serve, ask, and print."""
    folder = Path(sys.argv[1], "models")
    folder.mkdir(exist_ok=True)
    save_model(Network(hidden_nodes=PRESETS["book"].hidden_nodes, seed=1), folder / "model.npz")
    visit(folder)  # compiles the modules, as the role does
    found = visit(folder)
    print(json.dumps(found))


def visit(folder: Path) -> dict[str, float]:
    """Start the server, draw, end it; return its processor seconds."""
    words = [sys.executable, "-m", "nn", "draw", "--port", str(PORT), "--models", str(folder)]
    server = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        waiting = awake = 0.0
        while not awake:
            status = state()
            waiting = waiting or (seconds_of(server.pid) if status else 0.0)
            awake = seconds_of(server.pid) if status == 200 else 0.0
            time.sleep(0.1)
        draw_at_once(URL, 1, 1)
        before = seconds_of(server.pid)
        first = before - awake
        draw_at_once(URL, 1, DRAWINGS)
        drawing = (seconds_of(server.pid) - before) / DRAWINGS
    finally:
        server.terminate()
        server.wait()
    return {"waiting": waiting, "awake": awake, "first": first, "drawing": drawing}


def state() -> int:
    """Return the status of the page; 0 when nobody answers."""
    connection = HTTPConnection("127.0.0.1", PORT, timeout=60)
    try:
        connection.request("GET", "/state")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def seconds_of(pid: int) -> float:
    """Return the processor seconds of a process, by the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
