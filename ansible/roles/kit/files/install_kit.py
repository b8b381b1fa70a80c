"""Unpack the kit on the Pi. A notebook that the student changed is theirs: it is never replaced.

    install_kit.py ARCHIVE FOLDER

What was shipped last stands in FOLDER/.shipped.json. A file that is no longer as it was shipped has
been changed. Beside a changed notebook the kit's newer one is put as NAME.new.ipynb. Any other
changed file makes room for the kit's, and is kept as NAME.mine-1.
"""

import hashlib
import json
import os
import sys
import tarfile
from pathlib import Path

MANIFEST = ".shipped.json"


def main(archive: Path, folder: Path) -> None:
    """Write what is new; print each name, or 'unchanged'."""
    shipped = _read_manifest(folder)
    now, written = {}, []
    with tarfile.open(archive) as tar:
        for entry in tar:
            if not entry.isfile() or ".." in Path(entry.name).parts or entry.name.startswith("/"):
                continue
            content = tar.extractfile(entry).read()
            now[entry.name] = hashlib.sha256(content).hexdigest()
            target = _target(folder, entry.name, now[entry.name], shipped)
            if target:
                if _digest(target) not in (None, shipped.get(entry.name)):
                    target.rename(_free_name(target))
                _write(target, content, entry.mode)
                written.append(str(target.relative_to(folder)))
    for name in _gone(folder, shipped, now):
        (folder / name).unlink()
        written.append(f"removed {name}")
    if now != shipped:
        _write(folder / MANIFEST, json.dumps(now, indent=1).encode(), 0o644)
    print("\n".join(written) or "unchanged")


def _read_manifest(folder: Path) -> dict[str, str]:
    try:
        return json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _target(folder: Path, name: str, digest: str, shipped: dict[str, str]) -> Path | None:
    """Tell where a shipped file goes: to its name, beside a changed notebook, or nowhere."""
    path = folder / name
    present = _digest(path)
    if present == digest:
        return None
    if not name.startswith("notebooks/") or present in (None, shipped.get(name)):
        return path
    beside = path.with_name(f"{path.stem}.new{path.suffix}")
    is_news = shipped.get(name) != digest
    return beside if is_news and _digest(beside) != digest else None


def _free_name(path: Path) -> Path:
    """Find a name beside a file that nothing has."""
    number = 1
    while (free := path.with_name(f"{path.name}.mine-{number}")).exists():
        number += 1
    return free


def _gone(folder: Path, shipped: dict[str, str], now: dict[str, str]) -> list[str]:
    """List files of the last kit that this one has no more and nobody changed."""
    return [
        name
        for name, digest in shipped.items()
        if name not in now and _digest(folder / name) == digest
    ]


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.chmod(mode)
    temporary.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
