"""Fetch MNIST's four IDX files, verified by the SHA-256 of their uncompressed content."""

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from nn.data.partial_file import PartialFile
from nn.data.transfer import TransferError, transfer
from nn.errors import KitError, first_line
from nn.saving.atomic import atomic_write

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MOST_RESUMES = 20  # at one mirror, as long as each brings some more
_GZIP_BYTES = 64 * 1024  # that a gzip file of what cannot be packed is larger


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

    A fetch that was broken off keeps the files it had finished, and goes on in the middle of the
    next where the server can do that.

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
            with suppress(OSError):  # left by a fetch that was killed as it ended
                _partial_path(folder, file).unlink(missing_ok=True)
            say(f"{file.name}: already there, verified")
        elif complaint.startswith("expected") and not force:
            raise DownloadError(
                f"{folder / file.name} is there and is not MNIST's ({complaint}): it is left as it "
                "is. Move it away, or give --force to replace it"
            )
        else:
            say(f"{file.name}: fetched from {_fetch_one(folder, file, mirrors, say)}, verified")


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


def _fetch_one(folder: Path, file: RemoteFile, mirrors: Sequence[str], say) -> str:
    """Try the mirrors in turn; return the one that gave the file."""
    failures = []
    partial = PartialFile(_partial_path(folder, file), file.size + _GZIP_BYTES)
    try:
        if _complaint(folder / file.name, file) is None:
            partial.remove()
            return "another process"
        for mirror in mirrors:
            url = _base_url(mirror) + file.name
            failure = _bring(url, partial, file)
            if failure is None:
                _put_in_place(partial.path, folder / file.name)
                partial.remove()
                return mirror
            failures.append(f"{url}: {failure}")
            if len(failures) < len(mirrors):
                say(f"{failures[-1]}. Trying the next mirror")
        if partial.size == 0:
            partial.remove()
    except OSError as error:
        partial.remove()  # a full disk shall be no fuller for what was fetched in vain
        error.filename = error.filename or str(folder / file.name)
        raise
    finally:
        partial.close()
    raise DownloadError(
        f"could not fetch {file.name} ({'; '.join(failures)}). Try again with "
        "'make fetch', or 'data fetch --mirror' with an address or a folder that has the four files"
    )


def _partial_path(folder: Path, file: RemoteFile) -> Path:
    return folder / f".{file.name}.partial"


def _bring(url: str, partial: PartialFile, file: RemoteFile) -> str | None:
    """Bring one file from one mirror and verify it; return what went wrong, or None."""
    for _ in range(MOST_RESUMES):
        before = partial.size
        failure = _copied(url, partial) if url.startswith("file:") else _transferred(url, partial)
        if failure is None:
            failure = _complaint(partial.path, file)
            if failure is None:
                return None
            partial.restart()
            if before == 0:
                return failure  # all of it came from here
        elif 0 < partial.size <= before or before == partial.size == 0:
            return failure  # else some more has come, or what had was no good
    return failure


def _transferred(url: str, partial: PartialFile) -> str | None:
    try:
        transfer(url, partial)
    except TransferError as error:
        return str(error)
    return None


def _copied(url: str, partial: PartialFile) -> str | None:
    """Copy what a file address names; return what went wrong, or None."""
    partial.restart()
    path = Path(url2pathname(urlparse(url).path))
    try:
        with path.open("rb") as source:
            content = source.read(partial.largest + 1)
    except OSError as error:
        return first_line(error)
    partial.append(content)
    return None


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
                    return f"expected {file.size:,} bytes uncompressed, got more"
    except (OSError, EOFError, zlib.error) as error:
        return f"not a whole gzip file ({first_line(error)})"
    if size < file.size:
        return f"expected {file.size:,} bytes uncompressed, got {size:,}"
    if digest.hexdigest() != file.sha256:
        return f"expected SHA-256 {file.sha256}, got {digest.hexdigest()}"
    return None


def _base_url(mirror: str) -> str:
    """Accept a plain folder as a mirror too, and end with a slash."""
    base = (
        mirror if "://" in mirror or mirror.startswith("file:") else Path(mirror).resolve().as_uri()
    )
    return base.rstrip("/") + "/"
