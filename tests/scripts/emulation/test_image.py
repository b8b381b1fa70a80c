"""What a card is made from, and images of Raspberry Pi OS: partitions as sfdisk makes them."""

import os
import re
import shutil
import subprocess
import time

import pytest
import yaml

from scripts.emulation.card import find_boot_files, grow, mounts_of, partitions
from scripts.emulation.card_folder import PROJECT, CardFolder, kit_fingerprint
from scripts.emulation.image import make_image, provision
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


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two files, which git tracks."""
    project = tmp_path / "project"
    monkeypatch.setattr("scripts.emulation.card_folder.PROJECT", project)
    (project / "ansible").mkdir(parents=True)
    (project / "ansible/site.yml").write_text("one")
    (project / "Makefile").write_text("help:")
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", "-C", project, *words], check=True)
    return project


@pytest.fixture(params=["git", "zip"])
def kit(project, request):
    """The same, as a checkout and as an unpacked zip."""
    if request.param == "zip":
        shutil.rmtree(project / ".git")
    return project


def test_a_changed_kit_is_a_new_card(kit):
    """What the roles or the kit say counts, and so do flags."""
    first = kit_fingerprint([])
    assert kit_fingerprint([]) == first
    assert kit_fingerprint(["-v"]) != first
    (kit / "Makefile").write_text("help: x")
    second = kit_fingerprint([])
    assert second != first
    (kit / "ansible/site.yml").write_text("two")
    third = kit_fingerprint([])
    assert third not in (first, second)
    (kit / "ansible/site.yml").unlink()
    assert kit_fingerprint([]) not in (first, second, third)
    assert (PROJECT / "ansible/playbooks/site.yml").exists()


@pytest.mark.parametrize(
    "name",
    [
        "ansible/secrets/pi/password",
        "ansible/backups/pi.tar.gz",
        "mnist_dataset/train-images-idx3-ubyte.gz",
        "mnist_dataset/sample_train.csv.gz.packed",
        "notebooks/.ipynb_checkpoints/a.ipynb",
        "nn/__pycache__/a.pyc",
    ],
)
def test_what_is_not_the_kit_does_not_count(kit, name):
    """Secrets, downloads, and what a training or a notebook leaves; as long as git is not told."""
    first = kit_fingerprint([])
    (kit / name).parent.mkdir(parents=True, exist_ok=True)
    (kit / name).write_text("mine")
    assert kit_fingerprint([]) == first


def test_your_own_notebook_does_not_count(project, monkeypatch):
    """What git does not track; a hook's environment changes nothing."""
    first = kit_fingerprint([])
    (project / "notebooks").mkdir()
    (project / "notebooks/mine.ipynb").write_text("{}")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert kit_fingerprint([]) == first


class Builder:
    """A stand-in for the stages that take minutes: it counts them, and writes a card."""

    def __init__(self, folder: CardFolder):
        self.folder, self.steps = folder, []

    def make(self, base=None, **options):
        """Run it, and count its stages from zero."""
        self.steps = []
        return make_image(self.folder, base, [], **options)

    def provision(self, folder, root, flags, *mounts, address):
        """Take the place of the playbook."""
        self.steps.append("kit")

    def write_card(self, folder):
        """Write the card."""
        self.steps.append("card")
        self.folder.image.write_bytes(b"a card")
        self.folder.booted_mark.unlink(missing_ok=True)

    def make_reachable(self, folder):
        """Take the place of what runs in the root."""
        self.steps.append("root")


@pytest.fixture
def builder(project, tmp_path, monkeypatch):
    """The stages of make_image, with nothing that needs root or minutes."""
    root = tmp_path / "debian"
    root.mkdir()
    builder = Builder(CardFolder(tmp_path / "my card"))
    image = "scripts.emulation.image"
    for name in ("require_root", "require_commands", "require_space", "enable_arm"):
        monkeypatch.setattr(f"{image}.{name}", lambda *words: None)
    monkeypatch.setattr(f"{image}.ensure_root", lambda release, kind: root)
    for name in ("provision", "write_card", "make_reachable"):
        monkeypatch.setattr(f"{image}.{name}", getattr(builder, name))
    return builder


KERNEL = "boot/vmlinuz-6.1.0-9-rpi"
DEVICE_TREE = "usr/lib/linux-image-6.1.0-{}-rpi/bcm2835-rpi-zero.dtb"


@pytest.fixture
def base(tmp_path):
    """A root of a user's own."""
    base = tmp_path / "own root"
    for name in (KERNEL, "boot/initrd.img-6.1.0-9-rpi", DEVICE_TREE.format(9)):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("")
    (base / "var/lib/dpkg").mkdir(parents=True)
    (base / "var/lib/dpkg/status").write_text("Package: a\nArchitecture: armhf\n")
    return base


def test_nothing_changed_nothing_done(builder):
    """The second run is done at once; where MNIST is taken from does not matter."""
    builder.make()
    assert builder.steps == ["root", "kit", "card"]
    builder.make()
    assert builder.steps == []
    builder.make(mirror=PROJECT)
    assert builder.steps == []


def test_a_root_that_was_deleted_is_copied_again(builder, project):
    """It takes space; the card does without it until the kit changes."""
    builder.make()
    shutil.rmtree(builder.folder.root)
    builder.make()
    assert builder.steps == []
    (project / "Makefile").write_text("new:")
    builder.make()
    assert builder.steps == ["root", "kit", "card"]


def test_a_changed_kit_replaces_a_card_that_was_not_booted(builder, project):
    """Nothing on it is the user's."""
    builder.make()
    (project / "Makefile").write_text("new:")
    builder.make()
    assert builder.steps == ["kit", "card"]


@pytest.mark.parametrize("how", ["marked", "written to"])
def test_a_booted_card_is_kept(builder, project, how):
    """Unless the user says otherwise; a kit that has not changed is no reason to complain."""
    builder.make()
    if how == "marked":
        builder.folder.booted_mark.touch()
    else:
        time.sleep(0.02)
        builder.folder.image.write_bytes(b"a student's work")
    builder.make()
    assert builder.steps == []
    (project / "Makefile").write_text("new:")
    with pytest.raises(MachineError, match=r"was booted, and .* lost.*'make image REPLACE=1'"):
        builder.make()
    assert builder.steps == []
    builder.make(replace=True)
    assert builder.steps == ["kit", "card"]
    (project / "Makefile").write_text("newer:")
    time.sleep(0.02)
    builder.make()
    assert builder.steps == ["kit", "card"]


def test_a_card_that_is_booted_meanwhile_is_kept(builder, project, monkeypatch):
    """An hour passes between the beginning and the end; what was built is kept as well."""
    builder.make()
    (project / "Makefile").write_text("new:")

    def provision(folder, *words, **options):
        builder.provision(folder, *words, **options)
        folder.booted_mark.touch()

    monkeypatch.setattr("scripts.emulation.image.provision", provision)
    with pytest.raises(MachineError, match="was booted"):
        builder.make()
    assert builder.steps == ["kit"]
    builder.make(replace=True)
    assert builder.steps == ["card"]


def test_a_running_machine_keeps_its_card(builder, project, monkeypatch):
    """Whatever the user says."""
    builder.make()
    (project / "Makefile").write_text("new:")
    monkeypatch.setattr("scripts.emulation.emulator.Emulator.pid", 123)
    with pytest.raises(MachineError, match="process 123: stop it with 'make emulate-stop'"):
        builder.make(replace=True)
    assert builder.steps == []


def test_a_linked_base_is_copied(builder, base, tmp_path):
    """Not the link to it: what the roles do must not reach the user's own root."""
    link = tmp_path / "latest"
    link.symlink_to(base)
    builder.make(link)
    assert not builder.folder.root.is_symlink()
    (builder.folder.root / "boot/new").write_text("")
    assert not (base / "boot/new").exists()
    builder.make(base)
    assert builder.steps == []


def test_a_link_to_the_cards_own_folder_is_refused(builder, tmp_path):
    """It contains what would be made."""
    (tmp_path / "link").symlink_to(builder.folder.path.parent)
    with pytest.raises(MachineError, match="contains the card's folder"):
        builder.make(tmp_path / "link")


@pytest.mark.parametrize(
    "change",
    [
        lambda base: (base / "etc").mkdir(),
        lambda base: (base / KERNEL).write_text("other"),
        lambda base: (base / KERNEL).chmod(0o700),
        lambda base: os.utime(base / KERNEL, (1, 1)),
        lambda base: (base / "link").symlink_to("boot"),
    ],
)
def test_a_changed_base_is_a_new_root(builder, base, change):
    """A folder more, a file's content, permissions or time, a link."""
    builder.make(base)
    builder.make(base)
    assert builder.steps == []
    change(base)
    builder.make(base)
    assert builder.steps == ["root", "kit", "card"]


def test_the_latest_kernel_is_taken(base):
    """By number: as text, 9 comes after 10."""
    latest = ["boot/vmlinuz-6.1.0-10-rpi", "boot/initrd.img-6.1.0-10-rpi", DEVICE_TREE.format(10)]
    for name in latest:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("")
    assert list(find_boot_files(base).values()) == [base / name for name in latest]


@pytest.mark.parametrize(
    ("status", "tries", "message"),
    [(2, 2, "the task 'Install packages' failed"), (4, 1, "status 4"), (5, 1, "status 5")],
)
def test_only_a_failed_task_is_tried_again(tmp_path, monkeypatch, status, tries, message):
    """Once more; a wrong option or a wrong file not at all."""
    playbook = tmp_path / "ansible-playbook"
    playbook.write_text(
        f"#!/bin/sh\necho try >>'{tmp_path}/count'\n"
        "echo 'x | TASK [base : Start] ****' >>\"$ANSIBLE_LOG_PATH\"\n"
        "echo 'x | TASK [Install packages] ****' >>\"$ANSIBLE_LOG_PATH\"\n"
        f"exit {status}\n"
    )
    playbook.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("scripts.emulation.image.beside", lambda root, *mounts: [])
    folder = CardFolder(tmp_path / "a: card")
    folder.path.mkdir()
    with pytest.raises(MachineError, match=message):
        provision(folder, folder.root, [], address="localhost")
    assert (tmp_path / "count").read_text() == "try\n" * tries
    host = yaml.safe_load((folder.path / "chroot.yml").read_text())["pis"]["hosts"]["pi-emulated"]
    assert host["ansible_host"] == str(folder.root)
    assert host["jupyter_address"] == "localhost"


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
