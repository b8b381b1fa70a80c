"""What is on a machine's disk, to compare before and after."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scripts.machines.host import call

# Kept by the kernel, or written by any machine that is merely on, logged into, or asked.
PASSING = (
    "proc",
    "sys",
    "dev",
    "run",
    "tmp",
    "var/tmp",
    "var/log",
    "home/*/.ansible",
    "root/.ansible",
    "home/*/.sudo_as_admin_successful",
    "var/lib/sudo",  # who has read sudo's lecture
    "var/lib/systemd/random-seed",
    "var/lib/systemd/timers",
    "var/lib/systemd/timesync",
    "var/cache/apt/*.bin",
    "var/cache/ldconfig",
    "var/lib/apt/lists/lock",
    "var/cache/apt/archives/lock",
    "var/lib/dpkg/lock*",
)


@dataclass(frozen=True)
class Snapshot:
    """A machine's files ("path" -> "type mode owner size content") and packages (-> version)."""

    files: dict[str, str]
    packages: dict[str, str]

    def differences(self, later: "Snapshot") -> list[str]:
        """Return what a later snapshot has otherwise, a line each; [] when they are the same."""
        return compare(self.files, later.files, "/") + compare(
            self.packages, later.packages, "package "
        )


def take_snapshot(root: Path) -> Snapshot:
    """Read the files below a root, and its dpkg database."""
    return Snapshot(read_files(root), read_packages(root))


def read_files(root: Path) -> dict[str, str]:
    """Return a description of each file below a root, but the passing ones."""
    found = {}
    waiting = [root]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            path = os.path.relpath(entry.path, root)
            if is_passing(path):
                continue
            found[path] = describe(entry)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
    return found


def is_passing(path: str) -> bool:
    """Return whether a path is one that comes and goes by itself."""
    depth = path.count("/")
    patterns = (pattern for pattern in PASSING if pattern.count("/") == depth)
    return any(PurePosixPath(path).match(pattern) for pattern in patterns)


def describe(entry: os.DirEntry) -> str:
    """Return a file's type, mode, owner, size and content; no times, which any look may change."""
    status = entry.stat(follow_symlinks=False)
    words = [stat.filemode(status.st_mode), f"{status.st_uid}:{status.st_gid}"]
    if stat.S_ISLNK(status.st_mode):
        words += ["->", str(Path(entry.path).readlink())]
    elif stat.S_ISREG(status.st_mode):
        words += [str(status.st_size), content_hash(entry.path)]
    return " ".join(words)


def content_hash(path: str) -> str:
    """Return a short hash of a file's content."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def read_packages(root: Path) -> dict[str, str]:
    """Return each package dpkg knows in a root, with its state and version."""
    form = "${binary:Package} ${db:Status-Status} ${Version}\\n"
    listing = call("dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", f"-f={form}").stdout
    return dict(line.split(" ", 1) for line in listing.splitlines())


def compare(before: dict[str, str], after: dict[str, str], kind: str) -> list[str]:
    """Return the differences of two listings, a line each."""
    names = sorted(name for name in before | after if before.get(name) != after.get(name))
    return [
        f"{kind}{name}: {before.get(name, 'absent')} => {after.get(name, 'absent')}"
        for name in names
    ]
