"""Removable media on Linux: which are there, write an image onto one, mount it, take it out.

Run as a program, it writes one image: `make cards` starts it as root where the user may not write
to the medium.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scripts.machines.progress import ProgressLine
from scripts.sdcard.card import looks_like_card, mounts
from scripts.sdcard.errors import CardError

SYSTEM, DEVICES, SWAPS = Path("/sys/class/block"), Path("/dev"), Path("/proc/swaps")
BOOT = Path("/proc/sys/kernel/random/boot_id")
PROJECT = Path(__file__).resolve().parents[2]
SECTOR = 512  # bytes: the unit of sizes in /sys, whatever the medium's own is
BLOCK = 4 << 20
REREAD_PARTITIONS = 0x125F  # BLKRRPART
MOUNT_SECONDS = 20


class MediumError(CardError):
    """A medium that cannot be written, or that did not read back."""


@dataclass(frozen=True)
class Medium:
    """A removable medium: its name in /sys, model, size in bytes, and what tells its visits apart.

    The last is the kernel's number of the medium, which changes when another is put in.
    """

    name: str
    model: str
    size: int
    visit: str = ""

    @property
    def device(self) -> Path:
        """Return the path of the whole medium."""
        return DEVICES / self.name

    def partitions(self) -> list[str]:
        """List the names of its partitions, the first one first."""
        found = (SYSTEM / self.name).glob(f"{self.name}*/partition")
        numbered = ((int(path.read_text()), path.parent.name) for path in found)
        return [name for _, name in sorted(numbered)]

    def uses(self) -> list[str]:
        """List what uses it: where it is mounted, swap, or a device on top, as of encryption."""
        names = (self.name, *self.partitions())
        mounts = [place for name, place in _mounts() if name in names]
        swaps = SWAPS.read_text().split() if SWAPS.exists() else []
        swap = ["swap" for name in names if str(DEVICES / name) in swaps]
        above = [each.name for name in names for each in (SYSTEM / name / "holders").glob("*")]
        return mounts + swap + above

    def __str__(self) -> str:
        return f"{self.device}: {self.size / 1e9:.1f} GB, {self.model or 'unknown model'}"


def find_media() -> list[Medium]:
    """List the removable media that are in this computer: card readers, USB sticks, SD slots."""
    found = []
    for folder in sorted(SYSTEM.glob("*")):
        size = int(_read(folder / "size") or 0) * SECTOR
        # A built-in slot calls its cards fixed; what is soldered in is of type MMC.
        removable = _read(folder / "removable") == "1" or _read(folder / "device/type") == "SD"
        if removable and size and not (folder / "partition").exists():
            names = (_read(folder / "device" / name) for name in ("vendor", "model", "name"))
            number = _read(folder / "diskseq")  # since Linux 5.15
            visit = f"{_read(BOOT)} {number}" if number else ""
            found.append(Medium(folder.name, " ".join(filter(None, names)), size, visit))
    return found


def medium_of(folder: Path) -> Medium | None:
    """Return the medium that a folder is mounted from; None for anything that stays."""
    names = [name for name, place in _mounts() if place == str(folder)]
    media = (each for each in find_media() if {each.name, *each.partitions()} & set(names))
    return next(media, None)


def check_free(medium: Medium) -> None:
    """Refuse a medium that is in use or no longer the same.

    Raises
    ------
    MediumError
        With what uses it, and how to release it.
    """
    if medium not in find_media():
        raise MediumError(f"{medium}: expected this removable medium, but it is gone")
    if _read(SYSTEM / medium.name / "ro") == "1":
        raise MediumError(f"{medium}: is write-protected: move the switch on its side")
    if uses := medium.uses():
        raise MediumError(
            f"{medium}: expected a medium that is not mounted, got one in use ({', '.join(uses)}). "
            "If everything on it may be lost, unmount it in the file manager, or with "
            f"'umount {DEVICES / medium.name}*'"
        )


def write_image(image: Path, medium: Medium) -> None:
    """Write an image onto a medium and read it back; as root, if it must be.

    Raises
    ------
    MediumError
        When the medium is in use, too small, or does not read back.
    OSError
        When the image cannot be read.
    """
    check_free(medium)
    if os.access(medium.device, os.R_OK | os.W_OK):
        _copy(image, medium)
        return
    asks = [] if sys.stdin.isatty() else ["-n"]
    words = [sys.executable, "-B", "-m", "scripts.classroom.medium", str(image.resolve())]
    with suppress(FileNotFoundError):
        sudo = ["sudo", *asks, *words, medium.name, str(medium.size)]
        if subprocess.run(sudo, cwd=PROJECT, check=False).returncode == 0:
            return
    raise MediumError(f"{medium}: could not be written as root; the message above says why")


def _copy(image: Path, medium: Medium) -> None:
    """Write an image with its partition table last, so that half of one is no card."""
    flags = os.O_RDWR | os.O_EXCL | os.O_CLOEXEC  # on a device, O_EXCL refuses a mounted one
    try:
        handle = os.open(medium.device, flags)
    except OSError as error:
        raise MediumError(f"{medium}: cannot be written: {error.strerror}") from None
    with os.fdopen(handle, "r+b", buffering=0) as device, ProgressLine(medium.name) as progress:
        try:
            with unpacked(image) as (source, share):
                first = source.read(BLOCK)
                digest, length = hashlib.sha256(first), len(first)
                _write_at(device, 0, bytes(len(first)))
                while block := source.read(BLOCK):
                    _write_at(device, length, block)
                    digest.update(block)
                    length += len(block)
                    progress.show(f"written {share():.0%}")
            if not any(first):
                raise MediumError(f"{image}: expected the image of a card, got an empty one")
            _write_at(device, 0, first)
            os.fsync(handle)
        except OSError as error:
            if error.filename:
                raise  # that of the image
            raise MediumError(
                f"{medium}: could not be written: {error.strerror}. Try another card, or one "
                "that is larger than the image"
            ) from None
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)  # read the card, not the memory
        found, place = hashlib.sha256(), 0
        while place < length:
            block = os.pread(handle, min(BLOCK, length - place), place)
            if not block:
                break
            found.update(block)
            place += len(block)
            progress.show(f"checked {place / length:.0%}")
        if found.digest() != digest.digest():
            raise MediumError(f"{medium}: does not read back as it was written: try another card")
        with suppress(OSError):  # only root may; closing the device does the same for udev
            fcntl.ioctl(handle, REREAD_PARTITIONS)


def _write_at(device: BinaryIO, place: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        count = os.pwrite(device.fileno(), view, place)
        view, place = view[count:], place + count


@contextmanager
def unpacked(image: Path) -> Iterator[tuple[BinaryIO, object]]:
    """Open an image, unpacked if its name ends in .xz, .gz or .zip.

    Yields
    ------
    source : file
        What the image holds.
    share : callable
        Returns how much of the file has been read, from 0 to 1.
    """
    openers = {".xz": lzma.open, ".gz": gzip.open, ".img": lambda file: file}
    suffix = image.suffix.lower()
    with image.open("rb") as file:
        size = max(1, image.stat().st_size)
        try:
            if suffix == ".zip":
                with zipfile.ZipFile(file) as archive:
                    names = [name for name in archive.namelist() if name.endswith(".img")]
                    if len(names) != 1:
                        raise MediumError(f"{image}: expected one .img in it, got {len(names)}")
                    with archive.open(names[0]) as source:
                        yield source, lambda: file.tell() / size
            elif suffix in openers:
                yield openers[suffix](file), lambda: file.tell() / size
            else:
                raise MediumError(
                    f"{image}: expected an image that ends in .img, .img.xz, .img.gz or .zip"
                )
        except (
            *(lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error),
            RuntimeError,  # a zip with a password, or packed by a way that zipfile does not know
        ) as error:
            raise MediumError(
                f"{image}: expected a complete image, got a damaged file: {error}. Download it "
                "again"
            ) from None


def boot_folder(medium: Medium) -> Path | None:
    """Return where a medium's boot partition is mounted; mount it if nothing else does.

    Returns
    -------
    folder : Path or None
        None when it is not mounted, and cannot be.
    """
    end = time.monotonic() + MOUNT_SECONDS
    while not (folder := _mounted_boot(medium)) and time.monotonic() < end:
        time.sleep(0.5)
        if shutil.which("udisksctl") and time.monotonic() > end - MOUNT_SECONDS / 2:
            for name in medium.partitions()[:1]:
                _quietly("udisksctl", "mount", "-b", str(DEVICES / name))
    return folder


def _mounted_boot(medium: Medium) -> Path | None:
    places = [Path(place) for name, place in _mounts() if name in medium.partitions()]
    return next(filter(looks_like_card, places), None)


def eject(folder: Path) -> bool:
    """Unmount every partition of the card with this folder; return whether it may be taken out."""
    if sys.platform == "darwin":
        return _quietly("diskutil", "eject", str(folder))
    medium = medium_of(folder)
    if medium is None:
        return False
    names = (medium.name, *medium.partitions())
    os.sync()
    for partition in {each for each, _ in _mounts() if each in names}:
        device = str(DEVICES / partition)
        if not (_quietly("udisksctl", "unmount", "-b", device) or _quietly("umount", device)):
            return False
    return True


def _quietly(*words: str) -> bool:
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=120).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _mounts() -> list[tuple[str, str]]:
    """List the devices that are mounted, by their names, and where."""
    return [
        (Path(os.path.realpath(device)).name, place)
        for device, place in mounts()
        if device.startswith("/")
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def main() -> int:
    """Write an image onto the medium with this name and size."""
    image, name, size = sys.argv[1:]
    try:
        (medium,) = [each for each in find_media() if (each.name, str(each.size)) == (name, size)]
        check_free(medium)
        _copy(Path(image), medium)
    except (CardError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ValueError:
        print(f"error: {name}: expected a removable medium of {size} bytes", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
