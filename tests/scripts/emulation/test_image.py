"""What a card is made from, and images of Raspberry Pi OS: partitions as sfdisk makes them."""

import os
import re
import shutil
import subprocess

import pytest

from scripts.emulation.card import grow, mounts_of, partitions
from scripts.emulation.card_folder import PROJECT, kit_fingerprint
from scripts.machines.host import MachineError
from scripts.machines.roots import release_alone

LAYOUT = "label: dos\nsize=16MiB, type=c\nsize=32MiB, type=83\n"


@pytest.fixture
def image(tmp_path):
    """A file with the partitions of a Raspberry Pi OS image."""
    if shutil.which("sfdisk") is None:
        pytest.skip("sfdisk is not installed")
    image = tmp_path / "raspios.img"
    with image.open("wb") as file:
        file.truncate(64 * 2**20)
    subprocess.run(["sfdisk", "-q", image], input=LAYOUT, text=True, check=True)
    return image


def test_partitions_are_found_and_mounted(image):
    """The root first, then the boot files in it, each where it begins."""
    boot, root = partitions(image)
    assert (boot["size"], root["size"]) == (16 * 2048, 32 * 2048)
    mounts = mounts_of(image)
    assert [mount.target for mount in mounts] == ["/", "/boot/firmware"]
    assert f"offset={root['start'] * 512},sizelimit={32 * 2**20}" in mounts[0].options


def test_an_image_is_grown_with_its_files(image, tmp_path, monkeypatch):
    """The root takes all that was added, by e2fsprogs' own count; the boot files stay."""
    if os.geteuid() != 0:
        pytest.skip("a loop device takes root")
    monkeypatch.setattr("scripts.emulation.card.ADDED_BYTES", 64 * 2**20)
    boot, root = partitions(image)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/note").write_text("a student's\n")
    place = root["start"] * 512
    mke2fs = ["mke2fs", "-q", "-t", "ext4", "-d", tmp_path / "files", "-E", f"offset={place}"]
    subprocess.run([*mke2fs, image, "32M"], check=True)
    grow(image)
    assert partitions(image)[0] == boot
    assert partitions(image)[1]["start"] == root["start"]
    file_system = f"{image}?offset={place}"
    subprocess.run(["e2fsck", "-f", "-n", file_system], check=True)
    told = subprocess.run(["dumpe2fs", "-h", file_system], capture_output=True, text=True).stdout
    numbers = {
        name: int(re.search(rf"Block {name}: +(\d+)", told)[1]) for name in ("count", "size")
    }
    end = place + numbers["count"] * numbers["size"]
    assert end == image.stat().st_size == 128 * 2**20
    note = ["debugfs", "-R", "cat /note", file_system]
    assert subprocess.run(note, capture_output=True).stdout == b"a student's\n"


def test_other_files_are_refused(image, tmp_path):
    """A disk without boot files, and a file that is no disk."""
    subprocess.run(["sfdisk", "-q", image], input="label: dos\ntype=83\n", text=True, check=True)
    for file in (image, tmp_path / "notes.txt"):
        if not file.exists():
            file.write_text("no disk\n")
        with pytest.raises(MachineError, match=f"{file}.*expected an unpacked image"):
            partitions(file)


def test_a_changed_kit_is_a_new_card(tmp_path, monkeypatch):
    """What the roles or the kit say counts, and so do flags; secrets do not."""
    monkeypatch.setattr("scripts.emulation.card_folder.PROJECT", tmp_path)
    (tmp_path / "ansible/secrets").mkdir(parents=True)
    (tmp_path / "ansible/site.yml").write_text("one")
    first = kit_fingerprint([])
    (tmp_path / "ansible/secrets/password").write_text("secret")
    assert kit_fingerprint([]) == first
    assert kit_fingerprint(["-v"]) != first
    (tmp_path / "Makefile").write_text("help:")
    second = kit_fingerprint([])
    assert second != first
    (tmp_path / "ansible/site.yml").write_text("two")
    assert kit_fingerprint([]) not in (first, second)
    assert (PROJECT / "ansible/playbooks/site.yml").exists()


def test_sources_without_updates():
    """Both of apt's formats."""
    stanza = "Types: deb\nURIs: http://debian.example/{}\nSuites: {}\nComponents: main\n"
    updates = stanza.format("debian-security", "bookworm-security")
    both = stanza.format("debian", "bookworm bookworm-updates") + "\n" + updates
    line = "deb http://debian.example/debian {} main\n"
    lines = line.format("bookworm") + line.format("bookworm-updates")
    kept = release_alone({"a.sources": both, "b.list": lines}, "bookworm")
    assert kept["a.sources"] == stanza.format("debian", "bookworm")
    assert kept["b.list"] == line.format("bookworm")
