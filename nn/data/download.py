"""Fetch MNIST's four IDX files, verified by the SHA-256 of their uncompressed content."""

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlparse
from urllib.request import url2pathname

from nn.data.streams import how_to_fetch
from nn.data.transfer import TransferError, transfer
from nn.errors import KitError, first_line
from nn.kit import command
from nn.saving.atomic import alone_with, atomic_write, remove_leftovers

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MOST_RESUMES = 20  # at one mirror
_GZIP_BYTES = 64 * 1024  # the most that gzip adds to content that it cannot compress


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
    """A file could not be fetched; the message says what was wrong with each mirror."""


def fetch(
    folder: Path,
    mirrors: Sequence[str] = MIRRORS,
    say: Callable[[str], None] = lambda message: None,
    force: bool = False,
) -> None:
    """Download the files missing in `folder`; each appears complete and verified, or not at all.

    An interrupted fetch keeps the part it has; the next one resumes there if the mirror allows it.

    Parameters
    ----------
    folder : Path
        Created if missing.
    mirrors : sequence of str
        Base addresses (http, https or file) or folders, tried in turn.
    say : callable
        Called with one line about each file.
    force : bool
        Whether to replace complete files with MNIST's names but other content. A truncated file is
        always fetched again.

    Raises
    ------
    DownloadError
        When all mirrors failed for a file, or its name is taken by another file.
    OSError
        When the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        path, partial = folder / file.name, folder / f".{file.name}.partial"
        complaint = _complaint(path, file)
        if complaint is None:
            with suppress(OSError):  # left by a fetch that was killed at its very end
                partial.unlink(missing_ok=True)
            remove_leftovers(path)
            say(f"{file.name}: already there, verified")
        elif complaint.startswith("expected") and not force:
            raise DownloadError(
                f"{path} exists and is not MNIST's ({complaint}). Move it away, or give --force "
                "to replace it"
            )
        else:
            how = _fetch_one(path, partial, file, mirrors, say)
            say(f"{file.name}: fetched {how}, verified")


def verify(folder: Path) -> None:
    """Check the four files in a folder against their published checksums.

    Raises
    ------
    DownloadError
        When one is missing, damaged or has other content.
    """
    for file in FILES:
        if complaint := _complaint(folder / file.name, file):
            raise DownloadError(f"{folder / file.name}: {complaint}: {how_to_fetch()}")


def _fetch_one(path: Path, partial: Path, file: RemoteFile, mirrors: Sequence[str], say) -> str:
    """Try the mirrors in turn; return how the file was fetched."""
    failures = []
    try:
        with alone_with(path, wait=True):
            if _complaint(path, file) is None:
                return "by another process"
            for mirror in mirrors:
                is_address = "://" in mirror or mirror.startswith("file:")
                base = mirror if is_address else Path(mirror).resolve().as_uri()
                url = f"{base.rstrip('/')}/{file.name}"
                try:
                    with _open_at(url, partial, file) as source, atomic_write(path) as target:
                        shutil.copyfileobj(source, target)
                except TransferError as error:
                    failures.append(f"{url}: {error}")
                    if len(failures) < len(mirrors):
                        say(f"{failures[-1]}. Trying the next mirror")
                else:
                    partial.unlink(missing_ok=True)
                    return f"from {mirror}"
            if _size(partial) == 0:
                partial.unlink(missing_ok=True)
    except OSError as error:
        with suppress(OSError):  # free the space on a full disk
            partial.unlink(missing_ok=True)
        error.filename = str(path)  # the user does not know the partial file
        raise
    raise DownloadError(
        f"could not fetch {file.name} ({'; '.join(failures)}). Try again, or give an address or a "
        f"folder that has the four files: {command('data fetch --mirror FOLDER')}"
    )


def _open_at(url: str, partial: Path, file: RemoteFile) -> BinaryIO:
    """Open a mirror's file after verifying it; download it into `partial` if it is on a server."""
    if url.startswith("file:"):
        path = Path(url2pathname(urlparse(url).path))
        if complaint := _complaint(path, file):
            raise TransferError(complaint)
        return path.open("rb")
    for _ in range(MOST_RESUMES):
        before = _size(partial)
        try:
            transfer(url, partial, file.size + _GZIP_BYTES)
            failure = _complaint(partial, file)
        except TransferError as error:
            failure = str(error)
        else:
            if failure is None:
                return partial.open("rb")
            partial.unlink()
        if _size(partial) == before:
            break  # no progress; otherwise try to resume
    raise TransferError(failure)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _complaint(path: Path, file: RemoteFile) -> str | None:
    """Say why a file on disk is not the expected one; return None if it is."""
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(path) as content:
            while size <= file.size and (piece := content.read(1 << 18)):
                digest.update(piece)
                size += len(piece)
    except FileNotFoundError:
        return "no such file"
    except (OSError, EOFError, zlib.error) as error:
        return f"not a complete gzip file ({first_line(error)})"
    if size != file.size:
        got = f"{size:,}" if size < file.size else "more"
        return f"expected {file.size:,} bytes uncompressed, got {got}"
    if digest.hexdigest() != file.sha256:
        return f"expected SHA-256 {file.sha256}, got {digest.hexdigest()}"
    return None
