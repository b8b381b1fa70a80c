"""Open a file for reading as bytes, through gzip where its content says so."""

import gzip
import zlib
from pathlib import Path

from nn.data.errors import DatasetError

# MNIST's text unpacks to 8 times its size, and nothing of use to more than this; bombs to 1,000.
MOST_UNPACKED = 200
HARMLESS_BYTES = 64 * 1024 * 1024

_GZIP_MAGIC = b"\x1f\x8b"


class Stream:
    """A plain or gzipped file, read from start to end; what breaks names this very file.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    zipped : bool
        Whether the content begins as gzip does.

    Raises
    ------
    DatasetError
        When there is no such file, or it is a folder or a pipe.
    """

    def __init__(self, path: Path):
        self.path = path
        if not path.is_file():
            what = "is a folder or a pipe, no file" if path.exists() else "no such file"
            raise DatasetError(f"{path}: {what}. Give the path of a CSV or IDX file")
        self._raw = path.open("rb")
        self.zipped = self._raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        self._raw.seek(0)
        self._file = gzip.GzipFile(fileobj=self._raw) if self.zipped else self._raw
        self._most_bytes = max(HARMLESS_BYTES, MOST_UNPACKED * path.stat().st_size)
        self._unpacked = 0

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes of the uncompressed content; fewer only at its end.

        Raises
        ------
        DatasetError
            When the gzip data is cut off or damaged, or a bomb: made to unpack without an end.
        """
        try:
            content = self._file.read(size)
        except EOFError:
            raise DatasetError(
                f"{self.path} is a truncated gzip file: fetch (make fetch) or copy it again"
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DatasetError(
                f"{self.path} is a damaged gzip file ({error}): fetch (make fetch) or copy it again"
            ) from None

        self._unpacked += len(content)
        if self.zipped and self._unpacked > self._most_bytes:
            raise DatasetError(
                f"{self.path} unpacks to more than {MOST_UNPACKED} times its size: expected a file "
                "of digits, got what looks like a decompression bomb. Unpack it yourself (gunzip) "
                "if you trust it"
            )
        return content

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_exception) -> None:
        self._file.close()
        self._raw.close()
