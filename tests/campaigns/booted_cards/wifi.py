"""Does a trixie card's Wi-Fi connect? `make test-wifi`."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.machines.host import MachineError, call
from scripts.machines.roots import RootKind, ensure_root
from scripts.sdcard import cli
from tests.campaigns.booted_cards.machine import boot, make_disk, require_qemu

KIND = RootKind(
    "radio",
    tuple(
        "systemd-sysv systemd udev kmod dbus linux-image-amd64 hostapd network-manager netplan.io "
        "cloud-init wpasupplicant rfkill iproute2 iw wireless-regdb sudo openssh-server python3 "
        "dnsmasq-base locales tzdata console-setup keyboard-configuration procps busybox "
        "initramfs-tools ca-certificates openssl e2fsprogs".split()
    ),
)
GUEST = Path(__file__).with_name("wifi_guest.py")


@dataclass(frozen=True)
class Network:
    """A network to join: what goes on the card, and what its access point is like."""

    ssid: str
    security: str
    password: str | None = "battery staple"
    hidden: bool = False


NETWORKS = (
    Network("Home", "wpa3"),  # at the first boot; the others follow it
    Network("Home 2", "wpa2/wpa3", " lead and trail "),
    Network("12;34;", "wpa2", "$HOME\"`a'\\\\x!"),
    Network("Offen", "open", None),
    Network("Versteckt", "wpa2/wpa3", hidden=True),
    Network("  leading", "wpa2"),
    Network("\\o_example\\", "wpa2"),
    Network("-h", "wpa2"),
    Network('Café "9"\\ {a} 😀', "wpa2"),
    Network("School", "enterprise"),
)
SCHOOL_USER = "ada@school.example"
HEAD = """\
# Wi-Fi

A card that `scripts/prepare_sd_card.py` wrote, booted in Debian trixie under QEMU (x86-64) with
cloud-init, netplan, NetworkManager and wpa_supplicant; the radios are mac80211_hwsim's, the access
points hostapd's. As in Raspberry Pi OS's image, the radio starts blocked and NetworkManager keeps
it off. From `make test-wifi`, run on {date}.

| network | security | result |
|---|---|---|
"""


def main() -> int:
    """Boot a card with all networks, write the report, and return 1 if one did not connect."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.booted_cards.wifi")
    parser.add_argument("--report", metavar="FILE", help="default: only print it")
    arguments = parser.parse_args()
    try:
        require_qemu()
        with tempfile.TemporaryDirectory(prefix="pi-nn-wifi-", dir="/var/tmp") as folder:
            make_disk(ensure_root("trixie", KIND), Path(folder))
            lab = make_lab(Path(folder))
            lines = boot(Path(folder), make_card(Path(folder), lab), lab)
    except MachineError as error:
        print(f"wifi: {error}", file=sys.stderr)
        return 1
    text, good = report(lines)
    if arguments.report:
        Path(arguments.report).write_text(text)
    print(text)
    return 0 if good else 1


def report(lines: list[dict]) -> tuple[str, bool]:
    """Return the report, and whether every network connected."""
    found = {line["ssid"]: line for line in lines if line["kind"] == "network"}
    machine = next((line for line in lines if line["kind"] == "machine"), {})
    rows, good = [], bool(machine)
    for network in NETWORKS:
        state = found.get(network.ssid, {}).get("state", {})
        connected = state.get("GENERAL.STATE", "").startswith("100")
        good = good and connected
        result = "connected" if connected else f"**not connected**: {state or 'not reached'}"
        more = ", hidden" * network.hidden + ", at the first boot" * (network is NETWORKS[0])
        rows.append(f"| `{network.ssid}` | {network.security}{more} | {result} |")
    name, wanted = machine.get("hostname"), machine.get("renamed")
    kept = "it stayed so" if wanted == "renamed" else f"**it became {wanted!r}**"
    good = good and wanted == "renamed"
    tail = f"\nThe host name was `{name}` after the first boot. Renamed, {kept} when cloud-init's "
    tail += "modules of each boot ran again.\n"
    astray = [
        f"{name}: {machine.get(name)}"
        for name, part in SET_UP.items()
        if part not in machine.get(name, "")
    ]
    good = good and not astray
    if astray:
        tail += f"\n**Not as asked**: {'; '.join(astray)}\n"
    else:
        tail += "Locale, keyboard and time zone were as asked, and cloud-init ended well.\n"
    return HEAD.format(date=time.strftime("%Y-%m-%d")) + "\n".join(rows) + "\n" + tail, good


def make_lab(folder: Path) -> Path:
    """Make what the machine's access points need: networks, and the school's certificates."""
    lab = folder / "lab"
    lab.mkdir()
    shutil.copy(GUEST, lab / "guest.py")
    networks = [{k: v for k, v in asdict(each).items() if v is not None} for each in NETWORKS]
    (lab / "networks.json").write_text(json.dumps(networks))
    (lab / "users").write_text(f'* PEAP\n"{SCHOOL_USER}" MSCHAPV2 "battery staple" [2]\n')
    new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes")
    authority = ("-keyout", lab / "ca.key", "-out", lab / "ca.pem", "-subj", "/CN=Test authority")
    call(*new, "-x509", "-days", "3650", *authority)
    server = ("-keyout", lab / "server.key", "-out", lab / "server.csr", "-subj", "/CN=radius")
    call(*new, *server)
    signed = ("-CA", lab / "ca.pem", "-CAkey", lab / "ca.key", "-CAcreateserial", "-days", "3650")
    call("openssl", "x509", "-req", "-in", lab / "server.csr", *signed, "-out", lab / "server.pem")
    return lab


def make_card(folder: Path, lab: Path) -> Path:
    """Prepare a card with all networks."""
    card = folder / "bootfs"
    card.mkdir()
    for name, text in CARD.items():
        (card / name).write_text(text)
    words = ["--hostname", "pi-1", "--user", "ada", "--wifi-country", "GB", *PLACES]
    for number, network in enumerate(NETWORKS):
        words.append(f"--wifi-ssid={network.ssid}")
        words += ["--wifi-hidden"] * network.hidden
        if network.password is None:
            words.append("--wifi-open")
            continue
        path = folder / f"password-{number}"
        path.write_text(network.password + "\n")
        words += ["--wifi-password-file", str(path)]
        if network.security == "enterprise":
            words += ["--wifi-user", SCHOOL_USER, "--wifi-authority", str(lab / "ca.pem")]
    script = Path(cli.__file__).parents[1] / "prepare_sd_card.py"
    call(sys.executable, script, card, *words)
    return card


# What the machine says when asked for what the card has set.
SET_UP = {
    "cloud-init": "status: done",
    "locale": "LANG=de_DE.UTF-8",
    "locales": "de_DE.utf8",
    "keyboard": 'XKBVARIANT="intl"',
    "timezone": "Europe/Berlin",
}
PLACES = ("--locale", "de_DE.UTF-8", "--keyboard", "us(intl)", "--timezone", "Europe/Berlin")
CARD = {
    "cmdline.txt": "console=tty1 root=PARTUUID=0badcafe-02 rootfstype=ext4 rootwait resize\n",
    "config.txt": "",
    "issue.txt": "Raspberry Pi reference 2026-06-18\n",
    "kernel.img": "",
    "user-data": "#cloud-config\n",
}


if __name__ == "__main__":
    sys.exit(main())
