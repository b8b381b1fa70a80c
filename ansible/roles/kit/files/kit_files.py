"""Install the kit in a user's folder, uninstall it, and keep the user's own files.

    kit_files.py bundle PROGRAM               write this program and what it imports into one file
    kit_files.py pack PROJECT ARCHIVE         pack the files of the kit that a Pi needs
    kit_files.py install ARCHIVE FOLDER       unpack the kit; files that the user changed are kept
    kit_files.py uninstall FOLDER             remove the kit; the user's files are kept
    kit_files.py backup HOME FOLDER ARCHIVE   pack the user's own files
    kit_files.py restore HOME FOLDER ARCHIVE  restore them; files that they replace are kept
    kit_files.py hand-out FILE FOLDER PLACE   copy a teacher's file there; the user's are kept

The first two run on the controller. The others run on the Pi as the user, from the bundle, with
only Python's standard library. FOLDER/.shipped.json lists the files that the kit shipped, each with
its SHA-256, to distinguish the kit's files from the user's; FOLDER/.handed-out.json those of the
teacher.

A command with nothing to do prints "unchanged". A file that fails is named on stderr and does not
stop the others; the exit code is then 1, or 3 for a backup that lacks some files.
"""

import errno
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from gzip import GzipFile
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from nn.page import fetching
from nn.saving import atomic
from nn.saving.atomic import AtomicFile, atomic_write, remove_leftovers

PARTS = (
    "nn",
    "notebooks",
    "scripts/make_venv.sh",
    "scripts/known_variables.awk",
    "mnist_dataset/README.md",
    "mnist_dataset/sample_train.csv.gz",
    "mnist_dataset/sample_test.csv.gz",
    "mnist_dataset/sample_train_100.csv",
    "mnist_dataset/sample_test_10.csv",
    "Makefile",
    "pyproject.toml",
    "ansible/roles/kit/files/README.md",
    "LICENSE",
)
# The project's own README is about the computer that sets up Pis.
NAMES_ON_A_PI = {"ansible/roles/kit/files/README.md": "README.md"}
MANIFEST = ".shipped.json"
HANDED_OUT = ".handed-out.json"
PACKED_KIT = ".kit.tar.gz"
# in the kit's folder, but not backed up: records, downloads, and git's folder
NOT_BACKED_UP = (
    MANIFEST,
    PACKED_KIT,
    ".git",
    ".cache",
    "ansible/backups",
    "mnist_dataset/train-images-idx3-ubyte.gz",
    "mnist_dataset/train-labels-idx1-ubyte.gz",
    "mnist_dataset/t10k-images-idx3-ubyte.gz",
    "mnist_dataset/t10k-labels-idx1-ubyte.gz",
)
SOME_WERE_SKIPPED = 3
BROKEN_ARCHIVE = (OSError, EOFError, tarfile.TarError, zlib.error)
IN_MEMORY = 8 * 1024 * 1024  # bytes of a file; a larger one is copied by way of the card
LONGEST_STEM = 200  # bytes of a name, which leave room for an addition


def main(arguments: list[str]) -> int:
    """Run a command; return its exit code."""
    command, *paths = arguments or [""]
    if command not in COMMANDS:
        sys.exit(f"expected one of {', '.join(COMMANDS)}, got {arguments}")
    function, names = COMMANDS[command]
    if len(paths) != len(names.split()):
        sys.exit(f"expected {command} {names}, got {arguments}")
    try:
        return function(*map(Path, paths))
    except OSError as error:
        sys.exit(f"{command} failed: {error}")


# --- on the controller


def bundle(program: Path) -> int:
    """Write a single-file program that needs only Python."""
    sources = {
        "__main__.py": Path(__file__).read_bytes(),
        "nn/__init__.py": b"",
        "nn/page/__init__.py": b"",
        "nn/page/fetching.py": Path(fetching.__file__).read_bytes(),
        "nn/saving/__init__.py": b"",
        "nn/saving/atomic.py": Path(atomic.__file__).read_bytes(),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundled:
        for name, source in sources.items():
            bundled.writestr(zipfile.ZipInfo(name), source)  # without a date: always the same bytes
    return write_if_new(program, buffer.getvalue())


def pack(project: Path, archive: Path) -> int:
    """Pack the files of the kit that a Pi needs: the same files give the same bytes.

    In a git checkout these are the files that git tracks, as they are in the working tree: your own
    notebooks are not packed. Without git, as in an unpacked zip, it is every file of the kit's
    folders. Links are not packed, nor what they point to.
    """
    project = project.resolve()
    is_checkout = (project / ".git").exists()  # a folder, or in a worktree a file
    names = set(tracked(project) if is_checkout else present(project))
    files = [
        project / name
        for name in sorted(names)
        if not is_cache(name) and (project / name).is_file() and not (project / name).is_symlink()
    ]
    if not files:
        sys.exit(f"expected the kit in {project}, found none of {', '.join(PARTS)}")
    buffer = io.BytesIO()
    with (
        GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for path in files:
            content = path.read_bytes()
            name = path.relative_to(project).as_posix()
            entry = tarfile.TarInfo(NAMES_ON_A_PI.get(name, name))
            entry.size = len(content)
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return write_if_new(archive, buffer.getvalue())


def tracked(project: Path) -> list[str]:
    """List the files that git tracks, whoever owns the project; ignore the GIT_DIR of a hook."""
    environment = {key: word for key, word in os.environ.items() if not key.startswith("GIT_")}
    # listing another user's project is safe as long as it cannot name a program to run
    settings = ["-c", f"safe.directory={project}", "-c", "core.fsmonitor=false"]
    command = ["git", *settings, "-C", str(project), "ls-files", "-z", "--", *PARTS]
    asked = subprocess.run(command, env=environment, capture_output=True)
    if asked.returncode != 0:
        said = asked.stderr.decode(errors="replace").strip()
        sys.exit(f"expected git to list what it tracks in {project}, but it said: {said}")
    return [os.fsdecode(name) for name in asked.stdout.split(b"\0") if name]


def present(project: Path) -> Iterator[str]:
    """List the files of the kit's folders."""
    unreadable: list[str] = []
    for part in PARTS:
        path = project / part
        is_folder = path.is_dir() and not path.is_symlink()
        for file in walk(path, unreadable) if is_folder else [path]:
            yield file.relative_to(project).as_posix()
    if unreadable:
        sys.exit(f"expected to read all of the kit, could not read {'; '.join(unreadable)}")


def write_if_new(path: Path, content: bytes) -> int:
    """Write a file unless it exists with that content."""
    if path.exists() and path.read_bytes() == content:
        print("unchanged")
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(content)
    print("changed")
    return 0


# --- installing


class KitFile(NamedTuple):
    """A file of the kit: its name in the folder, its content, its permissions."""

    name: str
    content: bytes
    mode: int

    @property
    def digest(self) -> str:
        """The SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


def install(archive: Path, folder: Path) -> int:
    """Unpack the kit; print what was written, what was left as it is, and what failed."""
    if project := what_project(folder):
        print(f"{folder} is {project}\nunchanged")
        return 0
    try:
        with tarfile.open(archive) as tar:  # all of it, before anything is written
            files = [
                KitFile(entry.name, tar.extractfile(entry).read(), entry.mode & 0o777)
                for entry in tar
                if entry.isfile() and is_inside(entry.name)
            ]
    except BROKEN_ARCHIVE as error:
        sys.exit(f"expected the packed kit in {archive}: {error}. Nothing was changed")
    installation = Installation(folder)
    installation.install(files)
    remarks = installation.left + installation.beside
    print("\n".join(remarks + (installation.done or ["unchanged"])))
    return report("could not be installed", installation.failed)


class Installation:
    """One run of `install`: what was shipped before, what is shipped now, what was done or failed.

    A file that is no longer as it was shipped was changed by the user:

    - In notebooks/ it stays. The kit's newer one is put beside it as NAME.new.ipynb or, if the user
      works in that as well, as NAME.new-2.ipynb and so on. It is recorded, too: a later one
      replaces it as long as nobody changes it.
    - Elsewhere the kit's replaces it, and it is kept as NAME.mine-1.py.

    A folder that has the name of a file is left as it is.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.shipped: dict[str, str] = {}
        with suppress(OSError, ValueError):  # with a broken list, every file counts as changed
            self.shipped = read_manifest(folder)
        self.now: dict[str, str] = {}
        self.done: list[str] = []
        self.left: list[str] = []
        self.beside: list[str] = []
        self.failed: list[str] = []

    def install(self, files: list[KitFile]) -> None:
        """Write what is new and remove what the kit no longer has."""
        for file in files:
            with self._go_on(file.name):
                self._place(file)
                self.now[file.name] = file.digest
        for name in sorted(self.shipped.keys() - self.now.keys()):
            with self._go_on(name):
                path = self.folder / name
                if is_as_shipped(path, self.shipped[name]):
                    remove([path, *caches_of(path)], self.folder)
                    self.done.append(f"removed {name}")
        if self.now != self.shipped:
            with self._go_on(MANIFEST), atomic_write(self.folder / MANIFEST, mode=0o644) as file:
                file.write(json.dumps(self.now, indent=1).encode())

    @contextmanager
    def _go_on(self, name: str) -> Iterator[None]:
        """Record a failure, and keep the file's old record."""
        try:
            yield
        except OSError as error:
            self.failed.append(f"{name}: {error}")
            self.now.update(self._records(name))

    def _records(self, name: str) -> dict[str, str]:
        """Return the old records of a file and of the newer versions beside it."""
        path = PurePosixPath(name)
        stem, suffix = re.escape(str(path.with_suffix(""))), re.escape(path.suffix)
        ours = re.compile(rf"{stem}(\.new(-\d+)?)?{suffix}")
        return {each: digest for each, digest in self.shipped.items() if ours.fullmatch(each)}

    def _place(self, file: KitFile) -> None:
        """Write a file to its place, unless it is there."""
        path = self.folder / file.name
        there = digest_of(path)
        if there == file.digest:
            return
        if there in (None, self.shipped.get(file.name)):
            self._write(path, file)
        elif path.is_dir():
            self.left.append(f"{file.name} is a folder: left as it is")
        elif file.name.startswith("notebooks/"):
            self._place_beside(path, file)
        else:
            self._write(path, file, backup=free_name(path, "mine"))

    def _place_beside(self, path: Path, file: KitFile) -> None:
        """Put the kit's version beside the user's; a later version replaces it."""
        if self.shipped.get(file.name) == file.digest:
            self.now.update(self._records(file.name))
            return
        for beside in newer_names(path):
            name, there = beside.relative_to(self.folder).as_posix(), digest_of(beside)
            if there in (None, file.digest, self.shipped.get(name)):
                if there != file.digest:
                    self._write(beside, file)
                    self.beside.append(f"{file.name} is changed: the new version is {name}")
                self.now[name] = file.digest
                return

    def _write(self, path: Path, file: KitFile, backup: Path | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, mode=file.mode, backup=backup) as out:
            out.write(file.content)
        self.done.append(path.relative_to(self.folder).as_posix())


def hand_out(source: Path, folder: Path, place: Path) -> int:
    """Copy a teacher's file into the kit's folder; print its name there.

    It replaces what was handed out under that name, unless the user has changed that or has a file
    of their own there: then it is put beside it, as NAME.new.ipynb, NAME.new-2.ipynb and so on. A
    second run does nothing, even if the user has changed the file since the first.
    """
    if not is_inside(str(place)):
        sys.exit(f"expected a place in {folder}, got {place}")
    handed_out: dict[str, str] = {}
    with suppress(OSError, ValueError):  # with a broken list, every file counts as the user's
        handed_out = read_manifest(folder, HANDED_OUT)
    digest = digest_of(source)
    for path in chain([folder / place], newer_names(folder / place)):
        name, there = path.relative_to(folder).as_posix(), digest_of(path)
        before = handed_out.get(name)
        if there is not None and digest in (there, before):
            print(f"unchanged {name}")
            return 0
        if there in (None, before) and not path.is_symlink():
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as file, atomic_write(path, mode=0o644) as out:
        copy(file, out)
    with atomic_write(folder / HANDED_OUT, mode=0o644) as file:
        file.write(json.dumps({**handed_out, name: digest}, indent=1).encode())
    print(name)
    return 0


# --- uninstalling


def uninstall(folder: Path) -> int:
    """Remove the files that are unchanged since they were shipped, their caches, and empty folders.

    The list of what was shipped goes last: the next run retries what could not be removed.
    """
    if project := what_project(folder):
        print(f"{folder} is {project}\nunchanged")
        return 0
    if not os.path.lexists(folder / MANIFEST):
        print("unchanged")
        return 0
    try:
        shipped = read_manifest(folder)
    except (OSError, ValueError) as error:
        sys.exit(
            f"{folder / MANIFEST} cannot be read: {error}. Without it, the kit cannot tell which "
            "files are its own: nothing was removed. Run 'make provision', which rewrites it, "
            "then uninstall again"
        )
    failed: list[str] = []
    for name, digest in [*shipped.items(), (PACKED_KIT, None), (HANDED_OUT, None)]:
        path = folder / name
        try:
            remove_leftovers(path)
            if is_as_shipped(path, digest):
                remove([path], folder)
            remove(caches_of(path), folder)
        except OSError as error:
            failed.append(str(error))
    if not failed:
        (folder / MANIFEST).unlink()
        with suppress(OSError):  # it holds something
            folder.rmdir()
        print("removed; the remaining files are the user's")
    return report("could not be removed", failed)


def remove(paths: list[Path], folder: Path) -> None:
    """Remove files, and the folders that become empty."""
    for path in paths:
        path.unlink()
        for parent in path.parents:
            if folder in parent.parents:
                with suppress(OSError):  # it holds something
                    parent.rmdir()


def caches_of(path: Path) -> list[Path]:
    """List the caches that Python and the kit made from a shipped file."""
    found = [path.with_name(f"{path.name}.packed")]
    if path.suffix == ".py" and not (path.parent / "__pycache__").is_symlink():
        found += path.parent.glob("__pycache__/*.pyc")  # also of modules that earlier kits had
    return [each for each in found if each.is_file() and not each.is_symlink()]


# --- the user's own files


def backup(home: Path, folder: Path, archive: Path) -> int:
    """Pack the user's own files: those added or changed in the kit's folder, and ~/.jupyter.

    With them are the class's digits, if this Pi offers the page to draw on.

    Left out is what can be downloaded or made again: MNIST, caches, virtual environments, a clone's
    .git. A link is packed as the file that it points to, if that is in the home. Without files to
    pack no archive is written.
    """
    if home not in folder.parents:
        sys.exit(f"expected the kit's folder in {home}, got {folder}")
    archive.unlink(missing_ok=True)
    skipped: list[str] = []
    try:  # the page keeps them where the user cannot read
        fetching.fetch_class_digits(folder / "mnist_dataset" / fetching.NAME)
    except OSError as error:
        skipped.append(f"the class's digits of the page to draw on: {error}")
    files = [path for path in own_files(home, folder, skipped) if can_pack(path, home, skipped)]
    packed = write_backup(archive, home, files, skipped) if files else 0
    if os.path.lexists(folder / ".git"):
        print(f"{folder}/.git is not backed up: push its commits to keep them safe")
    print(f"packed {packed} files" if packed else "nothing to back up")
    return SOME_WERE_SKIPPED if report("skipped", skipped) else 0


def own_files(home: Path, folder: Path, skipped: list[str]) -> Iterator[Path]:
    """Find the user's own files: neither unchanged since shipping nor made from others."""
    shipped = {}
    if not what_project(folder):
        with suppress(OSError, ValueError):  # with a broken list, every file counts as the user's
            shipped = {folder / name: digest for name, digest in read_manifest(folder).items()}
    left_out = [folder / name for name in NOT_BACKED_UP] + [home / ".jupyter/migrated"]
    for place in (folder, home / ".jupyter"):
        for path in walk(place, skipped, left_out) if os.path.lexists(place) else ():
            with suppress(OSError):  # one that cannot be read is skipped, and named, later
                if path in shipped and is_as_shipped(path, shipped[path]):
                    continue
            yield path


def can_pack(path: Path, home: Path, skipped: list[str]) -> bool:
    """Return whether a path leads to a file that can be packed; otherwise record why not."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            reason = "not a file"
        elif not path.is_symlink() or path.resolve().is_relative_to(home.resolve()):
            return True
        else:
            reason = f"a link out of {home}, to {path.resolve()}"
    except OSError as error:
        reason = error.strerror
    skipped.append(f"{path}: {reason}")
    return False


def write_backup(archive: Path, home: Path, files: list[Path], skipped: list[str]) -> int:
    """Write an archive that only the user can read; return the number of files in it."""
    sizes = [path.stat().st_size for path in files]
    needed, free = sum(sizes) + max(sizes), shutil.disk_usage(archive.parent).free
    if free < needed:
        sys.exit(
            f"expected {needed / 1e6:.1f} MB free in {archive.parent} to pack the files, got "
            f"{free / 1e6:.1f} MB. Remove files you do not need"
        )
    file = AtomicFile(archive, mode=0o600)
    try:
        with tarfile.open(fileobj=file.file, mode="w:gz") as tar:
            packed = sum(add(tar, path, home, skipped) for path in files)
        if packed:
            file.commit()
    finally:
        file.discard()
    return packed


def add(tar: tarfile.TarFile, path: Path, home: Path, skipped: list[str]) -> bool:
    """Add a file's content; an error while it is read leaves the archive intact."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=home) as whole:
        try:
            with path.open("rb") as file:
                copy(file, whole)
                status = os.fstat(file.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            skipped.append(f"{path}: {error.strerror}")
            return False
        entry = tarfile.TarInfo(path.relative_to(home).as_posix())
        entry.size, entry.mode = whole.tell(), status.st_mode & 0o777
        entry.mtime = int(status.st_mtime)
        whole.seek(0)
        tar.addfile(entry, whole)
        return True


def restore(home: Path, folder: Path, archive: Path) -> int:
    """Restore what `backup` packs; print the names.

    Another pupil may have made the archive: it must not change how this one logs in.
    """
    if home not in folder.parents:
        sys.exit(f"expected the kit's folder in {home}, got {folder}")
    places = (folder, home / ".jupyter")
    written: list[str] = []
    failed: list[str] = []
    try:
        with tarfile.open(archive) as tar:
            for entry in tar:
                if not is_inside(entry.name):
                    failed.append(f"{entry.name}: outside of {home}")
                elif not entry.isdir() and not any(map((home / entry.name).is_relative_to, places)):
                    failed.append(f"{entry.name}: neither in {folder.name} nor in .jupyter")
                elif entry.isfile() or entry.islnk():  # a hard link is the file that it names
                    try:
                        if put_back(tar.extractfile(entry), home / entry.name, entry.mode & 0o777):
                            written.append(entry.name)
                    except (OSError, KeyError) as error:  # KeyError: a link to what is not there
                        failed.append(f"{entry.name}: {error}")
    except BROKEN_ARCHIVE as error:
        failed.append(f"{archive}, which is not a complete backup: {error}")
    print("\n".join(written) or "unchanged")
    return report("could not be put back", failed)


def put_back(content: IO[bytes], target: Path, mode: int) -> bool:
    """Write a file unless it is there; keep a file that it replaces as NAME.before-restore-1."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder has that name", str(target))
    if target.name in (MANIFEST, HANDED_OUT) and target.exists():  # it describes what is there
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    file = AtomicFile(target, mode=mode, backup=free_name(target, "before-restore"))
    try:
        changed = copy(content, file.file) != digest_of(target)
        if changed:
            file.commit()
    finally:
        file.discard()
    return changed


# --- shared


def what_project(folder: Path) -> str | None:
    """Return whether a folder is the project itself, whose files must not be touched."""
    if os.path.lexists(folder / ".git"):
        return "a clone of the kit's repository: left as it is; git pull updates it"
    if os.path.lexists(folder / "ansible" / "playbooks"):  # never packed
        return "the kit's whole project: left as it is; a newer zip updates it"
    return None


def read_manifest(folder: Path, name: str = MANIFEST) -> dict[str, str]:
    """Read the list of shipped files, or another; a broken list raises ValueError."""
    manifest = json.loads((folder / name).read_text())
    if not isinstance(manifest, dict) or not all(map(is_inside, manifest)):
        raise ValueError("expected a list of files in its folder")
    return manifest


def is_inside(name: str) -> bool:
    """Return whether a name stays within its folder."""
    return not name.startswith("/") and ".." not in PurePosixPath(name).parts


def is_cache(name: str) -> bool:
    """Return whether a file is made from another, or is one of `nn`'s temporary files."""
    path = PurePosixPath(name)
    if {"__pycache__", ".ipynb_checkpoints"} & {*path.parts} or path.suffix in (".packed", ".pyc"):
        return True
    return path.name.startswith(".") and path.suffix == ".part"


def is_as_shipped(path: Path, digest: str | None) -> bool:
    """Return whether a file is unchanged since it was shipped; without a digest any file is."""
    is_ours = path.is_file() and not path.is_symlink()
    return is_ours and (digest is None or digest_of(path) == digest)


def digest_of(path: Path) -> str | None:
    """Return a file's SHA-256; None if nothing is there, "" for a folder or a broken link."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return "" if os.path.lexists(path) else None


def copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy a file to its end; return its SHA-256."""
    digest = hashlib.sha256()
    while chunk := source.read(2**20):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def walk(folder: Path, unreadable: list[str], left_out: Iterable[Path] = ()) -> Iterator[Path]:
    """Yield all files except caches and virtual environments; record what is unreadable."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        unreadable.append(f"{folder}: {error.strerror}")
        return
    if any(entry.name == "pyvenv.cfg" for entry in entries):  # a virtual environment
        return
    for entry in entries:
        path = folder / entry.name
        if path in left_out or is_cache(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walk(path, unreadable, left_out)
        else:
            yield path


def free_name(path: Path, word: str) -> Path:
    """Find an unused name beside a file, such as NAME.mine-1.py."""
    stem = os.fsencode(path.stem)[:LONGEST_STEM].decode(errors="ignore")
    names = (path.with_name(f"{stem}.{word}-{number}{path.suffix}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def newer_names(path: Path) -> Iterator[Path]:
    """Yield names for a newer version beside a file: NAME.new.ipynb, NAME.new-2.ipynb and so on."""
    for number in count(1):
        word = f"new-{number}" if number > 1 else "new"
        yield path.with_name(f"{path.stem}.{word}{path.suffix}")


def report(what: str, failed: list[str]) -> int:
    """Print what failed; return the exit code."""
    for each in failed:
        print(f"{what}: {each}", file=sys.stderr)
    return 1 if failed else 0


COMMANDS = {
    "bundle": (bundle, "PROGRAM"),
    "pack": (pack, "PROJECT ARCHIVE"),
    "install": (install, "ARCHIVE FOLDER"),
    "uninstall": (uninstall, "FOLDER"),
    "backup": (backup, "HOME FOLDER ARCHIVE"),
    "restore": (restore, "HOME FOLDER ARCHIVE"),
    "hand-out": (hand_out, "FILE FOLDER PLACE"),
}

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
