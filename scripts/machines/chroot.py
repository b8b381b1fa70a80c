"""Commands inside a root, in namespaces of their own: when they end, so do mounts and processes."""

from pathlib import Path

# The mounts are in a private namespace, and the first process's death ends all others: nothing is
# left to clean up, however a command ends.
_ISOLATED = ("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child")
_MOUNT = """
set -e
root=$1; shift
mount -t proc proc /proc
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
[ -d "$root/dev/pts" ] && mount -t devpts devpts "$root/dev/pts"
touch "$root/etc/resolv.conf"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
"""


def beside(root: Path) -> list[str]:
    """Return what to put before a command that works on a root from the outside.

    It finds the root with /proc, /sys, /dev/pts and this host's name servers.
    """
    return [*_ISOLATED, "sh", "-c", _MOUNT + 'exec "$@"', "beside", str(root)]


def inside(root: Path, bound: dict[Path, str] | None = None) -> list[str]:
    """Return what to put before a command that is to run inside a root, as its root user.

    Parameters
    ----------
    root : Path
    bound : dict, optional
        Folders of this host, and where each is to be seen inside, read-only.
    """
    binds = "".join(
        f'mkdir -p "$root{target}"; mount --bind -o ro {source} "$root{target}"\n'
        for source, target in (bound or {}).items()
    )
    script = _MOUNT + binds + 'exec chroot "$root" "$@"'
    settings = ("env", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "LC_ALL=C.UTF-8")
    return [*_ISOLATED, "sh", "-c", script, "inside", str(root), *settings]
