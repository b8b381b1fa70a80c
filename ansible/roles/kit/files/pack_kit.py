"""Pack what a Pi needs of the kit into one archive, the same bytes for the same files.

pack_kit.py PROJECT ARCHIVE
"""

import gzip
import io
import sys
import tarfile
from pathlib import Path

PARTS = (
    "nn",
    "notebooks",
    "scripts",
    "mnist_dataset/README.md",
    "mnist_dataset/sample_train.csv",
    "mnist_dataset/sample_test.csv",
    "Makefile",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")


def main(project: Path, archive: Path) -> None:
    """Write the archive unless it is there; say which."""
    content = _packed(project)
    if archive.exists() and archive.read_bytes() == content:
        print("unchanged")
        return
    archive.parent.mkdir(parents=True, exist_ok=True)
    temporary = archive.with_name(archive.name + ".part")
    temporary.write_bytes(content)
    temporary.replace(archive)
    print("changed")


def _packed(project: Path) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for path in _files(project):
            entry = tarfile.TarInfo(path.relative_to(project).as_posix())
            entry.size = path.stat().st_size
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as file:
                tar.addfile(entry, file)
    return buffer.getvalue()


def _files(project: Path) -> list[Path]:
    files = []
    for part in PARTS:
        path = project / part
        files += [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sorted(
        path
        for path in files
        if not set(path.parts) & set(LEFT_OUT) and path.suffix not in (".pyc", ".packed", ".part")
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
