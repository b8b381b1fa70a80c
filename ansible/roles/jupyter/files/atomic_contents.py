"""Save notebooks so that a pulled plug leaves the old one or the new, never half of one.

Jupyter itself writes over the old file, with a copy beside it for as long as that takes.
"""

import codecs
from contextlib import contextmanager
from pathlib import Path

from atomic import atomic_write  # the kit's nn/saving/atomic.py, installed beside this file
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class AtomicContentsManager(AsyncLargeFileManager):
    """Jupyter's own contents manager, except for how it writes a file."""

    @contextmanager
    def atomic_writing(self, os_path, text=True, encoding="utf-8", **_):
        """Open a file to write; it gets its name once all of it is on the disk."""
        path = Path(os_path).resolve()  # a link stays one: what it points to is written
        with self.perm_to_403(os_path), atomic_write(path) as file:
            yield codecs.getwriter(encoding)(file) if text else file
