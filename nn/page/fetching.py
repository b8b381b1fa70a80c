"""Copy the class's digits from the page on this computer; only Python's library is needed."""

import time
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path

from nn.saving.atomic import atomic_write

SOCKET_UNIT = Path("/etc/systemd/system/pi-nn-draw.socket")
NAME = "class_digits.csv"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # not by http_proxy
PATIENCE = 90  # seconds until the page must be awake
_PORT = "ListenStream="


def fetch_class_digits(target: Path, unit: Path = SOCKET_UNIT) -> bool:
    """Copy the class's digits from this computer's page into a file.

    Parameters
    ----------
    target : Path
        A file of other content that it replaces is kept beside it, as NAME.mine-1.csv.
    unit : Path
        What says at which port the page listens; without it, this computer has no page.

    Returns
    -------
    changed : bool

    Raises
    ------
    OSError
        When the page does not answer, or the file cannot be written.
    """
    lines = unit.read_text().splitlines() if unit.exists() else []
    port = next((line.removeprefix(_PORT) for line in lines if line.startswith(_PORT)), None)
    content = _ask(f"http://localhost:{port}/{NAME}") if port else None
    before = target.read_bytes() if target.exists() else None
    if content is None or content == before:
        return False
    backup = None
    if before is not None and not content.startswith(before):
        names = (target.with_name(f"{target.stem}.mine-{number}.csv") for number in count(1))
        backup = next(name for name in names if not name.exists())
    target.parent.mkdir(exist_ok=True)
    with atomic_write(target, backup=backup) as file:
        file.write(content)
    return True


def _ask(url: str) -> bytes | None:
    """Return the file, None if there is none yet; ask again while the page wakes up."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with _DIRECT.open(url, timeout=PATIENCE) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            if error.code != 503 or time.monotonic() > deadline:
                raise
        time.sleep(1)
