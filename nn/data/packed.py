"""Keep a parsed CSV file as packed bytes, so that its text is parsed only once.

A packed file has a header, then 785 bytes per row. The header has the CSV's size, modification
time and a hash of its first and last bytes, and a checksum of the rows, because cards fail. A
packed file that does not match is not used.
"""

import functools
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nn.data.streams import BLOCK_ROWS, FIELDS
from nn.saving.atomic import AtomicFile

SAMPLED_BYTES = 64 * 1024  # at the start of the CSV, and at its end

_HEADER = struct.Struct("<8sQqQI32s")  # magic, CSV size, CSV time (ns), rows, their CRC, CSV hash
_MAGIC = b"pinnrow2"


def fingerprint(csv_path: Path) -> tuple[int, int, bytes]:
    """Return a CSV's size, modification time in ns and hash of both ends, for its packed file."""
    with csv_path.open("rb") as file:
        status = os.fstat(file.fileno())
        digest = hashlib.blake2b(file.read(SAMPLED_BYTES), digest_size=32)
        file.seek(max(0, status.st_size - SAMPLED_BYTES))
        digest.update(file.read(SAMPLED_BYTES))
    return status.st_size, status.st_mtime_ns, digest.digest()


def packed_paths(csv_path: Path) -> list[Path]:
    """Return where the packed file may be: beside the CSV, else in the user's cache folder."""
    from platformdirs import user_cache_path  # here: the page to draw on runs without it

    name = f"{csv_path.name}.packed"
    paths = [csv_path.with_name(name)]
    try:
        cache = user_cache_path("pi-nn")
    except RuntimeError:  # a user without a home
        return paths
    if not cache.is_absolute():  # as Debian 12's platformdirs returns without a home
        return paths
    folder = hashlib.blake2b(os.fsencode(csv_path.resolve().parent), digest_size=8).hexdigest()
    return [*paths, cache / folder / name]


def find_packed(csv_path: Path) -> Path | None:
    """Find a complete packed file that matches the CSV as it is now, or return None."""
    expected = fingerprint(csv_path)
    for path in packed_paths(csv_path):
        try:
            with path.open("rb") as file:
                header = file.read(_HEADER.size)
                status = os.fstat(file.fileno())
            magic, size, changed_ns, rows, checksum, digest = _HEADER.unpack(header)
        except (OSError, struct.error):
            continue
        if (
            magic == _MAGIC
            and (size, changed_ns, digest) == expected
            and status.st_size == _HEADER.size + rows * FIELDS
            and checksum == _rows_checksum(path, status.st_ino, status.st_mtime_ns)
        ):
            return path
    return None


@functools.lru_cache(maxsize=8)
def _rows_checksum(path: Path, _inode: int, _changed_ns: int) -> int | None:
    """Return the checksum of a packed file's rows, computed once; None if it cannot be read."""
    checksum = 0
    try:
        with path.open("rb") as file:
            file.seek(_HEADER.size)
            while content := file.read(BLOCK_ROWS * FIELDS):
                checksum = zlib.crc32(content, checksum)
    except OSError:
        return None
    return checksum


def read_packed(path: Path, rows: int = BLOCK_ROWS) -> Iterator[np.ndarray]:
    """Read blocks, uint8 of shape (rows, 785), from a packed file that `find_packed` found."""
    with path.open("rb") as file:
        file.seek(_HEADER.size)
        while content := file.read(rows * FIELDS):
            yield np.frombuffer(content, np.uint8).reshape(-1, FIELDS)


def count_packed(path: Path) -> int:
    """Return how many rows a packed file that `find_packed` found has."""
    return (path.stat().st_size - _HEADER.size) // FIELDS


def packed_checksum(path: Path) -> str:
    """Return the CRC-32 of the rows in a packed file that `find_packed` found, in hexadecimal."""
    with path.open("rb") as file:
        return f"{_HEADER.unpack(file.read(_HEADER.size))[4]:08x}"


class Packer:
    """Writes a packed file while the rows of a CSV file are read.

    A packed file is optional: if it cannot be written (a full or read-only disk), or the reader
    stops half-way, none is left.

    Parameters
    ----------
    csv_path : Path
    """

    def __init__(self, csv_path: Path):
        self._made_of = fingerprint(csv_path)
        self._rows = self._checksum = 0
        self._file: AtomicFile | None = None
        for path in packed_paths(csv_path):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = AtomicFile(path)
                self._file.write(bytes(_HEADER.size))
                return
            except OSError:
                self.close()

    def add(self, block: np.ndarray) -> None:
        """Write rows, uint8 of shape (n, 785)."""
        self._rows += len(block)
        if self._file:
            self._checksum = zlib.crc32(block, self._checksum)
            try:
                self._file.write(block)
            except OSError:
                self.close()

    def finish(self) -> None:
        """Write the header, and give the file its name, after the last row."""
        size, changed_ns, digest = self._made_of
        tie = (size, changed_ns, self._rows, self._checksum, digest)
        if self._file:
            try:
                self._file.seek(0)
                self._file.write(_HEADER.pack(_MAGIC, *tie))
                self._file.commit()
                self._file = None
            except OSError:
                self.close()

    def close(self) -> None:
        """Remove the file if it is not finished."""
        if self._file:
            self._file.discard()
            self._file = None
