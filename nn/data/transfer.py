"""Download a file, or the rest of one, from a server that may disconnect, stall or send bad data.

This uses requests, since pooch neither resumes nor gives up on a server that sends too slowly.
"""

import sys
import threading
from pathlib import Path
from typing import BinaryIO

from nn.errors import KitError, first_line

PATIENCE_SECONDS = 30.0
LEAST_BYTES = 8 * 1024  # in that time; a server that sends less has stalled
_CHUNK_BYTES = 4 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


class TransferError(KitError, ConnectionError):
    """A mirror did not deliver a file; the message says in a few words what it did instead."""


def transfer(url: str, partial: Path, largest: int) -> None:
    """Download the rest of a partial file, or all of it if the server cannot resume.

    Received bytes are kept for the next transfer, from this server or another. The caller verifies
    the complete file.

    Parameters
    ----------
    url : str
        An http or https URL.
    partial : Path
        Created if missing.
    largest : int
        Maximum size of the file in bytes.

    Raises
    ------
    TransferError
        When the server disconnects, stalls, sends too much or not gzip, or does not answer.
    OSError
        When the partial file cannot be written.
    """
    from tqdm import tqdm

    shown = sys.stderr is not None and sys.stderr.isatty()
    look = {"unit": "B", "unit_scale": True, "ncols": 79, "nrows": 24, "leave": False}
    bar = tqdm(desc=url.rpartition("/")[2], disable=not shown, **look)
    with bar, partial.open("ab") as file:
        request = _Request(url, file, largest, bar)
        request.start()
        while request.is_alive():
            before = request.arrived
            request.join(PATIENCE_SECONDS)
            got = request.arrived - before
            if request.is_alive() and got < LEAST_BYTES:
                what = f"got {got:,} bytes" if request.answered else "no answer"
                raise TransferError(f"{what} within {PATIENCE_SECONDS:g} s")
    if request.failure:
        raise request.failure


class _Request(threading.Thread):
    """A request in a separate thread, which appends received bytes to a file until it is closed.

    It needs a thread because the timeout of requests limits each pause, but neither the lookup of
    the server's name nor the total time of a server that sends a byte now and then.
    """

    def __init__(self, url: str, file: BinaryIO, largest: int, bar):
        super().__init__(daemon=True)
        self.url, self.file, self.largest, self.bar = url, file, largest, bar
        self.size = file.tell()  # of the file, in bytes
        self.whole: int | None = None  # its size when complete, if the server says so
        self.arrived = 0
        self.answered = False
        self.failure: Exception | None = None

    def run(self) -> None:
        """Write what the server sends to the file, and record a failure."""
        import requests  # takes seconds on a Pi Zero
        from urllib3.exceptions import HTTPError

        headers = {"Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
        try:
            with requests.get(
                self.url, headers=headers, stream=True, timeout=PATIENCE_SECONDS
            ) as response:
                self.answered = True
                self._receive(response)
        except requests.Timeout:
            self.failure = TransferError(f"no answer within {PATIENCE_SECONDS:g} s")
        except requests.TooManyRedirects:
            self.failure = TransferError("redirects endlessly")
        except requests.exceptions.SSLError:
            self.failure = TransferError("no secure connection: is this computer's clock right?")
        except requests.ConnectionError:
            self.failure = TransferError("cannot connect")
        except (HTTPError, EOFError):
            got = f"{self.size:,} of {self.whole:,}" if self.whole else f"{self.size:,}"
            self.failure = TransferError(f"the connection was lost after {got} bytes")
        except requests.RequestException as error:
            self.failure = TransferError(first_line(error))
        except OSError as error:  # a TransferError, or an error of the disk
            self.failure = error
        except Exception as error:  # requests raises nearly anything on nonsense
            self.failure = TransferError(first_line(error))

    def _receive(self, response) -> None:
        """Append the body to the file; restart the file if the server cannot resume."""
        if response.status_code == 416:
            self._restart()  # the server's file ends before ours
        if not response.ok:
            raise TransferError(f"answers {response.status_code} {response.reason}".rstrip())
        begin, whole = 0, response.headers.get("Content-Length", "")
        if response.status_code == 206:
            begin = self.size
            span, _, whole = response.headers.get("Content-Range", "").partition("/")
            if not span.startswith(f"bytes {begin}-"):
                raise TransferError("sends a different part of the file than requested")
        if whole.isdecimal():
            self.whole = int(whole)
            self.bar.total = self.whole - begin
        for piece in response.raw.stream(_CHUNK_BYTES, decode_content=False):
            if begin == self.arrived == 0:
                if piece.lstrip().startswith(b"<"):
                    raise TransferError("sends a web page: does this network require a login?")
                if not _GZIP_MAGIC.startswith(piece[:2]):
                    raise TransferError(
                        f"does not send a gzip file: it begins {piece[:8].hex(' ')}"
                    )
                self._restart()
            self.file.write(piece)
            self.file.flush()  # so that it survives if the process is killed
            self.arrived += len(piece)
            self.size += len(piece)
            if self.size > self.largest:
                self._restart()
                raise TransferError(f"sends more than {self.largest:,} bytes")
            self.bar.update(len(piece))
        if self.whole and self.size < self.whole:
            raise EOFError

    def _restart(self) -> None:
        if self.size:
            self.file.truncate(0)
            self.size = 0
