"""Removable media: which count as such, what is written onto them, and what never is."""

import gzip
import lzma
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.classroom import medium
from scripts.classroom.medium import MediumError, find_media, write_image

CONTENT = b"partition table" + os.urandom(5 << 20)


@pytest.fixture
def image(tmp_path):
    """An image of 5 MB."""
    path = tmp_path / "pi.img"
    path.write_bytes(CONTENT)
    return path


def fast(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)


def only() -> medium.Medium:
    (found,) = find_media()
    return found


def test_removable_media_are_found(computer):
    """With size and model; a built-in slot, too; never a fixed disk, a reader without a card."""
    computer.put_medium_in("sdx", **{"device/vendor": "Generic"})
    computer.put_medium_in("mmcblk0", removable=0, **{"device/type": "SD", "device/name": "SC32G"})
    computer.put_medium_in("mmcblk1", removable=0, **{"device/type": "MMC"})
    computer.put_medium_in("sda", removable=0)
    computer.put_medium_in("sdy", size=0)
    found = {each.name: str(each) for each in find_media()}
    assert found == {
        "mmcblk0": f"{computer.devices}/mmcblk0: 0.0 GB, Card Reader SC32G",
        "sdx": f"{computer.devices}/sdx: 0.0 GB, Generic Card Reader",
    }
    assert {each.size for each in find_media()} == {8 << 20}


def packed(image: Path, ending: str) -> Path:
    """Return an image in a file with this ending."""
    path = image.with_name(image.name + ending)
    if ending == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(image, "folder/pi.img")
            archive.writestr("README.txt", "x")
    else:
        path.write_bytes({".xz": fast, ".gz": gzip.compress}[ending](image.read_bytes()))
    return path


@pytest.mark.parametrize("ending", ["", ".xz", ".gz", ".zip"])
def test_an_image_is_written_as_it_unpacks(ending, image, computer):
    """Byte for byte; what is behind it stays."""
    device = computer.put_medium_in()
    device.write_bytes(b"\1" * (8 << 20))
    write_image(packed(image, ending) if ending else image, only())
    written = device.read_bytes()
    assert written[: len(CONTENT)] == CONTENT
    assert written[len(CONTENT) :] == b"\1" * ((8 << 20) - len(CONTENT))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pi.img.xz", fast(CONTENT)[:-1000], "expected a complete image"),
        ("pi.img.xz", b"<html>", "expected a complete image"),
        ("pi.img.gz", gzip.compress(CONTENT)[:-1000], "expected a complete image"),
        ("pi.zip", b"<html>", "expected a complete image"),
        ("pi.img", b"", "got an empty one"),
        ("pi.img", bytes(1000), "got an empty one"),
        ("pi.iso", CONTENT, "expected an image that ends in .img"),
    ],
)
def test_a_damaged_image_leaves_no_card(name, content, message, tmp_path, computer):
    """What it leaves has no partition table, so no Pi boots half of it."""
    path = tmp_path / name
    path.write_bytes(content)
    device = computer.put_medium_in()
    with pytest.raises(MediumError, match=message):
        write_image(path, only())
    assert not any(device.read_bytes()[:15])


def test_a_stop_in_the_middle_leaves_no_card(image, computer, monkeypatch):
    """The partition table is written last."""
    device = computer.put_medium_in()
    device.write_bytes(b"old table" + bytes(8 << 20))
    written, write_at = [], medium._write_at

    def stop(*words):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(words)
        write_at(*words)

    monkeypatch.setattr(medium, "_write_at", stop)
    with pytest.raises(KeyboardInterrupt):
        write_image(image, only())
    content = device.read_bytes()
    assert not any(content[: medium.BLOCK])
    assert content[medium.BLOCK : len(CONTENT)] == CONTENT[medium.BLOCK :]


def test_a_card_that_loses_bytes_is_noticed(image, computer, monkeypatch):
    """By reading it back."""
    computer.put_medium_in()
    write_at = medium._write_at
    monkeypatch.setattr(
        medium, "_write_at", lambda device, at, text: write_at(device, at, text[:-1] + b"?")
    )
    with pytest.raises(MediumError, match="does not read back as it was written"):
        write_image(image, only())


def use_swap(computer):
    (computer.folder / "swaps").write_text(f"Filename Type\n{computer.devices}/sdx1 partition\n")


def use_encryption(computer):
    (computer.system / "sdx1" / "holders").mkdir(parents=True)
    (computer.system / "sdx" / "sdx1" / "partition").write_text("1\n")
    (computer.system / "sdx1" / "holders" / "dm-0").touch()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda computer: computer.mount("sdx", "/media/a b"), r"in use \(/media/a b\)"),
        (lambda computer: computer.mount("sdx1", "/media/jörg"), r"in use \(/media/jörg\)"),
        (use_swap, r"in use \(swap\)"),
        (use_encryption, r"in use \(dm-0\)"),
        (lambda computer: computer.put_medium_in(ro=1), "is write-protected"),
        (lambda computer: computer.put_medium_in(removable=0), "but it is gone"),
        (lambda computer: computer.put_medium_in(visit=2), "but it is gone"),
        (lambda computer: computer.put_medium_in(megabytes=9), "but it is gone"),
    ],
)
def test_a_medium_in_use_is_never_written(use, message, image, computer):
    """Mounted as a whole or in part, swap, encrypted, protected, or no longer the same."""
    device = computer.put_medium_in()
    computer.has_partition("sdx1")
    confirmed = only()
    use(computer)
    with pytest.raises(MediumError, match=message):
        write_image(image, confirmed)
    assert not any(device.read_bytes())


def test_a_neighbour_that_is_mounted_does_not_count(image, computer):
    """/dev/sdxa is not a partition of /dev/sdx."""
    device = computer.put_medium_in()
    computer.mount("sdxa1", "/media/other")
    write_image(image, only())
    assert device.read_bytes().startswith(CONTENT)


def test_without_the_right_to_write_it_asks_sudo(image, computer, monkeypatch):
    """For one program with one medium; what it says is the error."""
    computer.put_medium_in()
    called = []
    monkeypatch.setattr(medium.os, "access", lambda path, mode: False)
    monkeypatch.setattr(medium.sys.stdin, "isatty", lambda: False, raising=False)

    def run(words, **options):
        called.append(words)
        return subprocess.CompletedProcess(words, len(called) - 1)

    monkeypatch.setattr(medium.subprocess, "run", run)
    write_image(image, only())
    program = [sys.executable, "-B", "-m", "scripts.classroom.medium"]
    assert called[0] == ["sudo", "-n", *program, str(image), "sdx", str(8 << 20)]
    with pytest.raises(MediumError, match="could not be written as root"):
        write_image(image, only())


def test_as_root_it_looks_at_the_medium_again(image, computer, monkeypatch, capsys):
    """It may have been changed while the password was typed."""
    device = computer.put_medium_in()
    monkeypatch.setattr(sys, "argv", ["medium", str(image), "sdx", str(8 << 20)])
    computer.mount("sdx", "/media/x")
    assert medium.main() == 1
    assert "expected a medium that is not mounted" in capsys.readouterr().err
    computer.mounts.write_text("")
    assert medium.main() == 0
    assert device.read_bytes().startswith(CONTENT)
    computer.put_medium_in(megabytes=9)
    assert medium.main() == 1
    assert "expected a removable medium of 8388608 bytes" in capsys.readouterr().err


def test_the_boot_partition_is_found_where_it_is_mounted(computer):
    """Among the medium's own."""
    computer.put_medium_in()
    computer.has_partition("sdx1")
    computer.has_partition("sdx2", 2)
    assert medium.boot_folder(only()) is None
    (computer.folder / "rootfs").mkdir()
    computer.mount("sdx2", computer.folder / "rootfs")
    card = computer.put_in("bootfs")
    computer.mount("sdx1", card)
    assert medium.boot_folder(only()) == card
    assert medium.medium_of(card) == only()
    assert medium.medium_of(computer.folder) is None


@pytest.mark.parametrize("works", [True, False])
def test_a_card_is_ejected_as_a_whole(works, computer, monkeypatch):
    """Every partition that is mounted; a folder that is on no medium is not."""
    computer.put_medium_in()
    for number, place in enumerate(("boot", "root"), 1):
        computer.has_partition(f"sdx{number}", number)
        computer.mount(f"sdx{number}", computer.folder / place)
    called = []
    monkeypatch.setattr(medium, "_quietly", lambda *words: called.append(words) or works)
    assert computer.real_eject(computer.folder / "boot") is works
    partitions = {f"{computer.devices}/sdx{number}" for number in (1, 2)}
    assert {words[-1] for words in called} <= partitions
    assert len(called) == 2  # both partitions; or one, by two programs that fail
    assert not computer.real_eject(computer.folder)


needs_loop_device = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("losetup", "sfdisk", "mkfs.ext4", "mount"))),
    reason="needs root, losetup, sfdisk and mkfs.ext4",
)


@pytest.fixture
def loop(tmp_path, computer):
    """A loop device of 48 MB that /sys calls removable; the device's real name."""
    file = tmp_path / "medium"
    file.write_bytes(bytes(48 << 20))
    done = subprocess.run(
        ["losetup", "--find", "--show", str(file)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no loop device: {done.stderr.strip()}")
    device = done.stdout.strip()
    computer.put_medium_in(Path(device).name, megabytes=48)
    (computer.devices / Path(device).name).unlink()
    (computer.devices / Path(device).name).symlink_to(device)
    yield device
    subprocess.run(["umount", str(tmp_path / "mounted")], capture_output=True, check=False)
    subprocess.run(["losetup", "--detach", device], check=True)


@pytest.mark.slow
@needs_loop_device
def test_a_block_device_is_written_mounted_and_refused(loop, tmp_path):
    """A real one: the image's file system can be mounted; while it is, the kernel refuses."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "cmdline.txt").write_text("console=tty1\n")
    image = tmp_path / "pi.img"
    image.write_bytes(bytes(40 << 20))
    subprocess.run(
        ["mkfs.ext4", "-q", "-d", str(root), str(image)], check=True, capture_output=True
    )
    write_image(packed(image, ".xz"), only())
    folder = tmp_path / "mounted"
    folder.mkdir()
    subprocess.run(["mount", loop, str(folder)], check=True)
    assert (folder / "cmdline.txt").read_text() == "console=tty1\n"
    with pytest.raises(MediumError, match="cannot be written: Device or resource busy"):
        write_image(image, only())
    assert (folder / "cmdline.txt").read_text() == "console=tty1\n"


@pytest.mark.slow
@needs_loop_device
def test_a_block_device_that_is_too_small_is_told(loop, tmp_path):
    """When its end is reached; it has no partition table then."""
    image = tmp_path / "big.img"
    image.write_bytes(b"table" + bytes(60 << 20))
    with pytest.raises(
        MediumError, match=r"No space left on device\. Try another card, or one that"
    ):
        write_image(image, only())
    assert not any(Path(loop).read_bytes()[: medium.BLOCK])
