"""The networks on a card, as the programs that read them understand them."""

import re
import shutil
import subprocess

import pytest

from scripts.sdcard import bookworm, boot_files, cli, keyfile, passwords, settings, trixie
from scripts.sdcard.errors import CardError
from scripts.sdcard.settings import Address, Settings, Wifi
from tests.scripts.cards import WIFI_PASSWORD, cloud_data, snapshot
from tests.scripts.profiles import read_profile, text_of, unescaped

# Each reaches its last reader through several others, each with characters of its own.
ODD_NAMES = (
    "Home 9", "  leading", "trailing ", "12;34;", "12;34", "a;b", "a\\;b", "\\o_example\\", "-h",
    "--plain", "-p", "#x", "[wifi]", "a=b", "a/b", 'Café "9"\\ {a} 😀', "ö" * 16, "$HOME`x`", "'",
   "%s",    "\\s", "12", "y", "null", "~", "0x1f", "PI_NN_END", "72;111;",
)  # fmt: skip
ODD_PASSWORDS = (
    WIFI_PASSWORD, " lead and trail ", "$HOME\"`a'\\\\x!", "12345678", "--hidden", "#comment",
    "a" * 63,    "\\s\\s\\s\\s\\s", "1;2;3;4;5;", "%s%s%s%s", "0123456789abcdef" * 4,
)  # fmt: skip
FIXED = ("--address", "192.168.1.50/24", "--gateway", "192.168.1.1")


def of(*networks: Wifi, **more) -> Settings:
    return Settings("pi-1", "ada", "$6$x", networks=networks, country="GB", **more)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_bookworm_profiles_have_the_networks_name(name):
    """Byte for byte, as a list of bytes, whatever the name looks like."""
    text = keyfile.wifi(Wifi(name, WIFI_PASSWORD), 1, None, None)
    written = next(line for line in text.splitlines() if line.startswith("ssid="))
    assert bytes(map(int, written[5:-1].split(";"))) == name.encode()
    assert text_of(read_profile(text)["wifi.ssid"]) == name


@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_bookworm_profiles_have_the_password(password):
    """For WPA and for enterprise networks; spaces at the ends, backslashes and all."""
    text = keyfile.wifi(Wifi("Home", password), 1, None, None)
    profile = read_profile(text)
    assert unescaped(profile["wifi-security.psk"]) == password
    assert profile["wifi-security.key-mgmt"] == "wpa-psk"  # which is tried where WPA2 is offered
    school = Wifi("School", password, user="ada\\b@school.example")
    profile = read_profile(keyfile.wifi(school, 1, None, "/boot/firmware/x.pem"))
    assert unescaped(profile["802-1x.password"]) == password
    assert unescaped(profile["802-1x.identity"]) == school.user
    assert profile["802-1x.ca-cert"].endswith("/boot/firmware/x.pem")
    assert (profile["802-1x.eap"], profile["802-1x.phase2-auth"]) == ("peap;", "mschapv2")


@pytest.mark.parametrize("image", ["trixie", "bookworm"])
def test_networks_that_offer_wpa3_alone_have_profiles_of_their_own(image, request, prepare):
    """Below that for WPA2, above the next network; none without a passphrase."""
    card = request.getfixturevalue(image)
    (card.parent / "key.txt").write_text("ab" * 32 + "\n")
    words = "--wifi-ssid A --wifi-hidden --wifi-password-file wifi.txt --wifi-ssid B --wifi-open"
    more = "--wifi-ssid C --wifi-password-file key.txt --wifi-ssid D --wifi-user x"
    last = "--wifi-password-file login.txt --wifi-ssid E --wifi-password-file wifi.txt"
    place = "--wifi-country GB --address 10.0.0.9/24 --gateway 10.0.0.1"
    assert prepare(card, *words.split(), *more.split(), *last.split(), *place.split()) == 0
    if image == "trixie":
        data = cloud_data(card)
        files = {each["path"]: each for each in data["write_files"] if "content" in each}
        files = {path: each for path, each in files.items() if path.startswith(keyfile.FOLDER)}
        assert {each["permissions"] for each in files.values()} == {"0600"}
        texts = {path: each["content"] for path, each in files.items()}
        steps = [" ".join(command) for command in data["runcmd"]]
        assert steps.index("nmcli connection reload") < steps.index("nmcli radio wifi on")
    else:
        script = (card / "firstrun.sh").read_text()
        found = re.findall(r"cat > (\S+-wpa3\S*) <<'PI_NN_END'\n(.*?)PI_NN_END", script, re.DOTALL)
        texts = dict(found)
    profiles = [read_profile(text) for text in texts.values()]
    assert [text_of(each["wifi.ssid"]) for each in profiles] == ["A", "E"]
    assert {each["wifi-security.key-mgmt"] for each in profiles} == {"sae"}
    assert {unescaped(each["wifi-security.psk"]) for each in profiles} == {WIFI_PASSWORD}
    assert {each["ipv4.method"] for each in profiles} == {"manual"}
    assert profiles[0]["wifi.hidden"] == "true"
    assert [each["connection.autoconnect-priority"] for each in profiles] == ["7", "-1"]


def test_the_two_profiles_of_a_network_differ_in_name_and_number():
    """NetworkManager keeps one profile of each number."""
    home = of(Wifi("Home", WIFI_PASSWORD))
    (for_wpa3,) = keyfile.wpa3_profiles(home).values()
    other = read_profile(keyfile.wifi(home.networks[0], 0, None))
    for_wpa3 = read_profile(for_wpa3)
    for key in ("connection.id", "connection.uuid"):
        assert for_wpa3[key] != other[key]


def test_a_bookworm_profile_says_all_the_rest():
    """Priority, hidden name, open network, fixed address; the USB network's two profiles."""
    where = Address("192.168.1.50/24", "192.168.1.1", ("9.9.9.9", "1.1.1.1"))
    profile = read_profile(keyfile.wifi(Wifi("Home", hidden=True), 7, where, None))
    assert profile["connection.autoconnect-priority"] == "7"
    assert (profile["connection.type"], profile["wifi.hidden"]) == ("wifi", "true")
    assert not any(key.startswith("wifi-security") for key in profile)
    assert (profile["ipv4.method"], profile["ipv4.dns"]) == ("manual", "9.9.9.9;1.1.1.1;")
    values = set(profile.values())
    assert {"192.168.1.50/24,192.168.1.1"} & values or {"192.168.1.50/24", "192.168.1.1"} <= values
    assert read_profile(keyfile.ethernet(where))["connection.interface-name"] == "eth0"
    files = bookworm.script_files(of(usb_gadget=True))
    profiles = [read_profile(text) for path, text in files.items() if path.endswith("nection")]
    assert [each["ipv4.method"] for each in profiles] == ["auto", "shared"]
    assert {each["connection.interface-name"] for each in profiles} == {"usb0"}
    (first, second) = (int(each["connection.autoconnect-priority"]) for each in profiles)
    assert first > second


CLOUD_INIT_RENDERS = """
import sys
from cloudinit import util
from cloudinit.net import netplan, network_state
config = util.load_yaml(open(sys.argv[1], encoding="utf-8").read())
state = network_state.parse_net_config_data(config["network"])
sys.stdout.reconfigure(encoding="utf-8")
print(netplan.Renderer()._render_content(state))
"""


def cloud_init(path) -> bytes:
    """Return what cloud-init makes of network-config for netplan; without it, the file itself."""
    command = ["/usr/bin/python3", "-c", CLOUD_INIT_RENDERS, path]
    done = subprocess.run(command, capture_output=True)
    if b"No module named 'cloudinit'" in done.stderr:
        return path.read_bytes()
    assert done.returncode == 0, done.stderr
    return done.stdout


def netplan(card, tmp_path) -> dict[str, str]:
    """Generate NetworkManager's profiles, as on the Pi: through cloud-init and netplan.

    cloud-init has netplan check its file first, without the image's default renderer.
    """
    if not shutil.which("netplan"):
        pytest.skip("netplan is not installed: apt install netplan.io")
    folder = tmp_path / "root/etc/netplan"
    shutil.rmtree(tmp_path / "root", ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "50-cloud-init.yaml").write_bytes(cloud_init(card / "network-config"))
    (folder / "50-cloud-init.yaml").chmod(0o600)
    command = ["netplan", "generate", "--root-dir", tmp_path / "root"]
    for default in ("", "network: {renderer: NetworkManager}\n"):
        (folder / "00-image.yaml").write_text(default)
        (folder / "00-image.yaml").chmod(0o600)
        shutil.rmtree(tmp_path / "root/run", ignore_errors=True)
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    profiles = tmp_path / "root/run/NetworkManager/system-connections"
    return {path.name: path.read_text() for path in profiles.iterdir()}


@pytest.mark.parametrize("name", [name for name in ODD_NAMES if not name.startswith("[")])
def test_trixie_profiles_have_the_networks_name(name, trixie, prepare, tmp_path):
    """Through cloud-init's file, netplan and its profile."""
    words = (f"--wifi-ssid={name}", "--wifi-country", "GB", "--wifi-password-file", "wifi.txt")
    assert prepare(trixie, *words) == 0
    profiles = netplan(trixie, tmp_path)
    (text,) = (text for file, text in profiles.items() if "wlan0" in file)
    profile = read_profile(text)
    assert text_of(profile["wifi.ssid"]) == name
    assert unescaped(profile["wifi-security.psk"]) == WIFI_PASSWORD
    assert profile["ipv6.method"] == "auto"


@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_trixie_profiles_have_the_password(password, trixie, prepare, tmp_path):
    """The same passwords, for WPA and for enterprise networks."""
    (tmp_path / "odd.txt").write_text(password + "\n")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nMA==\n")
    odd = ("--wifi-password-file", "odd.txt")
    school = ("--wifi-ssid", "School", "--wifi-user", "ada@x", "--wifi-authority", "ca.pem", *odd)
    assert prepare(trixie, "--wifi-country", "GB", "--wifi-ssid", "Home", *odd, *school) == 0
    profiles = netplan(trixie, tmp_path)
    home = read_profile(profiles["netplan-wlan0-Home.nmconnection"])
    assert unescaped(home["wifi-security.psk"]) == password
    assert home["connection.autoconnect-priority"] == "2"
    away = read_profile(profiles["netplan-wlan0-School.nmconnection"])
    assert unescaped(away["802-1x.password"]) == password
    assert away["802-1x.ca-cert"].endswith("/boot/firmware/wifi-authority-2.pem")
    assert (trixie / "wifi-authority-2.pem").read_text().startswith("-----BEGIN CERT")


def test_a_trixie_profile_says_all_the_rest(trixie, prepare, tmp_path):
    """Hidden and open networks, a fixed address with its gateway and name servers."""
    words = ("--wifi-ssid", "Home", "--wifi-open", "--wifi-hidden", "--wifi-country", "GB")
    assert prepare(trixie, *words, *FIXED, "--dns", "9.9.9.9", "--dns", "1.1.1.1") == 0
    profile = read_profile(netplan(trixie, tmp_path)["netplan-wlan0-Home.nmconnection"])
    assert profile["wifi.hidden"] == "true"
    assert not any(key.startswith("wifi-security") for key in profile)
    assert (profile["ipv4.method"], profile["ipv4.dns"]) == ("manual", "9.9.9.9;1.1.1.1;")
    assert "192.168.1.50/24" in profile["ipv4.address1"]
    assert any(value.endswith(",192.168.1.1") for value in profile.values())
    assert prepare(trixie, *FIXED, "--force") == 0
    (profile,) = netplan(trixie, tmp_path).values()
    assert "address1=192.168.1.50/24" in profile
    assert "interface-name=eth0" in profile


def test_flags_belong_to_the_network_before_them(trixie, prepare):
    """Those before the first belong to the first; the first has the highest priority."""
    words = "--wifi-hidden --wifi-ssid A --wifi-open --wifi-ssid B --wifi-country GB"
    more = ("--wifi-password-file", "wifi.txt", "--wifi-ssid", "C", "--wifi-open")
    assert prepare(trixie, *words.split(), *more) == 0
    points = cloud_data(trixie, "network-config")["network"]["wifis"]["wlan0"]["access-points"]
    direct = [point.pop("networkmanager")["passthrough"] for point in points.values()]
    assert points == {"A": {"hidden": True}, "B": {"password": WIFI_PASSWORD}, "C": {}}
    assert [each["connection.autoconnect-priority"] for each in direct] == ["4", "2", "0"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("--wifi-ssid A --wifi-open --wifi-ssid A --wifi-open --wifi-country GB", "given twice"),
        ("--wifi-ssid A --wifi-hidden --wifi-hidden --wifi-country GB", "twice for one network"),
        ("--wifi-ssid A --wifi-open --wifi-user x --wifi-country GB", "exclude each other"),
        ("--wifi-ssid A --wifi-open --wifi-authority x --wifi-country GB", "needs --wifi-user"),
        ("--wifi-hidden --wifi-country GB", "need --wifi-ssid"),
        ("--address 192.168.1.50/24", "needs --gateway"),
        ("--gateway 192.168.1.1", "need --address"),
        ("--address 192.168.1.50 --gateway 192.168.1.1", "with its prefix"),
        ("--address 192.168.1.0/24 --gateway 192.168.1.1", "not a computer's"),
        ("--address 192.168.1.300/24 --gateway 192.168.1.1", "expected an IPv4 address"),
    ],
)
def test_flags_that_contradict_each_other_are_wrong_usage(words, text, trixie, prepare, capsys):
    """Code 2, and nothing written."""
    before = snapshot(trixie)
    with pytest.raises(SystemExit, match="2"):
        prepare(trixie, *words.split())
    assert text in capsys.readouterr().err
    assert snapshot(trixie) == before


def test_a_gateway_out_of_reach_is_refused():
    """Or the Pi could reach nothing but its own network."""
    for gateway in ("192.168.2.1", "192.168.1.50"):
        with pytest.raises(CardError, match=r"gateway in the network 192\.168\.1\.0/24"):
            settings.fixed_address("192.168.1.50/24", gateway, ())
    assert settings.fixed_address("10.0.0.2/8", "10.0.0.1", ()).dns == ("10.0.0.1",)


@pytest.mark.parametrize("image", ["trixie", "bookworm"])
def test_what_lies_open_on_the_card_is_said(image, request, prepare, capsys):
    """The password, an open network, an unknown server; a key that WPA3 does not take."""
    card = request.getfixturevalue(image)
    (card.parent / "key.txt").write_text("ab" * 32 + "\n")
    words = "--wifi-ssid A --wifi-password-file wifi.txt --wifi-ssid B --wifi-open --wifi-ssid C"
    more = "--wifi-user ada --wifi-password-file login.txt --wifi-ssid D --wifi-password-file"
    assert prepare(card, *words.split(), *more.split(), "key.txt", "--wifi-country", "AQ") == 0
    error = capsys.readouterr().err
    assert "the Wi-Fi password lies on the card in clear text" in error
    assert "B is an open network" in error
    assert "any network that calls itself C" in error
    assert "not WPA3: if D is one" in error
    assert "no rules of radio for AQ" in error


def test_bookworm_gets_the_first_network_twice(bookworm, prepare):
    """In custom.toml, and better in the script; what custom.toml cannot say is in the script."""
    words = "--wifi-ssid Home --wifi-password-file wifi.txt --wifi-ssid School --wifi-user ada"
    more = "--wifi-password-file login.txt --wifi-country GB"
    assert prepare(bookworm, *words.split(), *more.split()) == 0
    script = (bookworm / "firstrun.sh").read_text()
    assert "preconfigured.nmconnection" in script
    assert "wifi-2.nmconnection" in script
    assert "WirelessEnabled=true" in script
    assert prepare(bookworm, *words.split()[4:], *more.split(), "--force") == 0
    assert "[wlan]" not in (bookworm / "custom.toml").read_text()


@pytest.mark.parametrize("image", ["trixie", "bookworm"])
def test_a_dry_run_masks_every_password(image, request, prepare, capsys):
    """Also those with characters that each file writes in its own way."""
    card = request.getfixturevalue(image)
    (card.parent / "odd.txt").write_text('se"cr\\et "1"\n')
    words = "--wifi-ssid A --wifi-password-file odd.txt --wifi-ssid B --wifi-user x"
    more = "--wifi-password-file odd.txt --wifi-country GB --dry-run"
    assert prepare(card, *words.split(), *more.split()) == 0
    shown = "".join(capsys.readouterr())
    assert "se" + '"cr' not in shown
    assert "cr\\" not in shown
    assert shown.count(cli.MASK) >= 3


def test_the_ways_of_writing_bytes_agree():
    """What the tests undo, NetworkManager has done: both forms of one name."""
    for name in ODD_NAMES:
        assert text_of(keyfile.ssid(name)) == name
    assert text_of(keyfile.escape(" \\a ")) == " \\a "
    assert passwords.is_wifi_key("0123456789abcdef" * 4)
    assert boot_files.authority_name(0) != boot_files.authority_name(1)
    assert trixie.network_config(of())["network"]["ethernets"]["eth0"]["dhcp6"] is True
