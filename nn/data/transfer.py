"""Bring one file over HTTP from a server that may break off, stall, or send something else.

What has come is kept in a partial file, and the next transfer, from this server or another, asks
for the rest. Whether the parts make a whole is for the caller to verify.
"""

import re
import sys
import threading
import time

from nn.data.partial_file import PartialFile
from nn.errors import KitError, first_line

PATIENCE_SECONDS = 30.0
LEAST_BYTES = 8 * 1024  # in that time: a server that sends less has stalled
_CHUNK_BYTES = 4 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


class TransferError(KitError, ConnectionError):
    """A server did not give the file; the message says in a few words what it did instead."""


def transfer(url: str, partial: PartialFile) -> None:
    """Bring a file, or the rest of one, into a partial file.

    Parameters
    ----------
    url : str
        Http or https.
    partial : PartialFile

    Raises
    ------
    TransferError
        When the server breaks off, stalls, sends too much or no gzip file, or does not answer.
    OSError
        When what comes cannot be written.
    """
    answer = _Answer(partial)
    worker = threading.Thread(target=_download, args=(url, answer), daemon=True)
    worker.start()
    try:
        _wait(worker, answer)
    finally:
        answer.give_up()
    if answer.failure:
        raise answer.failure
    if answer.expected is not None and answer.size < answer.expected:
        raise TransferError(answer.broken_off())


class _Answer:
    """A server's answer on its way into a partial file: the file that pooch writes to.

    It is filled in the thread that downloads; once whoever waits for it has given up, the partial
    file is no longer touched.
    """

    def __init__(self, partial: PartialFile):
        self.partial = partial
        self.begin = self.size = partial.size
        self.expected: int | None = None  # size of the whole file, as the server says
        self.failure: Exception | None = None
        self.arrived = 0
        self.disk_failure: OSError | None = None
        self._response = None
        self._lock = threading.Lock()
        self._given_up = False

    @property
    def begun(self) -> bool:
        """Tell whether the server has answered at all."""
        return self._response is not None

    def on_response(self, response, *_arguments, **_options) -> None:
        """Note how the server answers; the last one counts, after all redirections."""
        self._response = response
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if response.status_code != 206:
            self._expect(response.headers.get("Content-Length", ""))
        elif not part or int(part[1]) != self.begin:
            raise TransferError("sends another part of the file than it was asked for")
        else:
            self._expect(part[2])

    def _expect(self, size: str) -> None:
        self.expected = int(size) if re.fullmatch(r"\d{1,18}", size) else None

    def write(self, content: bytes) -> None:
        """Keep a piece of the file."""
        with self._lock:
            if self._given_up:
                raise TransferError("given up")
            starts_anew = self.arrived == 0 and self._response.status_code != 206
            if starts_anew and not content.startswith(_GZIP_MAGIC):
                raise TransferError(_no_gzip(content))
            self.arrived += len(content)
            try:
                self._keep(content, starts_anew)
            except OSError as error:
                self.disk_failure = error
                raise
            if self.size > self.partial.largest:
                self.partial.restart()
                raise TransferError(f"sends more than {self.partial.largest:,} bytes")

    def _keep(self, content: bytes, starts_anew: bool) -> None:
        if starts_anew:
            self.partial.restart()
            self.size = 0
        self.partial.append(content)
        self.size += len(content)

    def flush(self) -> None:
        """Do nothing: pieces are flushed as they come."""

    def refused(self, response) -> str:
        """Say what the server answered in place of the file."""
        with self._lock:
            if response.status_code == 416 and not self._given_up:
                self.partial.restart()  # what is here is no beginning of what is there
        return f"answers {response.status_code} {response.reason}".rstrip()

    def broken_off(self) -> str:
        """Say how much had come."""
        whole = "" if self.expected is None else f" of {self.expected:,}"
        return f"the connection broke off after {self.size:,}{whole} bytes"

    def hang_up(self) -> None:
        """End the connection: pooch leaves that to the garbage collector."""
        if self._response is not None:
            self._response.close()

    def give_up(self) -> None:
        """Let nothing more be written."""
        with self._lock:
            self._given_up = True


def _wait(worker: threading.Thread, answer: _Answer) -> None:
    """Wait for a download, as long as enough of it comes."""
    arrived = 0
    while worker.is_alive():
        deadline = time.monotonic() + PATIENCE_SECONDS
        while worker.is_alive() and time.monotonic() < deadline:
            worker.join(min(1.0, PATIENCE_SECONDS / 10))
        if worker.is_alive() and answer.arrived - arrived < LEAST_BYTES:
            came = f"{answer.arrived - arrived:,} bytes came" if answer.begun else "no answer"
            raise TransferError(f"{came} within {PATIENCE_SECONDS:g} s")
        arrived = answer.arrived


def _download(url: str, answer: _Answer) -> None:
    """Download in a thread of its own; leave what went wrong in the answer."""
    import pooch  # with requests: half a second to import, and only needed here
    import requests

    headers = {"Accept-Encoding": "identity"}  # or the gzip file would come unpacked
    if answer.begin:
        headers["Range"] = f"bytes={answer.begin}-"
    bring = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=_CHUNK_BYTES,
        timeout=PATIENCE_SECONDS,
        headers=headers,
        hooks={"response": answer.on_response},
    )
    try:
        bring(url, answer, None)
    except requests.Timeout:
        answer.failure = TransferError(f"no answer within {PATIENCE_SECONDS:g} s")
    except requests.TooManyRedirects:
        answer.failure = TransferError("sends from one address to the next without an end")
    except requests.HTTPError as error:
        answer.failure = TransferError(answer.refused(error.response))
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        answer.failure = TransferError(answer.broken_off() if answer.begun else "cannot connect")
    except TransferError as error:
        answer.failure = error
    except Exception as error:  # requests and what is below it raise nearly anything on nonsense
        answer.failure = answer.disk_failure or TransferError(first_line(error))
    finally:
        answer.hang_up()


def _no_gzip(content: bytes) -> str:
    if content.lstrip()[:1] == b"<":
        return "sends a web page, no gzip file: does this network want a login first?"
    return f"sends no gzip file, but something that begins {content[:8].hex(' ')}"
