"""Open a file for reading as bytes, through gzip where its content says so."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nn.data.errors import DatasetError

_GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def open_stream(path: Path) -> Iterator[BinaryIO]:
    """Open a plain or gzipped file; what breaks while it is read is told by the file's name.

    Parameters
    ----------
    path : Path

    Yields
    ------
    file : binary file
        Of the uncompressed content.

    Raises
    ------
    DatasetError
        When there is no such file, or its gzip data is cut off or damaged.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            raw.seek(0)
            if not zipped:
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as file:
                yield file
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file. Give the path of a CSV or IDX file") from None
    except EOFError:
        raise DatasetError(f"{path} is a truncated gzip file: fetch or copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{path} is a damaged gzip file ({error}): fetch it again") from None
