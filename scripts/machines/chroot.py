"""Commands inside a root, in namespaces of their own: when they end, so do mounts and processes."""

import shlex
from dataclasses import dataclass
from pathlib import Path

# The mounts are in a private namespace, and the first process's death ends all others, as this
# process's death ends the first: nothing is left to clean up, however a command ends.
_ISOLATED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"),
)
_MOUNT = """
mount -t proc proc /proc
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
[ ! -d "$root/dev/pts" ] || mount -t devpts devpts "$root/dev/pts"
[ -e "$root/etc/resolv.conf" ] || touch "$root/etc/resolv.conf"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
"""


@dataclass(frozen=True)
class Mount:
    """Something of this host's to be seen inside a root: where, and mount's options."""

    source: Path
    target: str
    options: str = "bind,ro"


def isolated() -> list[str]:
    """Return what to put before a command that mounts and starts much, for all to go with it."""
    return [*_ISOLATED, "--mount-proc"]


def beside(root: Path, *mounts: Mount) -> list[str]:
    """Return what to put before a command that works on a root from the outside.

    It finds the root with the mounts, and with /proc, /sys, /dev/pts and this host's name servers.
    """
    return _with_mounts(root, mounts, 'exec "$@"')


def inside(root: Path, *mounts: Mount) -> list[str]:
    """Return what to put before a command that is to run inside a root, as its root user."""
    settings = ("env", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "LC_ALL=C.UTF-8")
    return [*_with_mounts(root, mounts, 'exec chroot "$root" "$@"'), *settings]


def _with_mounts(root: Path, mounts: tuple[Mount, ...], end: str) -> list[str]:
    lines = ["set -e", "root=$1; shift", *map(_mount_line, mounts), _MOUNT, end]
    return [*_ISOLATED, "sh", "-c", "\n".join(lines), "sh", str(root)]


def _mount_line(mount: Mount) -> str:
    source, options = shlex.quote(str(mount.source)), shlex.quote(mount.options)
    target = f'"$root"{shlex.quote(mount.target)}'
    return f"mkdir -p {target}; mount -o {options} {source} {target}"
