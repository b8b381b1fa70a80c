"""Turn a root into a card: give it a user, a name and a network, and write its file system."""

import json
import re
import shutil
from pathlib import Path

from scripts.emulation.card_folder import HOST, USER, CardFolder
from scripts.machines.chroot import Mount, inside
from scripts.machines.host import MachineError, call, work

CARD_BYTES = 4 * 1024**3  # QEMU's card reader takes only powers of two
ADDED_BYTES = 2 * 1024**3  # to an image of Raspberry Pi OS, which has no free space
GROUPS = "adm,sudo,audio,video,plugdev,users"
# Jobs that start, and take hours, when the clock leaps, as an emulated machine's does at each boot.
TIMERS = ("apt-daily", "apt-daily-upgrade", "dpkg-db-backup", "e2scrub_all", "fstrim", "man-db")
NETWORK = "[Match]\nName=usb* en* eth*\n\n[Network]\nDHCP=yes\n"
FILE_SYSTEMS = "/dev/mmcblk0 / ext4 noatime,errors=remount-ro 0 1\n"


def make_user(root: Path, *mounts: Mount) -> None:
    """Create the user, who may use sudo, if the root does not have that user."""
    command = f"id {USER} 2>/dev/null || useradd -m -s /bin/bash -G {GROUPS} {USER}"
    call(*inside(root, *mounts), "sh", "-c", command)


def make_reachable(folder: CardFolder) -> None:
    """Give a Debian root a name, a network and SSH, as Raspberry Pi OS gets at its first boot."""
    root = folder.root
    make_user(root)
    _write(root, "etc/hostname", f"{HOST}\n")
    _write(root, "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {HOST}\n")
    _write(root, "etc/fstab", FILE_SYSTEMS)
    _write(root, "etc/systemd/network/usb.network", NETWORK)
    # only this computer can reach it, and the user has no password
    _write(root, f"etc/sudoers.d/010_{USER}-nopasswd", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    if not folder.key.exists():
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", HOST, "-f", folder.key)
    ssh = root / "home" / USER / ".ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    keys = ssh.relative_to(root) / "authorized_keys"
    _write(root, str(keys), folder.key.with_suffix(".pub").read_text())
    call(*inside(root), "chown", "-R", f"{USER}:", f"/home/{USER}/.ssh")
    call(*inside(root), "systemctl", "enable", "systemd-networkd", "ssh")
    call(*inside(root), "systemctl", "mask", *(f"{name}.timer" for name in TIMERS))
    (root / "usr/lib/clock-epoch").touch()  # systemd starts the clock at its time


def _write(root: Path, name: str, text: str, mode: int = 0o644) -> None:
    file = root / name
    file.unlink(missing_ok=True)  # a link could lead out of the root
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def write_card(folder: CardFolder) -> None:
    """Write the root as a card's file system, and copy its boot files beside it."""
    for option, file in find_boot_files(folder.root).items():
        shutil.copyfile(file, folder.boot_files[option])
    shutil.copyfile(folder.root / "etc/ssh/ssh_host_ed25519_key.pub", folder.host_key)
    unfinished = folder.image.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    with unfinished.open("wb") as image:
        image.truncate(CARD_BYTES)
    make = ("mke2fs", "-q", "-t", "ext4", "-d", folder.root, unfinished)
    work("image: the card", *make, timeout=1200)
    unfinished.rename(folder.image)
    folder.booted_mark.unlink(missing_ok=True)


def find_boot_files(root: Path) -> dict[str, Path]:
    """Find the boot files for QEMU's options; Raspberry Pi OS names them -rpi-v6, Debian -rpi.

    Raises
    ------
    MachineError
        When the root has no kernel for the Pi Zero.
    """
    return {
        "kernel": _only(root / "boot", "vmlinuz-*-rpi", "vmlinuz-*-rpi-v6"),
        "initrd": _only(root / "boot", "initrd.img-*-rpi", "initrd.img-*-rpi-v6"),
        "dtb": _only(root / "usr/lib", "linux-image-*-rpi*/bcm2835-rpi-zero.dtb"),
    }


def _only(folder: Path, *patterns: str) -> Path:
    found = [path for pattern in patterns for path in folder.glob(pattern)]
    if not found:
        raise MachineError(
            f"{folder} has no {' or '.join(patterns)}: the root needs a kernel for the Pi "
            "Zero (in Debian: the package linux-image-rpi)"
        )
    return max(found, key=_version)


def _version(path: Path) -> list[tuple[int, str]]:
    """Return a name's numbers as numbers: 6.1.0-10 is later than 6.1.0-9."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def grow(image: Path) -> None:
    """Enlarge a card's last partition and its file system."""
    with image.open("r+b") as file:
        file.truncate(image.stat().st_size + ADDED_BYTES)
    call("sfdisk", "--quiet", "--no-reread", "-N", "2", image, text=", +\n")
    _, root = partitions(image)
    place = ("--offset", root["start"] * 512, "--sizelimit", root["size"] * 512)
    device = call("losetup", "--find", "--show", *place, image).stdout.strip()
    try:
        call("e2fsck", "-f", "-y", device, check=False, timeout=600)
        call("resize2fs", device, timeout=600)
    finally:
        call("losetup", "--detach", device)


def partitions(image: Path) -> list[dict]:
    """Return the two partitions of a Raspberry Pi OS image: the boot files, and the root.

    Raises
    ------
    MachineError
        When the file is not such an image.
    """
    answer = call("sfdisk", "--json", image, check=False)
    table = json.loads(answer.stdout)["partitiontable"] if answer.stdout else {}
    found = table.get("partitions", [])
    if len(found) != 2 or found[0]["type"] not in ("b", "c") or found[1]["type"] != "83":
        raise MachineError(
            f"{image} does not have one partition for boot files and one for Linux: expected an "
            "unpacked image of Raspberry Pi OS (xz -d), or a folder with a root"
        )
    return found


def mounts_of(image: Path) -> list[Mount]:
    """Return the mounts that make a Raspberry Pi OS image a root."""
    boot, root = partitions(image)
    places = ((root, "/"), (boot, "/boot/firmware"))
    return [
        Mount(image, target, f"loop,offset={part['start'] * 512},sizelimit={part['size'] * 512}")
        for part, target in places
    ]
