"""Bring files to a Pi and run the kit's program for files there, by one SSH command."""

import shlex
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.pis import Pi

PROJECT = Path(__file__).resolve().parents[2]
KIT_FILES = PROJECT / "ansible" / "roles" / "kit" / "files" / "kit_files.py"
PROGRAM = "kit_files.pyz"
SECONDS = 1800  # the longest that one Pi may take
# The files arrive as a tar in a folder of their own, which goes when the command ends. A plug that
# is pulled leaves it: a later command removes it after a day.
ON_PI = """\
cd || exit
folder={folder}
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
{first}
find . -maxdepth 1 -name '.pi-nn-class-*' -mmin +1440 -exec rm -rf {{}} +
place=$PWD
[ "$(df -Pk . | awk 'NR == 2 {{print $4}}')" -ge 20000 ] || place=/dev/shm # the card is full
brought=$(mktemp -d "$place/.pi-nn-class-XXXXXX") || exit
trap 'rm -rf "$brought"' EXIT
trap 'exit 1' HUP INT TERM
tar -x -C "$brought" || exit
kit_files() {{ python3 "$brought/kit_files.pyz" "$@"; }}
{command}
"""


def on_pi(pi: Pi, command: str, first: str = ":") -> str:
    """Return a command for `ask`, which reads what `packed` packed.

    Parameters
    ----------
    pi : Pi
    command : str
        It finds the files in $brought, the kit in $folder, and may run kit_files.
    first : str
        What to do before the files are received. If it exits, they are not.
    """
    return ON_PI.format(folder=shlex.quote(pi.folder), first=first, command=command)


@contextmanager
def packed(*files: Path) -> Iterator[Path]:
    """Give a tar of the program and of more files, each by its own name."""
    with tempfile.TemporaryDirectory(prefix="pi-nn-") as folder:
        program, archive = Path(folder, PROGRAM), Path(folder, "files.tar")
        words = [sys.executable, KIT_FILES, "bundle", program]
        subprocess.run(words, cwd=PROJECT, stdout=subprocess.DEVNULL, check=True)
        with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT, dereference=True) as tar:
            for path in (program, *files):
                tar.add(path, f"./{path.name}", recursive=False, filter=without_owner)
        yield archive


def without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Keep a file's name and content alone."""
    return entry.replace(uid=0, gid=0, uname="", gname="", mode=0o600, deep=False)
