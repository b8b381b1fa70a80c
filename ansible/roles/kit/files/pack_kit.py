"""Pack what a Pi needs of the kit into one archive, the same bytes for the same files.

    pack_kit.py PROJECT ARCHIVE

Of a git checkout only what git tracks is packed, with the content of the working tree: notebooks of
one's own are not the kit's. Where there is no git, as in an unpacked zip, it is every regular file
of the kit's folders. Links are not packed, nor what they point to.
"""

import gzip
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

PARTS = (
    "nn",
    "notebooks",
    "scripts/make_venv.sh",
    "mnist_dataset/README.md",
    "mnist_dataset/sample_train.csv",
    "mnist_dataset/sample_test.csv",
    "Makefile",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")
LEFT_OUT_SUFFIXES = (".pyc", ".packed", ".part")


def main(arguments: list[str]) -> None:
    """Write the archive unless it is there; say which."""
    if len(arguments) != 2:
        sys.exit(f"expected PROJECT ARCHIVE, got {arguments}")
    project, archive = Path(arguments[0]).resolve(), Path(arguments[1])
    try:
        content = _packed(project, _files(project))
        if archive.exists() and archive.read_bytes() == content:
            print("unchanged")
            return
        _write(archive, content)
    except OSError as error:
        sys.exit(f"the kit in {project} could not be packed: {error}")
    print("changed")


def _files(project: Path) -> list[str]:
    """List the kit's regular files by their names within the project."""
    is_checkout = (project / ".git").exists()  # a folder, or in a worktree a file
    names = _tracked(project) if is_checkout else _present(project)
    files = sorted(name for name in set(names) if _is_packed(project / name, name))
    if not files:
        sys.exit(f"expected the kit in {project}, found none of {', '.join(PARTS)}")
    return files


def _tracked(project: Path) -> list[str]:
    """Ask git for what it tracks, whoever owns the project; a hook's own GIT_DIR is not meant."""
    environment = {key: word for key, word in os.environ.items() if not key.startswith("GIT_")}
    # a project of somebody else's is safe to list, as long as it names no program to run
    settings = ["-c", f"safe.directory={project}", "-c", "core.fsmonitor=false"]
    command = ["git", *settings, "-C", str(project), "ls-files", "-z", "--", *PARTS]
    asked = subprocess.run(command, env=environment, capture_output=True)
    if asked.returncode != 0:
        said = asked.stderr.decode(errors="replace").strip()
        sys.exit(f"expected git to list what it tracks in {project}, but it said: {said}")
    return [os.fsdecode(name) for name in asked.stdout.split(b"\0") if name]


def _present(project: Path) -> Iterator[str]:
    for part in PARTS:
        path = project / part
        if path.is_dir() and not path.is_symlink():
            for place, _, names in os.walk(path):
                yield from ((Path(place) / name).relative_to(project).as_posix() for name in names)
        else:
            yield part


def _is_packed(path: Path, name: str) -> bool:
    is_cache = set(LEFT_OUT) & set(Path(name).parts) or path.suffix in LEFT_OUT_SUFFIXES
    return path.is_file() and not path.is_symlink() and not is_cache


def _packed(project: Path, files: list[str]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name in files:
            path = project / name
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _write(archive: Path, content: bytes) -> None:
    """Give the archive its name when all of it is on the disk."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    temporary = archive.with_name(archive.name + ".part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(archive)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
