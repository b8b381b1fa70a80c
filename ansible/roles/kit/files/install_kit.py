"""Unpack the kit on the Pi. What the student made or changed stays theirs.

    install_kit.py ARCHIVE FOLDER

What was shipped last stands in FOLDER/.shipped.json, each file with its SHA-256. A file that is no
longer as it was shipped has been changed:

- In notebooks/ it stays as it is. The kit's newer one is put beside it as NAME.new.ipynb, or, when
  the student works in that as well, as NAME.new-2.ipynb and so on. It is recorded, too, and makes
  room for the next one as long as nobody changes it.
- Anywhere else it makes room for the kit's, and is kept as NAME.mine-1.py.

A folder under the name of a file is left as it is. So is all of FOLDER when it is the project
itself, a clone or an unpacked zip: its files are not the kit's to update or to remove.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

MANIFEST = ".shipped.json"
TEMPORARY = ".pi-nn.part"


@dataclass(frozen=True)
class KitFile:
    """A file of the kit: its name within the folder, what is in it, its permissions."""

    name: str
    content: bytes
    mode: int

    @property
    def digest(self) -> str:
        """The SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


class Installation:
    """The kit going into a folder: what was shipped last, what is now, what was done and not."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.shipped = read_manifest(folder / MANIFEST)
        self.now: dict[str, str] = {}
        self.done: list[str] = []
        self.left: list[str] = []
        self.failed: list[str] = []

    def install(self, files: list[KitFile]) -> None:
        """Write what is new, remove what the kit has no more; a failure does not stop the rest."""
        for file in files:
            with self._go_on(file.name):
                self._place(file)
                self.now[file.name] = file.digest
        for name in sorted(self.shipped.keys() - self.now.keys()):
            with self._go_on(name):
                self._remove(name)
        if self.now != self.shipped:
            with self._go_on(MANIFEST):
                write(self.folder / MANIFEST, json.dumps(self.now, indent=1).encode(), 0o644)

    @contextlib.contextmanager
    def _go_on(self, name: str) -> Iterator[None]:
        """Note a failure; what was recorded of the file still holds."""
        try:
            yield
        except OSError as error:
            self.failed.append(f"{name}: {error}")
            self.now.update(self._records(name))

    def _records(self, name: str) -> dict[str, str]:
        """Return what was shipped last of a file and of the newer ones beside it."""
        path = PurePosixPath(name)
        stem, suffix = re.escape(str(path.with_suffix(""))), re.escape(path.suffix)
        ours = re.compile(rf"{stem}(\.new(-\d+)?)?{suffix}")
        return {each: digest for each, digest in self.shipped.items() if ours.fullmatch(each)}

    def _place(self, file: KitFile) -> None:
        """Put a file where it belongs, unless it is there."""
        path = self.folder / file.name
        present = digest_of(path)
        if present == file.digest:
            return
        if present in (None, self.shipped.get(file.name)):
            self._write(path, file)
        elif path.is_dir():
            self.left.append(f"{file.name} is a folder: left as it is")
        elif file.name.startswith("notebooks/"):
            self._place_beside(path, file)
        else:
            self._write(path, file, aside=free_name(path))

    def _place_beside(self, path: Path, file: KitFile) -> None:
        """Put the kit's version beside the student's, once; a later one takes its place."""
        if self.shipped.get(file.name) == file.digest:
            self.now.update(self._records(file.name))
            return
        for beside in names_beside(path):
            name = beside.relative_to(self.folder).as_posix()
            present = digest_of(beside)
            if present in (None, file.digest, self.shipped.get(name)):
                if present != file.digest:
                    self._write(beside, file)
                self.now[name] = file.digest
                return

    def _write(self, path: Path, file: KitFile, aside: Path | None = None) -> None:
        write(path, file.content, file.mode, aside)
        self.done.append(path.relative_to(self.folder).as_posix())

    def _remove(self, name: str) -> None:
        """Remove a file that is not the kit's any more, unless somebody changed it."""
        path = self.folder / name
        if not path.is_symlink() and digest_of(path) == self.shipped[name]:
            path.unlink()
            self.done.append(f"removed {name}")


def main(arguments: list[str]) -> int:
    """Say what was written, or 'unchanged'; name what was left; 1 when something failed."""
    if len(arguments) != 2:
        sys.exit(f"expected ARCHIVE FOLDER, got {arguments}")
    archive, folder = map(Path, arguments)
    if project := what_project(folder):
        print(f"{folder} is {project}\nunchanged")
        return 0
    installation = Installation(folder)
    installation.install(read_archive(archive))
    print("\n".join(installation.left + (installation.done or ["unchanged"])))
    for each in installation.failed:
        print(f"could not be installed: {each}", file=sys.stderr)
    return 1 if installation.failed else 0


def what_project(folder: Path) -> str | None:
    """Tell whether a folder is the project that the kit is packed from."""
    if os.path.lexists(folder / ".git"):
        return "a clone of the kit's repository: left as it is; git pull updates it"
    if os.path.lexists(folder / "ansible" / "playbooks"):  # never packed
        return "the kit's whole project: left as it is; a newer zip updates it"
    return None


def read_manifest(path: Path) -> dict[str, str]:
    """Read what was shipped last; of a broken manifest nothing, so that all counts as changed."""
    with contextlib.suppress(OSError, ValueError):
        manifest = json.loads(path.read_text())
        if isinstance(manifest, dict):
            return {name: digest for name, digest in manifest.items() if is_inside(name)}
    return {}


def read_archive(path: Path) -> list[KitFile]:
    """Read all of the kit before anything is written."""
    try:
        with tarfile.open(path) as tar:
            return [
                KitFile(entry.name, tar.extractfile(entry).read(), entry.mode & 0o777)
                for entry in tar
                if entry.isfile() and is_inside(entry.name)
            ]
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        sys.exit(f"expected the packed kit in {path}: {error}. Nothing was changed")


def is_inside(name: str) -> bool:
    """Tell whether a name stays within the folder."""
    return not name.startswith("/") and ".." not in PurePosixPath(name).parts


def digest_of(path: Path) -> str | None:
    """Return a file's SHA-256; None where nothing is, and '' for a folder or a broken link."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if os.path.lexists(path) else None


def names_beside(path: Path) -> Iterator[Path]:
    """Name the places for the kit's version of a notebook that the student changed."""
    yield path.with_name(f"{path.stem}.new{path.suffix}")
    for number in count(2):
        yield path.with_name(f"{path.stem}.new-{number}{path.suffix}")


def free_name(path: Path) -> Path:
    """Find a name for a changed file that nothing has."""
    names = (path.with_name(f"{path.stem}.mine-{number}{path.suffix}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def write(path: Path, content: bytes, mode: int, aside: Path | None = None) -> None:
    """Write a file so that its name never holds a half of it; what had the name goes aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(TEMPORARY)
    try:
        temporary.unlink(missing_ok=True)  # of a run that was killed
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        if aside:
            path.rename(aside)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
