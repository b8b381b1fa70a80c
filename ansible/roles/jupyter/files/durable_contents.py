"""Save notebooks so that a pulled plug leaves the old one or the new, never a half of it.

Jupyter itself writes over the old file, with a copy beside it for as long as that takes.
"""

import codecs
from contextlib import contextmanager
from pathlib import Path

from atomic import atomic_write  # the kit's nn/saving/atomic.py, which lies beside this file
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class DurableContentsManager(AsyncLargeFileManager):
    """Jupyter's own manager of files, but for how a file is written."""

    @contextmanager
    def atomic_writing(self, os_path, text=True, encoding="utf-8", **_):
        """Open a file to write; it has its name once all of it is on the disk."""
        path = Path(os_path).resolve()  # what a link points to is written, not the link
        with self.perm_to_403(os_path), atomic_write(path) as file:
            yield codecs.getwriter(encoding)(file) if text else file
