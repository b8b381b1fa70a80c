"""Keep a parsed CSV file as packed bytes, so that its text is parsed once.

A packed file is a header, then 785 bytes a row. The header ties it to its CSV by size, time of
change and a hash of head and tail, and holds a checksum of the rows: cards go bad. A packed file
that does not match is not used.
"""

import functools
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nn.data.csv_file import FIELDS
from nn.saving.atomic import AtomicFile

SAMPLED_BYTES = 64 * 1024  # of the CSV's head, and of its tail
BLOCK_ROWS = 256

_HEADER = struct.Struct("<8sQqQI32s")  # magic, CSV size, CSV time (ns), rows, their CRC, CSV hash
_MAGIC = b"pinnrow2"


@dataclass(frozen=True)
class Fingerprint:
    """What ties a packed file to its CSV: size in bytes, time of change in ns, hash."""

    size: int
    changed_ns: int
    digest: bytes


def fingerprint(csv_path: Path) -> Fingerprint:
    """Tell a CSV file's present state by size, time, and a hash of its two ends."""
    with csv_path.open("rb") as file:
        status = os.fstat(file.fileno())
        digest = hashlib.blake2b(file.read(SAMPLED_BYTES), digest_size=32)
        file.seek(max(0, status.st_size - SAMPLED_BYTES))
        digest.update(file.read(SAMPLED_BYTES))
    return Fingerprint(status.st_size, status.st_mtime_ns, digest.digest())


def packed_paths(csv_path: Path) -> list[Path]:
    """Return where the packed file may be: beside the CSV, else in the user's cache folder."""
    name = f"{csv_path.name}.packed"
    paths = [csv_path.with_name(name)]
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pi-nn"
    except RuntimeError:  # a user without a home
        return paths
    folder = hashlib.blake2b(os.fsencode(csv_path.resolve().parent), digest_size=8).hexdigest()
    return [*paths, cache / folder / name]


def find_packed(csv_path: Path, expected: Fingerprint) -> Path | None:
    """Find the packed file made of exactly this CSV, or None."""
    for path in packed_paths(csv_path):
        if _matches(path, expected):
            return path
    return None


def read_packed(path: Path) -> Iterator[np.ndarray]:
    """Read rows, uint8 of shape (n, 785), from a packed file that `find_packed` found."""
    with path.open("rb") as file:
        file.seek(_HEADER.size)
        while content := file.read(BLOCK_ROWS * FIELDS):
            yield np.frombuffer(content, np.uint8).reshape(-1, FIELDS)


def count_packed(path: Path) -> int:
    """Tell how many rows a packed file that `find_packed` found has."""
    return (path.stat().st_size - _HEADER.size) // FIELDS


def pack_while_reading(
    csv_path: Path, state: Fingerprint, blocks: Iterator[np.ndarray]
) -> Iterator[np.ndarray]:
    """Pass parsed blocks on, and leave them packed when the last has been read.

    A packed file is a convenience: where none can be written (a full or read-only disk), or the
    reader stops half-way, there is none, and the rows come all the same.
    """
    file = _create(csv_path)
    rows = checksum = 0
    try:
        for block in blocks:
            if file and not _write(file, block):
                file = None
            rows, checksum = rows + len(block), zlib.crc32(block, checksum)
            yield block
        if file:
            tie = (state.size, state.changed_ns, rows, checksum, state.digest)
            header = _HEADER.pack(_MAGIC, *tie)
            _finish(file, header)
            file = None
    finally:
        if file:
            file.discard()


def _matches(path: Path, expected: Fingerprint) -> bool:
    """Tell whether a packed file is whole and was made of the CSV in the expected state."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            status = os.fstat(file.fileno())
    except OSError:
        return False
    if len(header) < _HEADER.size:
        return False
    magic, csv_size, changed_ns, rows, checksum, digest = _HEADER.unpack(header)
    return (
        magic == _MAGIC
        and Fingerprint(csv_size, changed_ns, digest) == expected
        and status.st_size == _HEADER.size + rows * FIELDS
        and checksum == _rows_checksum(path, status.st_ino, status.st_mtime_ns)
    )


@functools.lru_cache(maxsize=8)
def _rows_checksum(path: Path, _inode: int, _changed_ns: int) -> int | None:
    """Sum up the rows of a packed file, once for each state of it; None when it cannot be read."""
    checksum = 0
    try:
        with path.open("rb") as file:
            file.seek(_HEADER.size)
            while content := file.read(BLOCK_ROWS * FIELDS):
                checksum = zlib.crc32(content, checksum)
    except OSError:
        return None
    return checksum


def _create(csv_path: Path) -> AtomicFile | None:
    """Start a packed file in the first folder that takes one, a header's room left free."""
    for path in packed_paths(csv_path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = AtomicFile(path)
        except OSError:
            continue
        if _write(file, bytes(_HEADER.size)):
            return file
    return None


def _write(file: AtomicFile, content) -> bool:
    """Write, or discard the file when the disk will not have it; tell which."""
    try:
        file.write(content)
    except OSError:
        file.discard()
        return False
    return True


def _finish(file: AtomicFile, header: bytes) -> None:
    try:
        file.seek(0)
        file.write(header)
        file.commit()
    except OSError:
        file.discard()
