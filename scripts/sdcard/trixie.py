"""Raspberry Pi OS trixie: cloud-init sets it up from three files on the boot partition.

References
----------
https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
https://netplan.readthedocs.io/en/stable/netplan-yaml/
"""

import hashlib
import json
import re

from . import boot_files
from .errors import CardError
from .settings import Settings

SEEDS = ("user-data", "meta-data", "network-config")
# The groups that Raspberry Pi Imager gives the first user.
GROUPS = "users,adm,dialout,audio,netdev,video,plugdev,cdrom,games,input,gpio,spi,i2c,render,sudo"
HEADERS = {"user-data": "#cloud-config\n"}  # must be the very first line
NOTE = "# Written by scripts/prepare_sd_card.py. This is JSON, which is YAML, too.\n"
SET_KEYS = re.compile(r"^[ {]*[\"']?(users?|hostname|chpasswd|runcmd|wifis)[\"']?\s*:", re.M)


def signs(card) -> list[str]:
    """List the signs that this image is set up by cloud-init."""
    found = [name for name in SEEDS if card.has(name)]
    words = boot_files.words(card.read("cmdline.txt"))
    return found + [f"{word} in cmdline.txt" for word in words if _is_cloud_init(word)]


def settings_there(card) -> list[str]:
    """List settings that are already on the card; those in a new image are comments."""
    found = (f"{key} in {name}" for name in SEEDS for key in SET_KEYS.findall(card.read(name)))
    return list(dict.fromkeys(found)) + boot_files.settings_there(card)


def plan(card, settings: Settings) -> dict[str, str | None]:
    """Return the new content of each file that changes; None for a file to remove."""
    words, files = boot_files.without_other_settings(card)
    meant = {"user-data": user_data(settings), "network-config": network_config(settings)}
    # cloud-init runs once for each id, so new settings need a new id.
    identity = "pi-nn-" + hashlib.sha256(json.dumps(meant).encode()).hexdigest()[:12]
    meant["meta-data"] = {"dsmode": "local", "instance-id": identity}
    files |= {name: _render(name, content) for name, content in meant.items()}
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
    commands = [["systemctl", "enable", "--now", "ssh"]]
    data = {
        "hostname": settings.hostname,
        "manage_etc_hosts": "localhost",
        "user": user,
        "ssh_pwauth": not settings.ssh_keys,
    }
    if settings.locale:
        data["locale"] = settings.locale
    if settings.keyboard:
        data["keyboard"] = {"model": "pc105", "layout": settings.keyboard}
    if settings.timezone:
        data["timezone"] = settings.timezone
    if settings.wifi:
        # The image starts with the radio blocked, and with NetworkManager told to leave it off.
        commands += [["rfkill", "unblock", "wifi"], ["nmcli", "radio", "wifi", "on"]]
    if settings.usb_gadget:
        # Not rpi: enable_usb_gadget, which gives up after 15 seconds (rpi-imager#1403); and
        # without -f it may ask a question in an endless loop.
        commands.append(["rpi-usb-gadget", "on", "-f"])
        data["power_state"] = {"mode": "reboot", "message": "starting the USB network"}
    return data | {"runcmd": commands}


def network_config(settings: Settings) -> dict:
    """Return the network settings for netplan."""
    network = {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "optional": True}}}
    if settings.wifi:
        wlan = {
            "dhcp4": True,
            "optional": True,
            "regulatory-domain": settings.wifi.country,
            "access-points": {settings.wifi.ssid: {"password": settings.wifi.password}},
        }
        network["wifis"] = {"wlan0": wlan}
    return {"network": network}


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
    if settings.wifi:
        words = boot_files.set_word(words, "cfg80211.ieee80211_regdom", settings.wifi.country)
    # An id on the command line, where Raspberry Pi Imager puts it, overrides the one in meta-data.
    return [
        re.sub(r";i=[^;]*", f";i={identity}", word) if word.startswith("ds=nocloud") else word
        for word in words
    ]


def _is_cloud_init(word: str) -> bool:
    return word.startswith("ds=nocloud") or "cloud-init" in word


def _render(name: str, content: dict) -> str:
    return HEADERS.get(name, "") + NOTE + json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _parse(text: str):
    lines = text.splitlines(keepends=True)
    return json.loads("".join(line for line in lines if not line.startswith("#")))
