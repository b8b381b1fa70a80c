"""Run commands in a root, in separate namespaces: mounts and processes end with the command."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.machines.host import INSIDE

# The mounts are in a private namespace. If this process dies, so does the first process in the
# namespace, and with it all others: nothing is left to clean up, however a command ends.
_ISOLATED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"),
)
# A link is followed as programs in the root follow it; from outside it would lead out of the root.
_REAL_PATH = "import os, sys; os.chroot(sys.argv[1]); print(os.path.realpath(sys.argv[2]))"
_MOUNT = f"""
mount -t proc proc /proc
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
[ ! -d "$root/dev/pts" ] || mount -t devpts devpts "$root/dev/pts"
servers=$root$({shlex.quote(sys.executable)} -I -c '{_REAL_PATH}' "$root" /etc/resolv.conf)
[ -e "$servers" ] || {{ mkdir -p "${{servers%/*}}"; touch "$servers"; }}
mount --bind /etc/resolv.conf "$servers"
"""


@dataclass(frozen=True)
class Mount:
    """A file or folder of this host to mount in a root: source, target and mount options."""

    source: Path
    target: str
    options: str = "bind,ro"


def isolated() -> list[str]:
    """Return the prefix for a command whose mounts and processes must end with it."""
    return [*_ISOLATED, "--mount-proc"]


def beside(root: Path, *mounts: Mount) -> list[str]:
    """Return the prefix for a command that works on a root from outside.

    The root has the mounts, /proc, /sys, /dev/pts and this host's name servers.
    """
    return _with_mounts(root, mounts, 'exec "$@"')


def inside(root: Path, *mounts: Mount) -> list[str]:
    """Return what to put before a command that is to run inside a root, as its root user."""
    settings = ("env", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "LC_ALL=C.UTF-8")
    return [*_with_mounts(root, mounts, 'exec chroot "$root" "$@"'), *settings]


def _with_mounts(root: Path, mounts: tuple[Mount, ...], end: str) -> list[str]:
    lines = ["set -e", "root=$1; shift", *map(_mount_line, mounts), _MOUNT, end]
    return [*_ISOLATED, "sh", "-c", "\n".join(lines), INSIDE, str(root)]


def _mount_line(mount: Mount) -> str:
    source, options = shlex.quote(str(mount.source)), shlex.quote(mount.options)
    target = f'"$root"{shlex.quote(mount.target)}'
    return f"mkdir -p {target}; mount -o {options} {source} {target}"
