"""Files that people give, and files that they made: read in full, or refused by name; kept."""

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.sdcard import card as cards
from scripts.sdcard import cli, passwords, settings
from scripts.sdcard.card import Card
from scripts.sdcard.errors import CardError
from tests.conftest import PROJECT
from tests.scripts.cards import (
    BLOB,
    KEY,
    cloud_data,
    make_card,
    snapshot,
)

STATIC = "      addresses: [10.0.0.5/8]\n"
STOCK = "network:\n  version: 2\n  ethernets:\n    eth0:\n"
HAND_MADE = {
    "network-config": STOCK + STATIC,
    "user-data": "#cloud-config\npackages: [vim]\nwrite_files:\n- path: /etc/motd\n  content: x\n",
}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xef\xbb\xbfsecretpw1\r\n", "begins with a byte order mark"),
        ("\ufeffsecretpw1\n".encode("utf-16-le"), "is in UTF-16"),
        ("secretpw1\n".encode("utf-16-be"), "is in UTF-16"),
        (b"m\xfcller12\n", "other bytes"),
        (b"", "the file is empty"),
        (b"\n", "the file is empty"),
        (b"secretpw1\n\n", "got 2 lines"),
        (b"secretpw1\nx\n", "got 2 lines"),
        (b"tab\there99\n", "a tab in it"),
    ],
)
def test_password_files_are_refused_with_the_cause(tmp_path, content, reason):
    """The encoding is named, and how to save the file; the password is not repeated."""
    path = tmp_path / "password.txt"
    path.write_bytes(content)
    with pytest.raises(CardError, match=reason) as caught:
        passwords.read_password(path)
    assert "secret" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"pass\r\n", "pass"),
        (b" lead and trail \n", " lead and trail "),
        (b"$HOME\"`a'\\\\x!\n", "$HOME\"`a'\\\\x!"),
        ("pÄß_wörd€1".encode(), "pÄß_wörd€1"),
    ],
)
def test_password_files_are_read_byte_for_byte(tmp_path, content, password):
    """All but the line's end."""
    path = tmp_path / "password.txt"
    path.write_bytes(content)
    assert passwords.read_password(path) == password


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xef\xbb\xbf" + KEY.encode(), "begins with a byte order mark"),
        (("\ufeff" + KEY).encode("utf-16-le"), "is in UTF-16"),
        (f"ssh-ed25519 {BLOB} m".encode() + b"\xfcller", "id.pub:1: .*other bytes"),
        (f'from="10.0.0.*" {KEY}'.encode(), "options before the key"),
        (b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", "PuTTY's form: 'ssh-keygen -i"),
        (b"ssh-ed25519-cert-v01@openssh.com AAAA x", "a certificate"),
        (b"ssh-dss AAAAB3NzaC1kc3MAAACBAP x", "no longer accepts"),
        (f"ssh-ed25519 {BLOB[:-8]} x".encode(), "not a whole key"),
    ],
)
def test_key_files_are_refused_with_the_cause(tmp_path, content, reason):
    """Encodings, forms and types that the Pi's sshd would not take."""
    path = tmp_path / "id.pub"
    path.write_bytes(content + b"\n")
    with pytest.raises(CardError, match=reason):
        settings.read_ssh_keys(path)


@pytest.mark.parametrize("comment", ["", " two  spaces", "\ttab", " müller@büro", " a\\b\\nc"])
def test_keys_are_written_byte_for_byte(comment, tmp_path, trixie, prepare, capsys):
    """Whatever their comment; the remark names each, though it has none."""
    key = f"ssh-ed25519{comment[:1] or ' '}{BLOB}{comment}"
    (tmp_path / "odd.pub").write_text(f"{key}\r\n")
    assert prepare(trixie, key=("--ssh-key", "odd.pub")) == 0
    assert cloud_data(trixie)["user"]["ssh_authorized_keys"] == [key]
    assert "SSH will accept the key" in capsys.readouterr().err


@pytest.mark.parametrize("image", ["trixie", "bookworm"])
def test_ssh_takes_key_and_password_where_told(image, request, prepare, capsys):
    """Both, by --ssh-password."""
    card = request.getfixturevalue(image)
    assert prepare(card, "--ssh-password") == 0
    assert "SSH will accept the key ada@desk, and the password" in capsys.readouterr().err
    text = (card / {"trixie": "user-data", "bookworm": "custom.toml"}[image]).read_text()
    assert '"ssh_pwauth": true' in text or "password_authentication = true" in text
    assert KEY in text


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_files_need_force_and_are_kept(name, trixie, prepare, capsys):
    """Whatever they set; each version, beside."""
    (trixie / name).write_text(HAND_MADE[name])
    before = snapshot(trixie)
    assert prepare(trixie) == 1
    error = capsys.readouterr().err
    for key in {"network-config": ("ethernets",), "user-data": ("packages", "write_files")}[name]:
        assert f"{key} in {name}" in error
    assert snapshot(trixie) == before
    assert prepare(trixie, "--force") == 0
    assert f"kept the old {name} as {name}.before-pi-nn\n" in capsys.readouterr().out
    (trixie / name).write_text(HAND_MADE[name] + "# second\n")
    assert prepare(trixie, "--force") == 0
    assert (trixie / f"{name}.before-pi-nn").read_text() == HAND_MADE[name]
    assert (trixie / f"{name}.before-pi-nn-2").read_text() == HAND_MADE[name] + "# second\n"
    assert prepare(trixie, "--force") == 0
    assert not (trixie / f"{name}.before-pi-nn-3").exists()  # what we wrote ourselves is not kept


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("user-data", "#!/bin/sh\necho hello\n"),
        ("user-data", "#include\nhttps://example.org/x\n"),
        ("user-data", "Content-Type: multipart/mixed\n"),
        ("user-data", '{"packages": ["vim"]}\n'),
        ("user-data", "#cloud-config\nssh_import_id: [gh:ada]\n"),
        ("user-data", "\ufeff#cloud-config\ntimezone: Europe/Berlin\n"),
        ("network-config", "network: {version: 2, wifis: {}}\n"),
        ("network-config", "version: 1\nconfig: disabled\n"),
        ("network-config", "network:\n  version: 2\n  bridges:\n    br0: {}\n"),
        ("meta-data", "instance-id: mine\nlocal-hostname: theirs\n"),
        ("userconf.txt", "they:hash\n"),
    ],
)
def test_whatever_sets_anything_is_hand_made(name, text, trixie, prepare):
    """Scripts, MIME, JSON, any key; refused, or kept with --force."""
    (trixie / name).write_text(text)
    assert prepare(trixie) == 1
    assert prepare(trixie, "--force") == 0
    assert (trixie / f"{name}.before-pi-nn").read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "# all comments\n",
        STOCK + "      dhcp4: true\n      optional: true\n",
    ],
)
def test_what_images_come_with_is_not_hand_made(text, trixie, prepare):
    """No --force, no backup."""
    (trixie / "network-config").write_text(text)
    assert prepare(trixie) == 0
    assert not (trixie / "network-config.before-pi-nn").exists()


def test_bookworm_keeps_hand_made_files(bookworm, prepare):
    """Also those that go: an old wpa_supplicant.conf, another's firstrun.sh."""
    for name in ("custom.toml", "firstrun.sh", "wpa_supplicant.conf"):
        (bookworm / name).write_text(f"# theirs: {name}\n")
    assert prepare(bookworm, "--force") == 0
    for name in ("custom.toml", "firstrun.sh", "wpa_supplicant.conf"):
        assert (bookworm / f"{name}.before-pi-nn").read_text() == f"# theirs: {name}\n"
    assert not (bookworm / "wpa_supplicant.conf").exists()


def test_bullseye_is_told_from_bookworm(bookworm, prepare, capsys):
    """By its missing initramfs: written to, it would switch itself off at each boot."""
    (bookworm / "initramfs").unlink()
    before = snapshot(bookworm)
    assert prepare(bookworm) == 1
    assert "found bullseye (it has no initramfs*)" in capsys.readouterr().err
    for name in ("bookworm", "trixie"):
        assert prepare(bookworm, "--image", name, "--force") == 1
    assert snapshot(bookworm) == before
    (bookworm / "initramfs8").touch()
    assert Card(bookworm).image() == "bookworm"


@pytest.mark.parametrize("image", ["trixie", "bookworm"])
def test_a_64_bit_image_is_warned_of(image, request, prepare, capsys):
    """It has no kernel.img, with which a Zero and a Zero W boot."""
    card = request.getfixturevalue(image)
    assert prepare(card, "--dry-run") == 0
    assert "64-bit" not in capsys.readouterr().err
    (card / "kernel.img").rename(card / "kernel8.img")
    assert prepare(card, "--dry-run") == 0
    assert "this 64-bit image does not boot on a Zero, a Zero W" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "cmdline", "name"),
    [
        ("dietpi.txt", "root=PARTUUID=1-02 rootwait", "DietPi"),
        ("vmlinuz", "root=PARTUUID=1-02 rootwait", "Ubuntu"),
        ("initrd.img", "console=tty1 root=LABEL=writable rootwait", "Ubuntu"),
        ("SYSTEM", "boot=LABEL=LIBREELEC quiet", "LibreELEC"),
        ("recovery.cmdline", "quiet", "NOOBS"),
    ],
)
def test_other_systems_are_called_by_their_names(file, cmdline, name, tmp_path, prepare, capsys):
    """Not Raspberry Pi OS, not to be forced by --image; with how they are set up."""
    card = make_card(tmp_path / "bootfs", cmdline + "\n", "2026-06-18")
    (card / "issue.txt").unlink()
    (card / "user-data").write_text("#cloud-config\n")
    (card / file).touch()
    before = snapshot(card)
    for words in ((), ("--image", "trixie"), ("--image", "bookworm", "--force")):
        assert prepare(card, *words) == 1
        error = capsys.readouterr().err
        assert f"found that of {name}, which this script cannot set up" in error
    assert snapshot(card) == before


def test_the_only_card_is_found(trixie, prepare, monkeypatch, capsys, tmp_path):
    """None and several are errors that say so."""
    names = ("--hostname", "pi-1", "--user", "ada", "--dry-run")
    for found, text in (([], "found none"), ([trixie, tmp_path], "found /")):
        monkeypatch.setattr(cards, "_places", lambda found=found: found)
        monkeypatch.setattr(cards, "looks_like_card", lambda folder: True)
        assert cli.main(names) == 1
        assert text in capsys.readouterr().err
    monkeypatch.setattr(cards, "_places", lambda: [trixie])
    assert cli.main(names) == 0
    assert f"in {trixie}" in capsys.readouterr().err


@pytest.mark.parametrize("system", ["win32", "darwin", "linux"])
def test_cards_are_looked_for_where_systems_put_them(system, monkeypatch):
    """No folder is an error; nothing is written."""
    monkeypatch.setattr(sys, "platform", system)
    assert all(isinstance(path, Path) for path in cards.find_cards())


def test_a_device_and_a_parent_folder_are_explained(trixie, tmp_path, prepare, capsys):
    """With the folder to give instead."""
    assert prepare(Path("/dev/sdz1")) == 1
    assert "got a device: mount it" in capsys.readouterr().err
    assert prepare(tmp_path) == 1
    assert f"the boot partition is in it: give {trixie}" in capsys.readouterr().err
    assert prepare(trixie / "config.txt") == 1
    assert "got a file" in capsys.readouterr().err
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    device = next((line.split() for line in mounts if line.startswith("/dev/")), ["/dev/none"])
    if Path(device[0]).exists() and stat.S_ISBLK(os.stat(device[0]).st_mode):  # noqa: PTH116
        assert prepare(Path(device[0])) == 1
        assert "got a device: give /" in capsys.readouterr().err


def test_the_pis_name_can_be_changed_later(trixie, prepare):
    """After the first boot cloud-init leaves it alone: its setting is written then, not before."""
    assert prepare(trixie) == 0
    data = cloud_data(trixie)
    (file,) = data["write_files"]
    assert (file["path"], file["defer"]) == ("/etc/cloud/cloud.cfg.d/99-pi-nn.cfg", True)
    assert "preserve_hostname: true" in file["content"]
    assert "manage_etc_hosts: false" in file["content"]
    assert not {"manage_etc_hosts", "preserve_hostname"} & set(data)  # it would have the last word


@pytest.mark.parametrize("hosts", ["127.0.1.1\traspberrypi\n", "127.0.0.1 localhost\n", ""])
def test_the_pi_knows_its_own_name(hosts, trixie, prepare, tmp_path):
    """The command that cloud-init runs, run twice: one line in /etc/hosts."""
    assert prepare(trixie) == 0
    path = tmp_path / "hosts"
    path.write_text(hosts)
    commands = [each for each in cloud_data(trixie)["runcmd"] if each[0] == "sh"]
    assert len(commands) == 1
    for _ in range(2):
        script = commands[0][2].replace("/etc/hosts", str(path))
        subprocess.run(["sh", "-e", "-c", script], check=True)
    lines = [line for line in path.read_text().splitlines() if line.startswith("127.0.1.1")]
    assert lines == ["127.0.1.1\tpi-1"]


OLD_PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.9.*/bin/python3.9"))


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python 3.9 here")
@pytest.mark.parametrize("image", ["trixie", "bookworm"])
def test_the_script_runs_on_the_python_of_a_mac(image, request):
    """Version 3.9, without site-packages: both images, every kind of setting."""
    card = request.getfixturevalue(image)
    (card.parent / "wifi.txt").write_text("battery staple\n")
    script = PROJECT / "scripts/prepare_sd_card.py"
    words = "--hostname pi-1 --user ada --wifi-ssid Home --wifi-country GB --keyboard us(intl)"
    more = ("--wifi-password-file", card.parent / "wifi.txt", "--timezone", "Europe/London")
    command = [OLD_PYTHONS[0], "-S", "-E", script, card, *words.split(), *more]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "read back and checked\n" in done.stdout


def test_every_module_parses_on_the_python_of_a_mac():
    """Where no such Python is at hand, its grammar is."""
    for path in (PROJECT / "scripts/sdcard").glob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 9))
