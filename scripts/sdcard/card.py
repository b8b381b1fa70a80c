"""The boot partition of a flashed card: check that it is one, and which image is on it."""

from __future__ import annotations

import os
import re
import string
import sys
from pathlib import Path

from . import bookworm, files, trixie
from .errors import CardError
from .settings import Settings, check_for

MOUNTS = Path("/proc/self/mounts")
IMAGES = {"bookworm": bookworm, "trixie": trixie}
FIRST_BOOKWORM, FIRST_TRIXIE = "2023-10-10", "2025-10-01"
ONLY_64_BIT = (
    "this 64-bit image does not boot on a Zero, a Zero W or a Pi 1: flash the 32-bit one for them"
)
# Systems for the Pi whose boot partitions look like Raspberry Pi OS's: a file that each has, or a
# word of its cmdline.txt, and how to set them up.
OTHERS = {
    "DietPi": (("dietpi.txt",), (), "edit dietpi.txt and dietpi-wifi.txt on it"),
    "Ubuntu": (
        ("vmlinuz", "current/vmlinuz"),
        ("root=LABEL=writable",),
        "edit user-data and network-config on it",
    ),
    "LibreELEC": (("SYSTEM",), ("boot=LABEL=LIBREELEC",), "set it up on its screen"),
    "Home Assistant OS": (("cmdline.txt.hassos", "slot-A/cmdline.txt"), (), "see its manual"),
    "NOOBS": (("recovery.cmdline", "RECOVERY_FILES_DO_NOT_EDIT"), (), "set it up on its screen"),
    "Armbian": (("armbianEnv.txt",), (), "see its manual"),
}


class Card:
    """A boot partition, as a folder.

    Parameters
    ----------
    folder : Path
        Where it is mounted.

    Raises
    ------
    CardError
        When the folder is not a boot partition of Raspberry Pi OS.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        if not folder.is_dir():
            raise CardError(self._no_folder())
        if other := self._other_system():
            how = OTHERS[other][2]
            raise CardError(
                f"{folder}: expected the boot partition of Raspberry Pi OS, found that of {other}, "
                f"which this script cannot set up: {how}, or flash Raspberry Pi OS"
            )
        missing = [name for name in ("cmdline.txt", "config.txt") if not self.has(name)]
        if not any(folder.glob("*.dtb")) and not any(folder.glob("kernel*.img")):
            missing.append("*.dtb or kernel*.img")
        if missing:
            raise CardError(
                f"{folder}: expected the boot partition of Raspberry Pi OS (its name is bootfs), "
                f"but it has no {', no '.join(missing)}{self._hint()}. "
                "Flash the card and put it in again"
            )

    def _no_folder(self) -> str:
        if self.folder.is_block_device() or str(self.folder).startswith((r"\\.", "/dev/")):
            there = mounted_at(self.folder)
            give = f"give {there[0]}" if there else "mount it, and give the folder where it appears"
            return (
                f"{self.folder}: expected the folder of a card's boot partition, got a device: "
                f"{give}"
            )
        if self.folder.is_file():
            return f"{self.folder}: expected the folder of a card's boot partition, got a file"
        return (
            f"{self.folder}: expected the folder of a card's boot partition, but it does not exist"
        )

    def _other_system(self) -> str | None:
        words = self.read("cmdline.txt").split()
        for name, (own, signs, _) in OTHERS.items():
            if any(map(self.has, own)) or any(sign in words for sign in signs):
                return name
        return None

    def _hint(self) -> str:
        """Say what the folder may be instead."""
        if (self.folder / "etc").is_dir():
            return "; that is the root partition"
        below = [path for path in sorted(self.folder.glob("*")) if looks_like_card(path)]
        return f"; the boot partition is in it: give {below[0]}" if below else ""

    def has(self, name: str) -> bool:
        """Return whether a file exists."""
        return (self.folder / name).is_file()

    def read(self, name: str) -> str:
        """Read a text file; return "" if it does not exist."""
        path = self.folder / name
        return path.read_bytes().decode(errors="surrogateescape") if path.is_file() else ""

    @property
    def date(self) -> str | None:
        """The date of the image, from issue.txt."""
        found = re.search(r"Raspberry Pi reference (\d{4}-\d\d-\d\d)", self.read("issue.txt"))
        return found[1] if found else None

    @property
    def only_64_bit(self) -> bool:
        """Whether this image lacks the kernel of ARMv6, which a Zero and a Zero W need."""
        return not self.has("kernel.img")

    def image(self, named: str | None = None) -> str:
        """Detect which image this is from how it is set up.

        Parameters
        ----------
        named : str, optional
            What the user says it is; used if the signs are inconclusive.

        Raises
        ------
        CardError
            When the signs are missing or contradict each other, or the image is too old.
        """
        signs = {name: image.signs(self) for name, image in IMAGES.items()}
        names = [name for name, found in signs.items() if found]
        date = self.date
        if date and date < FIRST_BOOKWORM:
            raise CardError(
                f"{self.folder}: expected Raspberry Pi OS bookworm or trixie; issue.txt says "
                f"{date}, which is older. Flash a newer image"
            )
        if "bookworm" in names and not any(self.folder.glob("initramfs*")):
            raise CardError(
                f"{self.folder}: expected Raspberry Pi OS bookworm or trixie, found bullseye "
                "(it has no initramfs*), which would not boot any more with these settings. Flash "
                "a newer image"
            )
        if not names and date and date < FIRST_TRIXIE:
            names, signs["bookworm"] = ["bookworm"], [f"the image date {date}"]
        if named and (named in names or not names):
            return named
        if named:
            raise CardError(
                f"{self.folder}: expected an image of {named}, found {', '.join(signs[names[0]])}, "
                f"which is a sign of {names[0]}. Leave --image out"
            )
        if len(names) == 1:
            return names[0]
        found = [sign for each in signs.values() for sign in each] or ["no signs of either"]
        raise CardError(
            f"{self.folder}: cannot tell bookworm from trixie: found {', '.join(found)}, image "
            f"date {date or 'unknown'}. Give --image bookworm or --image trixie"
        )

    def plan(self, settings: Settings, name: str) -> dict[str, str | None]:
        """Return the new content of each file that settings change, for the image of that name.

        Raises
        ------
        CardError
            When the image does not know a setting, or has booted already.
        """
        check_for(settings, name)
        return IMAGES[name].plan(self, settings)

    def write(self, settings: Settings, name: str) -> list[str]:
        """Write settings, read them back, and return a line for each change.

        Raises
        ------
        CardError
            As `plan` does, or when the card does not read back.
        OSError
            When the card cannot be written.
        """
        image, plan = IMAGES[name], self.plan(settings, name)
        kept = files.keep(self.folder, [each for each in image.hand_made(self) if each in plan])
        done = kept + files.apply(self.folder, plan)
        image.validate(self, settings)
        return done

    def prepared_for(self, name: str) -> str | None:
        """Return the host name that this script has written for an image; None without one."""
        image = IMAGES[name]
        return None if image.hand_made(self) else image.hostname(self)


def looks_like_card(folder: Path) -> bool:
    """Return whether a folder may be a boot partition."""
    try:
        return all((folder / name).is_file() for name in ("cmdline.txt", "config.txt"))
    except OSError:
        return False


def find_cards() -> list[Path]:
    """List the boot partitions that are mounted where the system puts cards."""
    return [folder for folder in _places() if looks_like_card(folder)]


def _places() -> list[Path]:
    if sys.platform == "win32":
        return [Path(f"{letter}:\\") for letter in string.ascii_uppercase[3:]]
    if sys.platform == "darwin":
        return sorted(Path("/Volumes").glob("*"))
    patterns = ("media/*", "media/*/*", "run/media/*/*", "mnt", "mnt/*")
    return sorted({path for pattern in patterns for path in Path("/").glob(pattern)})


def mounts() -> list[tuple[str, str]]:
    """List what is mounted, and where (on Linux)."""
    if not MOUNTS.is_file():
        return []
    pairs = [line.split()[:2] for line in os.fsdecode(MOUNTS.read_bytes()).splitlines()]
    # The table has spaces and the like as octal numbers, and all other bytes as they are.
    return [
        (name, re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place))
        for name, place in pairs
    ]


def mounted_at(device: Path) -> list[str]:
    """List where a device, or a partition of it, is mounted (on Linux)."""
    return [place for name, place in mounts() if name.startswith(str(device))]
