"""What bookworm's first boot makes of a card: see `first_boot` for who plays it.

`make test-firstboot TOOLS=folder` runs these on Raspberry Pi's own programs.
"""

import os

import pytest

from tests.scripts import first_boot
from tests.scripts.cards import BLOB, KEY, PASSWORD, WIFI_PASSWORD, crypt
from tests.scripts.first_boot import PROFILES, FirstBoot
from tests.scripts.profiles import read_keyfile, text_of, unescaped

if first_boot.TOOLS and os.geteuid():
    pytest.skip("Raspberry Pi's programs run in a root, which needs root", allow_module_level=True)

ODD_SSID, ODD_PASSWORD = "\\o_example\\", " $HOME\"`a'\\\\x! "


@pytest.fixture
def booted(bookworm, prepare, tmp_path):
    """Prepare a card, and boot from it."""
    machine = FirstBoot(tmp_path)

    def boot(*words: str, **more):
        assert prepare(bookworm, *words, **more) == 0
        machine.boot(bookworm)
        assert not (bookworm / "firstrun.sh").exists()
        assert "systemd.run" not in (bookworm / "cmdline.txt").read_text()
        return machine

    return boot


def test_the_user_can_log_in(booted):
    """User and group are renamed, the password is ours, the key opens the door."""
    machine = booted()
    name, group, hashed = machine.user()
    assert (name, group) == ("ada", "ada")
    assert crypt(PASSWORD, hashed) == hashed
    assert machine._read("home/ada/.ssh/authorized_keys") == KEY + "\n"
    assert "PasswordAuthentication no" in machine._read("etc/ssh/sshd_config")
    assert machine._read("etc/hostname") == "pi-1\n"
    assert "127.0.1.1\tpi-1" in machine._read("etc/hosts")


def test_odd_comments_of_keys_survive_the_echo_of_sh(booted, tmp_path):
    """Backslashes, which it would read."""
    key = f"ssh-ed25519 {BLOB} DESK\\new\\c ada\\\\b"
    (tmp_path / "odd.pub").write_text(key + "\n")
    machine = booted("--ssh-password", key=("--ssh-key", "odd.pub"))
    assert machine._read("home/ada/.ssh/authorized_keys") == key + "\n"
    assert "PasswordAuthentication yes" in machine._read("etc/ssh/sshd_config")


@pytest.mark.parametrize("ssid", [ODD_SSID, "  leading", "12;34;", "-h", "--plain", "Home"])
def test_the_network_keeps_its_name_and_password(ssid, booted, tmp_path):
    """Whatever both look like; the radio is on."""
    (tmp_path / "odd.txt").write_text(ODD_PASSWORD + "\n")
    words = (f"--wifi-ssid={ssid}", "--wifi-password-file", "odd.txt", "--wifi-country", "GB")
    machine = booted(*words)
    profile = read_keyfile(machine.profile("preconfigured.nmconnection"))
    assert text_of(profile["wifi.ssid"]) == ssid
    assert unescaped(profile["wifi-security.psk"]) == ODD_PASSWORD
    state = machine._read("var/lib/NetworkManager/NetworkManager.state")
    assert "WirelessEnabled=true" in state
    rfkill = machine.root / "var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan"
    assert rfkill.read_text() == "0\n"


def test_custom_toml_alone_has_the_network(bookworm, prepare, tmp_path):
    """In case that the script cannot run."""
    words = (f"--wifi-ssid={ODD_SSID}", "--wifi-password-file", "odd.txt", "--wifi-country", "GB")
    (tmp_path / "odd.txt").write_text(ODD_PASSWORD + "\n")
    assert prepare(bookworm, *words) == 0
    (bookworm / "firstrun.sh").unlink()
    machine = FirstBoot(tmp_path)
    machine.boot(bookworm)
    profile = read_keyfile(machine.profile("preconfigured.nmconnection"))
    assert text_of(profile["wifi.ssid"]) == ODD_SSID
    assert unescaped(profile["wifi-security.psk"]) == ODD_PASSWORD


def test_several_networks_have_their_profiles(booted, tmp_path):
    """Hidden, open and enterprise ones, by priority; one file for each."""
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nMA==\n")
    words = "--wifi-ssid A --wifi-password-file wifi.txt --wifi-hidden --wifi-ssid B --wifi-open"
    more = "--wifi-ssid C --wifi-user ada@x --wifi-password-file login.txt --wifi-authority ca.pem"
    machine = booted(*words.split(), *more.split(), "--wifi-country", "GB")
    names = ("preconfigured", "wifi-2", "wifi-3")
    a, b, c = (read_keyfile(machine.profile(f"{name}.nmconnection")) for name in names)
    assert [text_of(each["wifi.ssid"]) for each in (a, b, c)] == ["A", "B", "C"]
    priorities = [int(each.get("connection.autoconnect-priority", 0)) for each in (a, b, c)]
    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == 3
    assert (a["wifi.hidden"], unescaped(a["wifi-security.psk"])) == ("true", WIFI_PASSWORD)
    assert "wifi-security.key-mgmt" not in b
    assert (c["802-1x.identity"], c["802-1x.password"]) == ("ada@x", PASSWORD)
    assert c["802-1x.ca-cert"].endswith("wifi-authority-3.pem")
    for name in names:
        assert (machine.root / PROFILES / f"{name}.nmconnection").stat().st_mode & 0o777 == 0o600


def test_places_are_set(booted):
    """Time zone, layout and locale."""
    words = "--timezone Europe/Berlin --keyboard de --locale de_DE.UTF-8"
    machine = booted(*words.split())
    assert machine._read("etc/timezone") == "Europe/Berlin\n"
    assert 'XKBLAYOUT="de"' in machine._read("etc/default/keyboard").replace(
        "XKBLAYOUT=de", 'XKBLAYOUT="de"'
    )
    assert "de_DE.UTF-8 UTF-8" in machine._read("etc/locale.gen")
    assert "LANG=de_DE.UTF-8" in machine._read("etc/default/locale").replace('"', "")


def test_a_keyboards_variant_is_set(booted):
    """Layout and variant, each in its place."""
    keyboard = booted("--keyboard", "ch(fr),us")._read("etc/default/keyboard").replace('"', "")
    assert "XKBLAYOUT=ch,us\n" in keyboard
    assert "XKBVARIANT=fr,\n" in keyboard


def test_the_usb_network_has_its_rule_and_profiles(booted):
    """NetworkManager's own rules leave gadgets alone; the later file has the last word."""
    machine = booted("--usb-gadget")
    assert 'ENV{NM_UNMANAGED}="0"' in machine._read("etc/udev/rules.d/99-pi-nn-usb.rules")
    methods = [
        read_keyfile(machine.profile(f"usb-{name}.nmconnection"))["ipv4.method"]
        for name in ("client", "server")
    ]
    assert methods == ["auto", "shared"]


def test_a_fixed_address_is_set(booted):
    """On Ethernet where no Wi-Fi is given."""
    machine = booted("--address", "192.168.1.50/24", "--gateway", "192.168.1.1")
    profile = read_keyfile(machine.profile("ethernet.nmconnection"))
    assert (profile["ipv4.method"], profile["connection.interface-name"]) == ("manual", "eth0")
    assert "192.168.1.50/24" in profile["ipv4.address1"]
