"""Open a file for reading as bytes, and unpack it if its content is gzip."""

import ctypes
import errno
import functools
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nn.errors import KitError, first_line
from nn.kit import command
from nn.signals import PIXELS

FIELDS = 1 + PIXELS  # in a row: a label, then pixels
BLOCK_ROWS = 256  # that readers yield at a time by default

# MNIST's text unpacks to 8 times its size, nothing useful to more than this, bombs to 1,000 times.
MOST_UNPACKED = 200
HARMLESS_BYTES = 64 * 1024 * 1024

IMAGES_MAGIC, LABELS_MAGIC = b"\0\0\x08\x03", b"\0\0\x08\x01"  # of IDX files
_GZIP_MAGIC = b"\x1f\x8b"

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h
_KEEP_BYTES = 16 * 1024 * 1024
_LARGEST_KEPT_BYTES = 4 * 1024 * 1024


class DatasetError(KitError, ValueError):
    """A data file is missing, damaged or not of the expected form."""


def how_to_fetch() -> str:
    """Return the advice to fetch MNIST's files again, for the end of an error."""
    return f"fetch ({command('data fetch')})"


class Stream:
    """A plain or gzipped file, read from start to end; errors name the file.

    Parameters
    ----------
    path : Path
    end : int, optional
        Byte of the file at which to stop, as if it ended there.

    Attributes
    ----------
    zipped : bool
        Whether the content begins like gzip.

    Raises
    ------
    DatasetError
        When the file does not exist, or is a folder or a pipe.
    """

    def __init__(self, path: Path, end: int | None = None):
        keep_freed_memory()
        self.path, self._end = path, end
        if not path.is_file():
            what = "is a folder or a pipe, not a file" if path.exists() else "no such file"
            raise DatasetError(f"{path}: {what}. Give the path of a CSV or IDX file")
        self._raw = path.open("rb")
        self.zipped = self._raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        self._raw.seek(0)
        self._file = gzip.GzipFile(fileobj=self._raw) if self.zipped else self._raw
        self._most_bytes = max(HARMLESS_BYTES, MOST_UNPACKED * path.stat().st_size)
        self._unpacked = 0
        self._rest = b""  # what `read_lines` has read beyond the last complete line

    def size(self) -> int:
        """Return the size of the content in bytes, as gzip notes it: modulo 4 GB."""
        if not self.zipped:
            return self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(-4, os.SEEK_END)
            return int.from_bytes(file.read(), "little")

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes of the uncompressed content; fewer only at its end.

        Raises
        ------
        DatasetError
            When the gzip data is truncated, damaged, or a decompression bomb.
        """
        if self._end is not None:
            size = min(size, self._end - self._raw.tell())
        try:
            content = self._file.read(size)
        except EOFError:
            raise DatasetError(
                f"{self.path} is a truncated gzip file: {how_to_fetch()} or copy it again"
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DatasetError(
                f"{self.path} is a damaged gzip file ({error}): {how_to_fetch()} or copy it again"
            ) from None

        self._unpacked += len(content)
        if self.zipped and self._unpacked > self._most_bytes:
            raise DatasetError(
                f"{self.path} unpacks to more than {MOST_UNPACKED} times its size: expected a file "
                "of digits, got what looks like a decompression bomb. Unpack it yourself (gunzip) "
                "if you trust it"
            )
        return content

    def read_lines(self, size: int, longest: int) -> bytes:
        r"""Read about `size` bytes of complete lines, each ending with ``\n``; nothing at the end.

        A line longer than `longest` bytes is returned as far as it was read.
        """
        while len(self._rest) <= longest and (piece := self.read(size)):
            end = piece.rfind(b"\n") + 1
            if end:
                lines = b"".join([self._rest, memoryview(piece)[:end]])
                self._rest = piece[end:]
                break
            self._rest += piece
        else:
            lines, self._rest = self._rest + b"\n" * bool(self._rest), b""
        return lines.replace(b"\r\n", b"\n") if b"\r" in lines else lines

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_exception) -> None:
        self._file.close()
        self._raw.close()


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn what libraries raise on damaged archives and arrays, which is nearly anything, to ours.

    Raises
    ------
    DatasetError
        The message names the path.
    """
    try:
        yield
    except (KitError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # of the disk; "invalid argument" is a place that is not in the file
        raise DatasetError(f"{path} is damaged ({first_line(error)}): copy it again") from None


@functools.cache
def keep_freed_memory() -> None:
    """Stop the C library from returning memory to the kernel between batches.

    numpy allocates the same arrays again for each block and batch. glibc returns 128 KB or more to
    the kernel at once, and every page of the next array is then faulted in and zeroed, which took
    two thirds of the time to parse a CSV file. After this call, freed arrays of up to 4 MB, 16 MB
    in total, are reused. Other C libraries are not changed.
    """
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # as on Windows, whose programs have no such library
        return
    mallopt = getattr(library, "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
