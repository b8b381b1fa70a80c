"""Fetch MNIST's four IDX files, verified by the SHA-256 of their uncompressed content."""

import gzip
import hashlib
import logging
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from nn.atomic import atomic_write
from nn.errors import KitError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT_SECONDS = (5, 30)  # to connect, and between two pieces of the answer


@dataclass(frozen=True)
class RemoteFile:
    """A file on the mirrors: gzipped name, and size in bytes and SHA-256 once uncompressed."""

    name: str
    size: int
    sha256: str


FILES = (
    RemoteFile(
        "train-images-idx3-ubyte.gz",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    RemoteFile(
        "t10k-labels-idx1-ubyte.gz",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


class DownloadError(KitError, ConnectionError):
    """No mirror gave a file; the message says what each of them gave instead."""


def fetch(
    folder: Path,
    mirrors: Sequence[str] = MIRRORS,
    say: Callable[[str], None] = lambda message: None,
    force: bool = False,
) -> None:
    """Download what is not in `folder` yet; each file appears there whole and verified, or not.

    A fetch that was broken off starts the file it was at again and keeps those it had finished.

    Parameters
    ----------
    folder : Path
        Made when missing.
    mirrors : sequence of str
        Base addresses (http, https or file) or folders, tried in turn.
    say : callable
        Told in a line what happens to each file.
    force : bool
        Whether to replace whole files of other content under MNIST's names. A file that was cut
        off is always fetched again.

    Raises
    ------
    DownloadError
        When every mirror failed for a file, or its name is taken.
    OSError
        When the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        complaint = _complaint(folder / file.name, file)
        if complaint is None:
            say(f"{file.name}: already there, verified")
        elif complaint.startswith("expected") and not force:
            raise DownloadError(
                f"{folder / file.name} is there and is not MNIST's ({complaint}): it is left as it "
                "is. Move it away, or give --force to replace it"
            )
        else:
            say(f"{file.name}: fetched from {_fetch_one(folder, file, mirrors)}, verified")


def verify(folder: Path) -> None:
    """Hold the four files in a folder against their published checksums.

    Raises
    ------
    DownloadError
        When one is missing, damaged or of other content.
    """
    for file in FILES:
        if complaint := _complaint(folder / file.name, file):
            raise DownloadError(f"{folder / file.name}: {complaint}. Fetch it (make fetch)")


def _fetch_one(folder: Path, file: RemoteFile, mirrors: Sequence[str]) -> str:
    """Try the mirrors in turn; return the one that gave the file."""
    failures = []
    for mirror in mirrors:
        url = _base_url(mirror) + file.name
        with tempfile.TemporaryDirectory(prefix="pi-nn-fetch-") as workplace:
            failure = _retrieve(url, Path(workplace), file)
            if failure is None:
                _put_in_place(Path(workplace) / file.name, folder / file.name)
                return mirror
        failures.append(f"{url}: {failure}")
    raise DownloadError(
        f"could not fetch {file.name} ({'; '.join(failures)}). Try again with "
        "'make fetch', or 'data fetch --mirror' with an address or a folder that has the four files"
    )


def _retrieve(url: str, workplace: Path, file: RemoteFile) -> str | None:
    """Download and verify one file; return what went wrong, or None."""
    import pooch  # with requests: half a second to import, and only needed here
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    if url.startswith("file:"):
        downloader = _copy
    else:
        downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT_SECONDS)
    try:
        pooch.retrieve(url, None, fname=file.name, path=workplace, downloader=downloader)
    except requests.Timeout:
        return f"no answer within {TIMEOUT_SECONDS[1]} s"
    except requests.exceptions.ChunkedEncodingError:
        return "the connection broke off"
    except requests.ConnectionError:
        return "cannot connect"
    except (OSError, ValueError) as error:
        return _first_line(error)
    return _complaint(workplace / file.name, file)


def _put_in_place(verified: Path, final: Path) -> None:
    """Copy a verified file under its final name, whole or not at all."""
    with verified.open("rb") as source, atomic_write(final) as file:
        shutil.copyfileobj(source, file)


def _complaint(path: Path, file: RemoteFile) -> str | None:
    """Say why a file on disk is not the one expected, or None."""
    if not path.exists():
        return "no such file"
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(path) as content:
            while piece := content.read(1 << 18):
                digest.update(piece)
                size += len(piece)
                if size > file.size:
                    return f"expected {file.size:,} bytes uncompressed, came more"
    except (OSError, EOFError, zlib.error) as error:
        return f"not a whole gzip file ({_first_line(error)})"
    if size < file.size:
        return f"expected {file.size:,} bytes uncompressed, came {size:,}"
    if digest.hexdigest() != file.sha256:
        return f"expected SHA-256 {file.sha256}, came {digest.hexdigest()}"
    return None


def _copy(url: str, output_file, _pooch) -> None:
    """Serve a file address, by pooch's interface of a downloader."""
    shutil.copyfile(url2pathname(urlparse(url).path), output_file)


def _base_url(mirror: str) -> str:
    """Accept a plain folder as a mirror too, and end with a slash."""
    base = (
        mirror if "://" in mirror or mirror.startswith("file:") else Path(mirror).resolve().as_uri()
    )
    return base.rstrip("/") + "/"


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
