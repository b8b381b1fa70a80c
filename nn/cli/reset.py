"""``reset``: bring back a notebook as it was shipped; a changed one is kept beside it."""

import fnmatch
import subprocess
import tarfile
from collections.abc import Callable
from itertools import count
from pathlib import Path, PurePosixPath

from nn.cli.console import remark
from nn.errors import KitError
from nn.kit import KIT_FOLDER
from nn.saving.atomic import atomic_write

_SHIPPED = ".kit.tar.gz"  # what a Pi's kit was unpacked from
_ANY = "notebooks/*.ipynb"


class NoOriginalError(KitError, FileNotFoundError):
    """There is no shipped notebook of this name, or no shipped notebooks at all."""


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "notebooks", metavar="NOTEBOOK", nargs="+", help="a number such as 03, or a name"
    )
    parser.set_defaults(run=run)


def run(arguments) -> None:
    """Reset each notebook, after all of their names were found."""
    names, read = _originals(KIT_FOLDER)
    for name in [_find(wanted, names) for wanted in arguments.notebooks]:
        print(_reset(KIT_FOLDER / name, read(name)))
    remark("A page that shows it: choose 'File', 'Reload Notebook from Disk'.")


def _originals(kit: Path) -> tuple[list[str], Callable[[str], bytes]]:
    """Return the names of the shipped notebooks, and a function that reads one."""
    if (kit / _SHIPPED).exists():
        with tarfile.open(kit / _SHIPPED) as tar:
            names = fnmatch.filter(tar.getnames(), _ANY)
            content = {name: tar.extractfile(name).read() for name in names}
        return names, content.__getitem__
    if (kit / ".git").exists():
        listing = _git(kit, "ls-tree", "--name-only", "HEAD", "notebooks/").decode()
        names = fnmatch.filter(listing.splitlines(), _ANY)
        return names, lambda name: _git(kit, "show", f"HEAD:{name}")
    raise NoOriginalError(
        f"expected the shipped notebooks in {kit / _SHIPPED} or a git clone, found neither: "
        "download the kit again, or run 'make provision'"
    )


def _git(kit: Path, *words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(kit), *words], capture_output=True)
    if done.returncode != 0:
        raise NoOriginalError(f"git could not read the notebooks: {done.stderr.decode().strip()}")
    return done.stdout


def _find(wanted: str, names: list[str]) -> str:
    """Return the notebook that a number, a name or a path means."""
    stem = PurePosixPath(wanted).name.removesuffix(".ipynb")
    for name in names:
        known = PurePosixPath(name).stem
        if stem == known or (stem.isdigit() and known.split("_")[0] == f"{int(stem):02}"):
            return name
    known = ", ".join(PurePosixPath(name).stem for name in names)
    raise NoOriginalError(f"no notebook {wanted!r} was shipped: expected one of {known}")


def _reset(path: Path, content: bytes) -> str:
    """Write a notebook unless it is as shipped; say what was done."""
    name = path.relative_to(KIT_FOLDER).as_posix()
    if path.is_file() and path.read_bytes() == content:
        return f"unchanged: {name} is as it was shipped"
    beside = (path.with_name(f"{path.stem}.mine-{number}.ipynb") for number in count(1))
    kept = next(name for name in beside if not name.exists())
    was_there = path.exists()
    path.parent.mkdir(exist_ok=True)
    with atomic_write(path, backup=kept) as file:
        file.write(content)
    return f"reset: {name}" + (f"; yours is kept as {kept.name}" if was_there else "")
