"""Raspberry Pi OS trixie: cloud-init sets it up from three files on the boot partition.

References
----------
https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
https://netplan.readthedocs.io/en/stable/netplan-yaml/
"""

from __future__ import annotations

import hashlib
import json
import re

from . import boot_files, keyfile
from .errors import CardError
from .settings import Settings, Wifi, keyboard_parts

SEEDS = ("user-data", "meta-data", "network-config")
# The groups that Raspberry Pi Imager gives the first user.
GROUPS = "users,adm,dialout,audio,netdev,video,plugdev,cdrom,games,input,gpio,spi,i2c,render,sudo"
HEADERS = {"user-data": "#cloud-config\n"}  # must be the very first line
NOTE = f"# {boot_files.MARK}. This is JSON, which is YAML, too.\n"
# What the image's own files say beside comments; it sets nothing.
STOCK = re.compile(
    r"(network|version|ethernets|eth0|dhcp4|optional|renderer|dsmode|instance[_-]id)\s*:"
    r"\s*(2|true|local|NetworkManager|[\w-]*image)?\s*"
)
KEY = re.compile(r"[ {-]*[\"']?([\w-]+)[\"']?\s*:")
TOP_KEYS = {"network", "version", "renderer"}  # in network-config, those below them are of interest
# Once the Pi is set up, its name is its user's to change: cloud-init would set it again each boot.
KEEP_NAME = {
    "path": "/etc/cloud/cloud.cfg.d/99-pi-nn.cfg",
    "content": "preserve_hostname: true\nmanage_etc_hosts: false\n",
    "defer": True,
}
HOSTS = (
    "if grep -q '^127\\.0\\.1\\.1' /etc/hosts; "
    "then sed -i 's/^127\\.0\\.1\\.1.*/127.0.1.1\\t{0}/' /etc/hosts; "
    "else printf '127.0.1.1\\t{0}\\n' >> /etc/hosts; fi"
)
# Not cloud-init's own locale: it calls Debian's locale-gen with a name, which Debian's ignores.
LOCALE = (
    "grep -qx '{0} UTF-8' /etc/locale.gen || echo '{0} UTF-8' >> /etc/locale.gen; "
    "locale-gen --keep-existing; update-locale 'LANG={0}'"
)
# The Pi has no clock: until it has the time from the network, lists of packages are from tomorrow.
APT = {"preserve_sources_list": True, "conf": 'Acquire {\n  Check-Date "false";\n};\n'}


def signs(card) -> list[str]:
    """List the signs that this image is set up by cloud-init."""
    found = [name for name in SEEDS if card.has(name)]
    words = boot_files.words(card.read("cmdline.txt"))
    return found + [f"{word} in cmdline.txt" for word in words if _is_cloud_init(word)]


def settings_there(card) -> list[str]:
    """List settings that are already on the card; those in a new image are comments."""
    found = [f"{key} in {name}" for name in SEEDS for key in _keys(card.read(name), name)]
    return found + boot_files.settings_there(card)


def hand_made(card) -> list[str]:
    """List files with settings that would be replaced, and that this script did not write."""
    seeds = [name for name in SEEDS if _keys(card.read(name), name)]
    return boot_files.of_others(card, (*seeds, *boot_files.OTHER_SETTINGS))


def hostname(card) -> str | None:
    """Return the host name on a card that this script prepared."""
    text = card.read("user-data")
    return (_parse(text) or {}).get("hostname") if boot_files.MARK in text else None


def _keys(text: str, name: str) -> list[str]:
    """List what a file of cloud-init sets, whatever it is."""
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if lines and lines[0].startswith(("#!", "#include", "#cloud-boothook", "## template")):
        return ["a script"]
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    if all(STOCK.fullmatch(line.strip()) for line in lines):
        return []
    found = [match for line in lines if (match := KEY.match(line))]
    starts = [match.start(1) for match in found if match[1] not in _passed_over(name)]
    keys = [match[1] for match in found if starts and match.start(1) == min(starts)]
    keys = [key for key in keys if key not in _passed_over(name)]
    return list(dict.fromkeys(keys)) or ["a text"]


def _passed_over(name: str) -> set[str]:
    return TOP_KEYS if name == "network-config" else {"dsmode", "instance_id"}


def plan(card, settings: Settings) -> dict[str, str | None]:
    """Return the new content of each file that changes; None for a file to remove."""
    words, files = boot_files.without_other_settings(card)
    meant = {"user-data": user_data(settings), "network-config": network_config(settings)}
    # cloud-init runs once for each id, so new settings need a new id.
    identity = "pi-nn-" + hashlib.sha256(json.dumps(meant).encode()).hexdigest()[:12]
    meant["meta-data"] = {"dsmode": "local", "instance-id": identity}
    files.update({name: _render(name, content) for name, content in meant.items()})
    files.update(boot_files.authorities(settings))
    files["cmdline.txt"] = boot_files.line(_cmdline(words, settings, identity))
    return files


def user_data(settings: Settings) -> dict:
    """Return the user-data for cloud-init."""
    rule = "ALL=(ALL) NOPASSWD:ALL" if settings.passwordless_sudo else "ALL=(ALL) ALL"
    user = {
        "name": settings.user,
        "groups": GROUPS,
        "shell": "/bin/bash",
        "lock_passwd": False,
        "passwd": settings.password_hash,  # for a user it adds
        "hashed_passwd": settings.password_hash,  # for a user that exists
        "sudo": rule,
    }
    if settings.ssh_keys:
        user["ssh_authorized_keys"] = list(settings.ssh_keys)
    data = {
        "hostname": settings.hostname,
        "user": user,
        "ssh_pwauth": settings.password_login,
        "apt": APT,
        "write_files": [KEEP_NAME, *_wpa3_files(settings)],
    }
    if settings.keyboard:
        layout, variant = keyboard_parts(settings.keyboard)
        data["keyboard"] = {"model": "pc105", "layout": layout}
        if variant:
            data["keyboard"]["variant"] = variant
    if settings.timezone:
        data["timezone"] = settings.timezone
    commands = [
        ["systemctl", "enable", "--now", "ssh"],
        ["sh", "-c", HOSTS.format(settings.hostname)],
    ]
    if settings.locale:
        commands.append(["sh", "-c", LOCALE.format(settings.locale)])
    if settings.networks:
        # The image starts with the radio blocked, and with NetworkManager told to leave it off.
        commands += [
            ["nmcli", "connection", "reload"],
            ["rfkill", "unblock", "wifi"],
            ["nmcli", "radio", "wifi", "on"],
        ]
    if settings.usb_gadget:
        # Not rpi: enable_usb_gadget, which gives up after 15 seconds (rpi-imager#1403); and
        # without -f it may ask a question in an endless loop.
        commands.append(["rpi-usb-gadget", "on", "-f"])
        data["power_state"] = {"mode": "reboot", "message": "starting the USB network"}
    return data | {"runcmd": commands}


def network_config(settings: Settings) -> dict:
    """Return the network settings for netplan."""
    automatic = {"dhcp4": True, "dhcp6": True, "optional": True}
    network = {"version": 2, "ethernets": {"eth0": automatic}}
    if settings.networks:
        points = {
            each.ssid: _access_point(each, number, settings)
            for number, each in enumerate(settings.networks)
        }
        wlan = automatic | {"regulatory-domain": settings.country, "access-points": points}
        if any("networkmanager" in point for point in points.values()):
            # cloud-init checks this file alone, without the image's default.
            wlan["renderer"] = "NetworkManager"
        network["wifis"] = {"wlan0": wlan}
    if settings.address:
        kind, name = ("wifis", "wlan0") if settings.networks else ("ethernets", "eth0")
        network[kind][name] = network[kind][name] | {
            "dhcp4": False,
            "addresses": [settings.address.address],
            "routes": [{"to": "0.0.0.0/0", "via": settings.address.gateway}],
        }
        if not settings.networks:
            network[kind][name]["nameservers"] = {"addresses": list(settings.address.dns)}
    return {"network": network}


def _wpa3_files(settings: Settings) -> list[dict]:
    """Return the profiles that netplan cannot write: it has one for each name of a network."""
    files = keyfile.wpa3_profiles(settings).items()
    return [{"path": path, "content": text, "permissions": "0600"} for path, text in files]


def _access_point(network: Wifi, number: int, settings: Settings) -> dict:
    """Return what netplan needs to know of a network; the first has the highest priority."""
    point, direct = {}, {}
    if network.user:
        point["auth"] = {
            "key-management": "eap",
            "method": "peap",
            "identity": network.user,
            "password": network.password,
            "phase2-auth": "mschapv2",  # netplan copies it to NetworkManager, which has no capitals
        }
        if network.authority:
            point["auth"]["ca-certificate"] = boot_files.authority_on_pi(number)
    elif network.password:
        point["password"] = network.password
    if network.hidden:
        point["hidden"] = True
    if len(settings.networks) > 1:
        direct["connection.autoconnect-priority"] = str(settings.priority(number))
    if settings.address:
        # cloud-init 25.1 crashes on the name servers of a wireless interface.
        direct["ipv4.dns"] = "".join(f"{each};" for each in settings.address.dns)
    if ";" in network.ssid:
        # netplan writes it as text, which NetworkManager would read as a list of bytes.
        direct["wifi.ssid"] = keyfile.ssid(network.ssid)
    return point | ({"networkmanager": {"passthrough": direct}} if direct else {})


def validate(card, settings: Settings) -> None:
    """Read the files back as cloud-init will, and compare them with the settings."""
    meant = {"user-data": user_data(settings), "network-config": network_config(settings)}
    for name, content in meant.items():
        text = card.read(name)
        if not text.startswith(HEADERS.get(name, "")) or _parse(text) != content:
            raise CardError(f"{card.folder / name}: does not read back as it was written")


def remarks(settings: Settings) -> list[str]:
    """Return notes for the user."""
    if settings.passwordless_sudo:
        return ["sudo will not ask for a password: anyone who logs in can become root"]
    return ["sudo will ask for the password: run 'make provision ASK_SUDO=1'"]


def _cmdline(words: list[str], settings: Settings, identity: str) -> list[str]:
    if settings.networks:
        words = boot_files.set_word(words, "cfg80211.ieee80211_regdom", settings.country)
    # Without it, cloud-init searches for its settings at each boot.
    return boot_files.set_word(words, "ds", f"nocloud;i={identity}")


def _is_cloud_init(word: str) -> bool:
    return word.startswith("ds=nocloud") or "cloud-init" in word


def _render(name: str, content: dict) -> str:
    return HEADERS.get(name, "") + NOTE + json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _parse(text: str):
    """Read what `_render` writes; None for a file that is damaged."""
    lines = text.splitlines(keepends=True)
    try:
        return json.loads("".join(line for line in lines if not line.startswith("#")))
    except ValueError:
        return None
