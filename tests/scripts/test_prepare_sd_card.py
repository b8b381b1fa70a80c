"""The settings that scripts/prepare_sd_card.py leaves on a card, held against who reads them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts.sdcard import boot_files, cli, files, keyfile, passwords, settings
from scripts.sdcard.card import Card
from scripts.sdcard.errors import CardError
from scripts.sdcard.trixie import APT, GROUPS, HOSTS, KEEP_NAME, LOCALE
from tests.conftest import PROJECT
from tests.scripts.cards import (
    ALL,
    BLOB,
    BOOKWORM_CMDLINE,
    KEY,
    PASSWORD,
    TRIXIE_CMDLINE,
    WIFI,
    WIFI_PASSWORD,
    cloud_data,
    crypt,
    make_card,
    snapshot,
)


def test_the_oracle_for_hashes_knows_the_published_vector():
    """The first of Drepper's SHA-crypt test vectors."""
    expected = (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3u"
        "BnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    )
    assert crypt("Hello world!", "$6$saltstring") == expected


@pytest.mark.parametrize("password", ["x", "grün $6$ 'quoted' \\n", "long " * 25])
def test_passwords_are_hashed_as_a_login_checks_them(password):
    """By crypt(3), salted again each time."""
    first, second = passwords.hash_password(password), passwords.hash_password(password)
    assert first != second
    assert crypt(password, first) == first
    assert crypt(password + "y", first) != first


@pytest.mark.parametrize("length", [1, 63, 64, 65, 128])
@pytest.mark.parametrize("salt", ["x", "saltstring", "./longest.salt./"])
def test_hashes_are_those_of_the_c_library(length, salt):
    """Around the length of a digest, where the specification repeats and cuts it."""
    password = "".join(chr(33 + n * 7 % 90) for n in range(length))
    assert passwords.sha512_crypt(password.encode(), salt) == crypt(password, f"$6${salt}")


def test_hashing_needs_no_other_program(monkeypatch):
    """On macOS openssl cannot do it, and Python 3.13 has no crypt."""
    monkeypatch.setenv("PATH", "")
    assert passwords.hash_password("x").startswith("$6$")


@pytest.mark.parametrize("password", ["x" * 8, " lead and trail ", "$HOME\"`a'\\\\x!", "~" * 63])
def test_wifi_passwords_stay_as_they_are(password):
    """WPA3 needs the password itself; a key in hexadecimal is WPA2's, and is told apart."""
    assert passwords.wifi_password(password) == password
    assert not passwords.is_wifi_key(password)
    key = "F42c" * 16
    assert passwords.wifi_password(key) == key.lower()
    assert passwords.is_wifi_key(key)


@pytest.mark.parametrize("password", ["short", "x" * 64, "größeres"])
def test_wifi_passwords_that_no_network_has_are_refused(password):
    """8 to 63 ASCII characters; the password itself is not repeated."""
    with pytest.raises(CardError, match="8 to 63 ASCII") as caught:
        passwords.wifi_password(password)
    assert password not in str(caught.value)


def test_login_passwords_can_be_typed():
    """Up to 128 bytes, nothing invisible; the password itself is not repeated."""
    assert passwords.check_password("ö" * 64) == "ö" * 64
    for password in ("", "secret\tone", "ö" * 65):
        with pytest.raises(CardError, match=r"1 to 128 printable bytes, got a different one$"):
            passwords.check_password(password)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (settings.hostname, "pi-1 7 X a" + "b" * 62, "pi_1 -pi pi- pi.local ä  " + "b" * 64),
        (settings.user, "ada a_b-1 " + "u" * 32, "Ada 1a root -a a.b ada$ " + "u" * 33),
        (settings.country, "GB DE", "gb GBR G ÄÖ"),
        (settings.locale, "en_GB.UTF-8 ast_ES.UTF-8", "en_GB en_GB.utf8 C.UTF-8 en_gb.UTF-8"),
        (settings.keyboard, "gb latam", "GB g gb;reboot"),
        (settings.timezone, "Europe/London UTC Etc/GMT+5", "Europe/Nowhere ../etc/passwd Europe/"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_values_are_accepted_or_refused_by_their_rules(check, good, bad):
    """Both sides of each rule; the error repeats what it got."""
    for text in good.split(" "):
        if check is settings.hostname or text:
            assert check(text) == text
    for text in [*bad.split(" "), "a\nb"]:
        with pytest.raises(CardError, match=re.escape(f"got {text!r}")):
            check(text)


def test_network_names_are_measured_in_bytes():
    """At most 32, as the radio sends them."""
    assert settings.ssid("ö" * 16) == "ö" * 16
    for text in ("ö" * 17, "x" * 33, "", "a\tb"):
        with pytest.raises(CardError, match="1 to 32 printable bytes"):
            settings.ssid(text)


def test_public_keys_are_told_from_everything_else(tmp_path):
    """Several, with comments between; but no private one, no cut one, no other type's."""
    path = tmp_path / "id"
    path.write_text(f"# mine\n{KEY}\r\n\nssh-ed25519 {BLOB}\n")
    assert settings.read_ssh_keys(path) == (KEY, f"ssh-ed25519 {BLOB}")
    path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n")
    with pytest.raises(CardError, match=r"id: this is a PRIVATE key.*id\.pub") as caught:
        settings.read_ssh_keys(path)
    assert "secret" not in str(caught.value)
    path.write_text("\n")
    with pytest.raises(CardError, match="found none"):
        settings.read_ssh_keys(path)
    bad = (f"ssh-ed25519 {BLOB[:40]}", f"ssh-ed25519 !{BLOB}", f"{KEY}\a", "ssh-ed25519 ???")
    for line in (*bad, f"ssh-rsa {BLOB}", "hello"):
        path.write_text(f"{KEY}\n{line}\n")
        with pytest.raises(CardError, match="id:2: expected a public SSH key"):
            settings.read_ssh_keys(path)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_keys_that_ssh_keygen_makes_are_taken(tmp_path, kind):
    """The real thing, public and private."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
    public = path.with_suffix(".pub")
    assert settings.read_ssh_keys(public) == (public.read_text().strip(),)
    with pytest.raises(CardError, match="PRIVATE"):
        settings.read_ssh_keys(path)


def test_a_bookworm_card_gets_custom_toml(bookworm, prepare, capsys):
    """Every section that init_config knows, as tomllib reads it."""
    assert prepare(bookworm, *ALL) == 0
    config = tomllib.loads((bookworm / "custom.toml").read_text(encoding="utf-8"))
    hashed = config["user"].pop("password")
    assert crypt(PASSWORD, hashed) == hashed
    assert config == {
        "config_version": 1,
        "system": {"hostname": "pi-1"},
        "user": {"name": "ada", "password_encrypted": True},
        "ssh": {"enabled": True, "password_authentication": False, "authorized_keys": [KEY]},
        "wlan": {
            "ssid": keyfile.ssid(WIFI[1]),
            "password": WIFI_PASSWORD,
            "password_encrypted": True,
            "hidden": False,
            "country": "GB",
        },
        "locale": {"keymap": "gb", "timezone": "Europe/London"},
    }
    output = capsys.readouterr()
    assert "then: ssh ada@pi-1.local\n" in output.out
    assert "bookworm's sudo asks for no password" in output.err


def test_a_bookworm_card_gets_the_usb_network(bookworm, prepare):
    """In the section for all models, and early among the kernel's words; the old files are kept."""
    before = snapshot(bookworm)
    assert prepare(bookworm, "--usb-gadget") == 0
    assert (bookworm / "config.txt").read_bytes().endswith(b"host\n\n[all]\ndtoverlay=dwc2\n")
    cmdline = (bookworm / "cmdline.txt").read_text()
    modules = BOOKWORM_CMDLINE.replace("wait ", "wait modules-load=dwc2,g_ether ")
    assert cmdline.split() == [*modules.split(), *boot_files.RUN_SCRIPT]
    for name in ("cmdline.txt", "config.txt"):
        assert (bookworm / f"{name}.before-pi-nn").read_bytes() == before[name]


def test_ssh_takes_the_password_where_there_is_no_key(bookworm, prepare):
    """Or nobody could get in."""
    assert prepare(bookworm, key=()) == 0
    config = tomllib.loads((bookworm / "custom.toml").read_text(encoding="utf-8"))
    assert config["ssh"] == {
        "enabled": True,
        "password_authentication": True,
        "authorized_keys": [],
    }


def test_the_backups_are_those_of_the_image(bookworm, prepare, capsys):
    """However often settings are replaced; bytes that are no UTF-8 survive; what boots is last."""
    config = b"# caf\xe9\r\ndtparam=audio=on"
    (bookworm / "config.txt").write_bytes(config)
    assert prepare(bookworm, *ALL) == 0
    written = re.findall("wrote (.*)", capsys.readouterr().out)
    assert set(written[:-2]) == {"custom.toml", "firstrun.sh"}
    assert set(written[-2:]) == {"config.txt", "cmdline.txt"}
    assert prepare(bookworm, "--force") == 0
    assert (bookworm / "config.txt.before-pi-nn").read_bytes() == config
    assert (bookworm / "config.txt").read_bytes() == config + b"\n[all]\ndtoverlay=dwc2\n"
    assert (bookworm / "cmdline.txt.before-pi-nn").read_text() == BOOKWORM_CMDLINE


def test_preparing_twice_needs_force_and_changes_no_more(bookworm, prepare, capsys):
    """The second time only the salt differs, and the first backup stays."""
    assert prepare(bookworm, *ALL) == 0
    first = snapshot(bookworm)
    assert prepare(bookworm, *ALL) == 1
    assert "found custom.toml, firstrun.sh, systemd.run=" in capsys.readouterr().err
    assert snapshot(bookworm) == first
    assert prepare(bookworm, *ALL, "--force") == 0
    second = snapshot(bookworm)
    assert second.pop("custom.toml") != first.pop("custom.toml")
    assert second == first


def test_the_script_for_the_locale_runs_once(bookworm, prepare, tmp_path):
    """Run by a real shell with a fake raspi-config: it leaves no script, and the line as it was."""
    cmdline = bookworm / "cmdline.txt"
    before = BOOKWORM_CMDLINE.strip() + " systemd.show_status=1\n"
    cmdline.write_text(before)
    assert prepare(bookworm, "--locale", "en_GB.UTF-8") == 0
    assert cmdline.read_text().split()[-3:] == [*boot_files.RUN_SCRIPT]
    script = (bookworm / "firstrun.sh").read_text().replace("/boot/firmware", str(bookworm))
    program = tmp_path / "raspi-config"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n')
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-e", "-c", script], env=environ, check=True)
    assert (tmp_path / "called").read_text() == "nonint do_change_locale en_GB.UTF-8\n"
    assert cmdline.read_text() == before
    assert not (bookworm / "firstrun.sh").exists()


def test_a_trixie_card_gets_cloud_init_files(trixie, prepare, capsys):
    """What is asked for, SSH on, sudo by password, and the stock id replaced."""
    assert prepare(trixie, *ALL) == 0
    assert (trixie / "user-data").read_text().startswith("#cloud-config\n")
    data = cloud_data(trixie)
    user = data.pop("user")
    assert user["passwd"] == user["hashed_passwd"] == crypt(PASSWORD, user["passwd"])
    assert (user["name"], user["lock_passwd"]) == ("ada", False)
    assert (user["sudo"], user["ssh_authorized_keys"]) == ("ALL=(ALL) ALL", [KEY])
    assert user["groups"].endswith(",sudo")
    assert [" ".join(command) for command in data.pop("runcmd")] == [
        "systemctl enable --now ssh",
        f"sh -c {HOSTS.format('pi-1')}",
        f"sh -c {LOCALE.format('en_GB.UTF-8')}",
        "nmcli connection reload",
        "rfkill unblock wifi",
        "nmcli radio wifi on",
        "rpi-usb-gadget on -f",
    ]
    assert data.pop("power_state")["mode"] == "reboot"
    wpa3_file = data["write_files"][-1]
    assert "key-mgmt=sae" in wpa3_file["content"]
    assert data == {
        "hostname": "pi-1",
        "ssh_pwauth": False,
        "apt": APT,
        "write_files": [KEEP_NAME, wpa3_file],
        "keyboard": {"model": "pc105", "layout": "gb"},
        "timezone": "Europe/London",
    }
    wlan = cloud_data(trixie, "network-config")["network"]["wifis"]["wlan0"]
    assert wlan == {
        "dhcp4": True,
        "dhcp6": True,
        "optional": True,  # or a boot out of reach of it takes two minutes more
        "regulatory-domain": "GB",
        "access-points": {WIFI[1]: {"password": WIFI_PASSWORD}},
    }
    identity = cloud_data(trixie, "meta-data")["instance-id"]
    assert identity.startswith("pi-nn-")
    added = f" cfg80211.ieee80211_regdom=GB ds=nocloud;i={identity}\n"
    expected = TRIXIE_CMDLINE.strip() + added
    assert (trixie / "cmdline.txt").read_text() == expected
    assert "make provision ASK_SUDO=1" in capsys.readouterr().err


def test_only_what_is_asked_for_is_set(trixie, prepare):
    """No wifi, no gadget, no locale; without a key SSH takes the password."""
    assert prepare(trixie, "--passwordless-sudo", key=()) == 0
    data = cloud_data(trixie)
    assert data["user"]["sudo"] == "ALL=(ALL) NOPASSWD:ALL"
    assert data["ssh_pwauth"] is True
    assert "ssh_authorized_keys" not in data["user"]
    assert not {"locale", "keyboard", "timezone", "power_state"} & set(data)
    assert "locale" not in json.dumps(data["runcmd"])
    assert "wifis" not in cloud_data(trixie, "network-config")["network"]
    identity = cloud_data(trixie, "meta-data")["instance-id"]
    cmdline = f"{TRIXIE_CMDLINE.strip()} ds=nocloud;i={identity}\n"
    assert (trixie / "cmdline.txt").read_text() == cmdline


def test_cloud_init_accepts_the_user_data(trixie, prepare):
    """Its own schema, every setting given."""
    if not shutil.which("cloud-init"):
        pytest.skip("cloud-init is not installed: apt install cloud-init")
    assert prepare(trixie, *ALL) == 0
    command = ["cloud-init", "schema", "--config-file"]
    result = subprocess.run([*command, trixie / "user-data"], capture_output=True, text=True)
    assert (result.returncode, "Valid" in result.stdout) == (0, True), result.stderr
    spoilt = (trixie / "user-data").read_text().replace('"reboot"', '"explode"')
    (trixie / "user-data").write_text(spoilt)
    assert subprocess.run([*command, trixie / "user-data"], capture_output=True).returncode != 0


CLOUD_INIT_READS = """
import json, sys
from cloudinit import util
from cloudinit.distros import ug_util
class Distro:
    def get_default_user(self):
        return {"name": "pi", "sudo": ["ALL=(ALL) NOPASSWD:ALL"], "lock_passwd": True}
config, meta, network = (util.load_yaml(open(path).read()) for path in sys.argv[1:])
users, groups = ug_util.normalize_users_groups({"users": ["default"], **config}, Distro())
sys.stdout.reconfigure(encoding="utf-8")
print(json.dumps([users, meta, network], ensure_ascii=False))
"""


def test_cloud_init_makes_one_user_of_it(trixie, prepare):
    """Its own code: our user takes the place of the image's, and its sudo rule with it."""
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import cloudinit"], capture_output=True).returncode:
        pytest.skip("cloud-init is not installed: apt install cloud-init")
    assert prepare(trixie, *ALL) == 0
    paths = [trixie / name for name in ("user-data", "meta-data", "network-config")]
    command = [python, "-c", CLOUD_INIT_READS, *paths]
    result = subprocess.run(command, capture_output=True, check=True)
    users, meta, network = json.loads(result.stdout)
    assert list(users) == ["ada"]
    assert (users["ada"]["sudo"], users["ada"]["lock_passwd"]) == ("ALL=(ALL) ALL", False)
    assert users["ada"]["groups"].split(",") == sorted(GROUPS.split(","))
    assert meta == cloud_data(trixie, "meta-data")
    assert network == cloud_data(trixie, "network-config")


def test_netplan_accepts_the_network(trixie, prepare, tmp_path):
    """It writes the password for wpa_supplicant, which WPA2 and WPA3 both need."""
    if not shutil.which("netplan"):
        pytest.skip("netplan is not installed: apt install netplan.io")
    network = ("--wifi-ssid", "Home 9", *WIFI[2:])
    assert prepare(trixie, *network) == 0
    folder = tmp_path / "root/etc/netplan"
    folder.mkdir(parents=True)
    shutil.copy(trixie / "network-config", folder / "50-cloud-init.yaml")
    (folder / "50-cloud-init.yaml").chmod(0o600)
    result = subprocess.run(
        ["netplan", "generate", "--root-dir", tmp_path / "root"], capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    wpa = (tmp_path / "root/run/netplan/wpa-wlan0.conf").read_text()
    assert 'ssid="Home 9"' in wpa
    assert "country=GB" in wpa
    assert f'psk="{WIFI_PASSWORD}"\n' in wpa


def test_settings_of_others_need_force(trixie, prepare, capsys):
    """Those of Raspberry Pi Imager, whose id on the command line would win over ours."""
    imager = "ds=nocloud;i=rpi-imager-17 systemd.run=/boot/firstrun.sh systemd.run_x=y"
    (trixie / "cmdline.txt").write_text(f"{TRIXIE_CMDLINE.strip()} {imager}\n")
    (trixie / "user-data").write_text("#cloud-config\nhostname: theirs\nusers:\n- name: they\n")
    (trixie / "userconf.txt").write_text("they:hash\n")
    before = snapshot(trixie)
    assert prepare(trixie) == 1
    error = capsys.readouterr().err
    assert "hostname in user-data, users in user-data, userconf.txt, systemd.run=" in error
    assert snapshot(trixie) == before
    assert prepare(trixie, "--force") == 0
    identity = cloud_data(trixie, "meta-data")["instance-id"]
    expected = f"{TRIXIE_CMDLINE.strip()} ds=nocloud;i={identity}\n"
    assert (trixie / "cmdline.txt").read_text() == expected
    assert not (trixie / "userconf.txt").exists()


def test_new_settings_have_a_new_id(trixie, prepare):
    """Or cloud-init would take the card for one that it has set up."""
    identities = set()
    for country in ("GB", "DE"):
        words = ("--wifi-ssid", "Home", "--wifi-country", country, *WIFI[4:], "--force")
        assert prepare(trixie, *words) == 0
        identities.add(cloud_data(trixie, "meta-data")["instance-id"])
    assert len(identities) == 2


@pytest.mark.parametrize("name", ["trixie", "bookworm"])
def test_a_dry_run_shows_all_but_the_secrets(name, request, prepare, capsys):
    """Each file by its name; no hash, no key, no password; the card stays untouched."""
    card = request.getfixturevalue(name)
    before = snapshot(card)
    assert prepare(card, *ALL, "--dry-run") == 0
    assert snapshot(card) == before
    output = capsys.readouterr()
    shown = output.out + output.err
    assert shown.count(cli.MASK) >= 2
    for secret in ("$6$", PASSWORD, WIFI_PASSWORD):
        assert secret not in shown
    expected = {
        "trixie": ("user-data", "network-config", "meta-data", "+console=tty1"),
        "bookworm": ("custom.toml", "firstrun.sh", "+dtoverlay=dwc2", "modules-load=dwc2"),
    }
    for text in (*expected[name], KEY, "nothing was written"):
        assert text in output.out


def test_a_dry_run_needs_no_password(trixie, prepare, monkeypatch, capsys):
    """It neither asks nor invents one, for the login or for the wifi; nor does it need --force."""
    monkeypatch.setattr(cli, "_is_terminal", lambda: True)
    monkeypatch.setattr(cli.getpass, "getpass", lambda prompt: pytest.fail(prompt))
    (trixie / "userconf.txt").touch()
    assert prepare(trixie, *WIFI[:4], "--dry-run", login=()) == 0
    output = capsys.readouterr()
    assert f'"passwd": "{cli.MASK}"' in output.out
    assert "--- userconf.txt: would be removed" in output.out
    assert "already there: userconf.txt" in output.err


def test_an_invented_password_is_shown_once_and_works(trixie, prepare, capsys):
    """Off a terminal and without a file."""
    assert prepare(trixie, login=()) == 0
    shown = re.findall(r"shown only once: (\S+)\n", capsys.readouterr().out)
    assert len(shown) == 1
    hashed = cloud_data(trixie)["user"]["passwd"]
    assert crypt(shown[0], hashed) == hashed
    assert re.fullmatch(r"(\w{4}-){3}\w{4}", shown[0])
    assert passwords.generate_password() != shown[0]


def test_a_terminal_is_asked_twice(trixie, prepare, monkeypatch, capsys):
    """For the login; two different answers write nothing."""
    before = snapshot(trixie)
    monkeypatch.setattr(cli, "_is_terminal", lambda: True)
    answers = iter(["one", "other", "same", "same"])
    monkeypatch.setattr(cli.getpass, "getpass", lambda prompt: next(answers))
    assert prepare(trixie, login=()) == 1
    assert "same password twice" in capsys.readouterr().err
    assert snapshot(trixie) == before
    assert prepare(trixie, login=()) == 0
    hashed = cloud_data(trixie)["user"]["passwd"]
    assert crypt("same", hashed) == hashed


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, EOFError])
def test_a_question_can_be_left(trixie, prepare, monkeypatch, capsys, interruption):
    """By Ctrl-C or Ctrl-D: code 130, one line, nothing written."""

    def leave(_):
        raise interruption

    before = snapshot(trixie)
    monkeypatch.setattr(cli, "_is_terminal", lambda: True)
    monkeypatch.setattr(cli.getpass, "getpass", leave)
    assert prepare(trixie, login=()) == 130
    assert capsys.readouterr().err.startswith("error: interrupted")
    assert snapshot(trixie) == before


def test_the_usual_public_key_is_found(trixie, prepare, tmp_path, capsys):
    """Ed25519 before RSA; which key it was is said."""
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "id_rsa.pub").write_text("not even read\n")
    (folder / "id_ed25519.pub").write_text(KEY + "\n")
    assert prepare(trixie, key=()) == 0
    assert cloud_data(trixie)["user"]["ssh_authorized_keys"] == [KEY]
    assert "SSH will accept the key ada@desk" in capsys.readouterr().err


def test_folders_that_are_no_boot_partition_are_refused(tmp_path, trixie, prepare, capsys):
    """A missing one, any other, the card's root partition; each says what it lacks."""
    assert prepare(tmp_path / "none") == 1
    assert "none: expected the folder" in capsys.readouterr().err
    (tmp_path / "root/etc").mkdir(parents=True)
    assert prepare(tmp_path / "root") == 1
    error = capsys.readouterr().err
    assert "it has no cmdline.txt, no config.txt, no *.dtb or kernel*.img" in error
    assert "that is the root partition" in error
    assert error.count("\n") == 1
    for name in ("kernel.img", "bcm2708-rpi-zero.dtb"):  # one of the two is enough
        assert Card(trixie).image() == "trixie"
        (trixie / name).unlink()
    assert prepare(trixie) == 1
    assert "it has no *.dtb or kernel*.img." in capsys.readouterr().err
    (trixie / "kernel7.img").touch()
    (trixie / "config.txt").unlink()
    assert prepare(trixie) == 1
    assert "it has no config.txt." in capsys.readouterr().err


def test_images_are_told_apart(trixie, tmp_path):
    """By their files, by their command line, and old bookworm ones by their date."""
    assert Card(trixie).image() == "trixie"
    for number, (cmdline, date, image) in enumerate(
        [
            (BOOKWORM_CMDLINE, "2026-06-18", "bookworm"),
            (TRIXIE_CMDLINE.replace("resize", "ds=nocloud;i=x"), "2026-06-18", "trixie"),
            (TRIXIE_CMDLINE, "2025-05-13", "bookworm"),
        ]
    ):
        assert Card(make_card(tmp_path / str(number), cmdline, date)).image() == image


def test_images_that_cannot_be_told_are_asked_for(trixie, prepare, tmp_path, capsys):
    """Contradicting signs, none, or an image older than both."""
    (trixie / "cmdline.txt").write_text(BOOKWORM_CMDLINE)
    with pytest.raises(CardError, match=r"found init=.*firstboot, user-data.*--image bookworm"):
        Card(trixie).image()
    plain = make_card(tmp_path / "plain", TRIXIE_CMDLINE, "2026-06-18")
    with pytest.raises(CardError, match=r"no signs of either, image date 2026-06-18"):
        Card(plain).image()
    old = make_card(tmp_path / "old", BOOKWORM_CMDLINE, "2023-05-03")
    with pytest.raises(CardError, match="2023-05-03, which is older"):
        Card(old).image()
    assert prepare(trixie, "--image", "trixie") == 0
    assert "user-data" in capsys.readouterr().out


def test_a_bookworm_card_that_has_booted_is_refused(bookworm, prepare, capsys):
    """Nobody would read custom.toml any more."""
    (bookworm / "cmdline.txt").write_text(TRIXIE_CMDLINE)
    assert prepare(bookworm, "--image", "bookworm") == 1
    assert "a completed first boot" in capsys.readouterr().err
    assert prepare(bookworm, "--image", "bookworm", "--force") == 1
    assert "custom.toml would be ignored. Flash the card again" in capsys.readouterr().err
    assert not (bookworm / "custom.toml").exists()


def test_an_image_is_not_what_the_card_says_it_is_not(bookworm, prepare, capsys):
    """With --force or without."""
    for more in ((), ("--force",)):
        assert prepare(bookworm, "--image", "trixie", *more) == 1
        assert "expected an image of trixie, found" in capsys.readouterr().err
    assert not (bookworm / "user-data").exists()


def test_usage_is_wrong_with_code_two(trixie, prepare, capsys):
    """Values that break their rules, wifi by halves, a password as an argument."""
    for words, text in [
        (("--hostname", "pi_1"), "expected a host name of 1 to 63"),
        (("--wifi-ssid", "Home"), "needs --wifi-country"),
        (("--wifi-country", "GB"), "need --wifi-ssid"),
        (("--password", "x y"), "ambiguous|unrecognized"),
    ]:
        with pytest.raises(SystemExit, match="2"):
            prepare(trixie, *words, login=())
        assert re.search(text, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--password-file", "none.txt"), "error: none.txt: No such file or directory\n"),
        (("--password-file", "two.txt"), "single line, got 2 lines"),
        (("--ssh-key", "private"), "PRIVATE key"),
        ((*WIFI[:4],), "expected --wifi-password-file, since there is no terminal"),
        (("--wifi-password-file", "short.txt", *WIFI[:4]), "8 to 63 ASCII"),
    ],
)
def test_files_that_are_wrong_leave_the_card_alone(trixie, prepare, capsys, words, expected):
    """One line, code 1, nothing written."""
    Path("two.txt").write_text("a\nb\n")
    Path("private").write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    Path("short.txt").write_text("short\n")
    before = snapshot(trixie)
    assert prepare(trixie, *words) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert snapshot(trixie) == before


def test_a_card_without_modes_is_written_all_the_same(trixie, prepare, monkeypatch):
    """FAT refuses a change of mode to all but its owner."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    for name in ("chmod", "fchmod", "chown"):
        monkeypatch.setattr(os, name, refuse)
    assert prepare(trixie) == 0


def test_a_card_that_is_full_keeps_its_old_file(trixie, prepare, monkeypatch, capsys):
    """The error is one line; no half-written file is left."""

    def fail(_):
        raise OSError(28, "No space left on device")

    before = snapshot(trixie)
    monkeypatch.setattr(files.os, "fsync", fail)
    assert prepare(trixie) == 1
    assert capsys.readouterr().err.endswith("error: No space left on device\n")
    assert snapshot(trixie) == before


def test_the_files_that_every_boot_needs_are_written_last(tmp_path):
    """Whatever comes before may be half done when the card is pulled."""
    for name in ("cmdline.txt", "gone"):
        (tmp_path / name).write_text("old")
    assert files.apply(tmp_path, {"cmdline.txt": "new", "user-data": "x", "gone": None}) == [
        "wrote user-data",
        "removed gone",
        "kept the old cmdline.txt as cmdline.txt.before-pi-nn",
        "wrote cmdline.txt",
    ]
    assert snapshot(tmp_path) == {
        "user-data": b"x",
        "cmdline.txt": b"new",
        "cmdline.txt.before-pi-nn": b"old",
    }


def test_a_card_that_lies_is_found_out(trixie, prepare, monkeypatch, capsys):
    """What does not read back as it was written is an error."""
    replace = Path.replace

    def spoil(path, target):
        path.write_bytes(path.read_bytes()[:-9])
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", spoil)
    assert prepare(trixie) == 1
    assert "does not read back as it was written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("trixie", "user-data", "pi-1", "pi-2"),
        ("trixie", "user-data", "#cloud-config", "# cloud-config"),
        ("trixie", "network-config", "eth0", "eth1"),
        ("bookworm", "custom.toml", "pi-1", "pi-2"),
    ],
)
def test_settings_that_change_after_writing_are_found_out(
    name, file, old, new, request, prepare, monkeypatch, capsys
):
    """The check reads the card, not what was to be written."""
    card = request.getfixturevalue(name)
    apply = files.apply

    def spoil(folder, plan):
        done = apply(folder, plan)
        path = folder / file
        path.write_text(path.read_text().replace(old, new))
        return done

    monkeypatch.setattr(files, "apply", spoil)
    assert prepare(card) == 1
    assert f"{file}: does not read back" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a rootwait b", "a rootwait modules-load=dwc2,g_ether b"),
        ("a b", "a b modules-load=dwc2,g_ether"),
        ("modules-load=dwc2 a modules-load=x", "modules-load=dwc2,g_ether a"),
        ("modules-load=i2c-dev a", "modules-load=i2c-dev,dwc2,g_ether a"),
    ],
)
def test_modules_are_added_once(before, after):
    """After rootwait or after those that are there; the second time nothing changes."""
    once = boot_files.load_modules(before.split(), "dwc2", "g_ether")
    assert once == after.split()
    assert boot_files.load_modules(once, "dwc2", "g_ether") == once


@pytest.mark.parametrize(
    ("before", "added"),
    [
        ("", True),
        ("[pi4]\ndtoverlay=dwc2\n", True),
        ("#dtoverlay=dwc2", True),
        ("dtoverlay=dwc2,dr_mode=host\n", True),
        ("[pi4]\nx=1\n[all]\n dtoverlay=dwc2\r\n", False),
        ("dtoverlay=dwc2,dr_mode=peripheral\n", False),
    ],
)
def test_the_overlay_is_added_once_for_all_models(before, added):
    """A section for another model does not count; what was there stays as it was."""
    after = boot_files.with_gadget_overlay(before)
    assert after.startswith(before)
    assert after.endswith("\n[all]\ndtoverlay=dwc2\n") == added
    assert (after != before) == added
    assert boot_files.with_gadget_overlay(after) == after


def test_a_command_line_of_two_lines_is_refused(trixie, prepare, capsys):
    """The firmware would read the first alone."""
    (trixie / "cmdline.txt").write_text(TRIXIE_CMDLINE + "more=words\n")
    assert prepare(trixie) == 1
    assert "cmdline.txt: expected a single line, found 2" in capsys.readouterr().err


def test_the_script_needs_python_alone(trixie, prepare):
    """As its own process: without site-packages, without this kit on the path, off a terminal."""
    script = PROJECT / "scripts/prepare_sd_card.py"
    command = [sys.executable, "-S", "-E", script, trixie, "--hostname", "pi-1", "--user", "ada"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (result.returncode, result.stderr.count("Traceback")) == (0, 0)
    assert "wrote user-data\n" in result.stdout
    assert cloud_data(trixie)["hostname"] == "pi-1"
