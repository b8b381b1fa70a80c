"""Wait for a sweep, then become its worker: start_worker.py COMPUTER PORT [options of dask worker].

Between sweeps nothing listens, and Dask is not even imported: that takes a Pi Zero 20 s. During a
sweep, the worker listens at one address alone, the one by which this Pi reaches the computer.
"""

import os
import socket
import sys
import time

SECONDS_BETWEEN_LOOKS = 15


def main(computer: str, port: str, *options: str) -> None:
    """Wait, then run the worker in this process."""
    while not (found := look(computer, int(port))):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    there, here = found
    command = [sys.executable, "-P", "-m", "distributed.cli.dask_worker"]
    os.execv(
        sys.executable, [*command, f"tls://{bracketed(there)}:{port}", "--host", here, *options]
    )


def look(computer: str, port: int) -> tuple[str, str] | None:
    """Return the address of the computer and of this Pi, if a sweep answers there."""
    try:
        with socket.create_connection((computer, port), timeout=10) as connection:
            return connection.getpeername()[0], connection.getsockname()[0]
    except OSError:
        return None


def bracketed(address: str) -> str:
    """Return an address as URLs have it."""
    return f"[{address}]" if ":" in address else address


if __name__ == "__main__":
    main(*sys.argv[1:])
