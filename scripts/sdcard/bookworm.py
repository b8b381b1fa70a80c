"""Raspberry Pi OS bookworm: custom.toml, which the first boot reads, and a script for the rest.

References
----------
https://github.com/RPi-Distro/raspberrypi-sys-mods : init_config, imager_custom and firstboot
"""

from __future__ import annotations

import re

from . import boot_files, keyfile
from .errors import CardError
from .settings import Settings, Wifi, keyboard_parts

FIRST_BOOT = "init=/usr/lib/raspberrypi-sys-mods/firstboot"
# What custom.toml cannot set, a script does. It runs once, in the second boot, and removes itself.
SCRIPT = """\
#!/bin/sh
# Written by scripts/prepare_sd_card.py.
{commands}
rm -f /boot/firmware/firstrun.sh
sed -i 's/ systemd\\.\\(run[^ ]*\\|unit=kernel[^ ]*\\)//g' /boot/firmware/cmdline.txt
exit 0
"""
# Images since November 2024 start with the radio blocked, and with NetworkManager told to leave it
# off. Setting the country mends only the former where NetworkManager is not running yet.
RADIO_ON = """\
raspi-config nonint do_wifi_country {country}
sed -i 's/^WirelessEnabled=.*/WirelessEnabled=true/' /var/lib/NetworkManager/NetworkManager.state
rfkill unblock wifi
for state in /var/lib/systemd/rfkill/*:wlan; do
    [ ! -e "$state" ] || echo 0 > "$state"
done"""
# NetworkManager's own rules leave USB gadgets alone.
USB_RULE = 'SUBSYSTEM=="net", ACTION!="remove", KERNEL=="usb0", ENV{NM_UNMANAGED}="0"\n'
USB_ADDRESS = "10.12.194.1/28"  # that of trixie's rpi-usb-gadget
KEYBOARD = """\
sed -i -e 's/^XKBLAYOUT=.*/XKBLAYOUT="{0}"/' -e 's/^XKBVARIANT=.*/XKBVARIANT="{1}"/' \\
    /etc/default/keyboard
dpkg-reconfigure -f noninteractive keyboard-configuration"""
OPTIONS = ("--hidden", "--plain")  # of imager_custom, which finds them anywhere


def signs(card) -> list[str]:
    """List the signs that this image is set up by its own first boot."""
    return [FIRST_BOOT] if _is_fresh(card) else []


def settings_there(card) -> list[str]:
    """List settings that are already on the card."""
    found = ["custom.toml"] * card.has("custom.toml") + boot_files.settings_there(card)
    if not _is_fresh(card):
        found.append("a completed first boot (custom.toml would be ignored)")
    return found


def hand_made(card) -> list[str]:
    """List files that would be replaced, and that this script did not write."""
    return boot_files.of_others(card, ("custom.toml", *boot_files.OTHER_SETTINGS))


def hostname(card) -> str | None:
    """Return the host name on a card that this script prepared."""
    text = card.read("custom.toml")
    return parse(text).get("system", {}).get("hostname") if boot_files.MARK in text else None


def plan(card, settings: Settings) -> dict[str, str | None]:
    """Return the new content of each file that changes; None for a file to remove.

    Raises
    ------
    CardError
        When the card has booted already: custom.toml would be ignored.
    """
    if not _is_fresh(card):
        raise CardError(
            f"{card.folder}: expected a bookworm card that has never booted, but this one has, and "
            "custom.toml would be ignored. Flash the card again"
        )
    words, files = boot_files.without_other_settings(card)
    files["custom.toml"] = render(custom_toml(settings))
    files.update(boot_files.authorities(settings))
    if commands := script_commands(settings):
        files["firstrun.sh"] = SCRIPT.format(commands="\n".join(commands))
        words = [*words, *boot_files.RUN_SCRIPT]
    if settings.usb_gadget:
        files["config.txt"] = boot_files.with_gadget_overlay(card.read("config.txt"))
        words = boot_files.load_modules(words, "dwc2", "g_ether")
    files["cmdline.txt"] = boot_files.line(words)
    return files


def custom_toml(settings: Settings) -> dict:
    """Return the settings under the names that init_config reads."""
    config = {
        "config_version": 1,
        "system": {"hostname": settings.hostname},
        "user": {
            "name": settings.user,
            "password": settings.password_hash,
            "password_encrypted": True,
        },
        "ssh": {
            "enabled": True,
            "password_authentication": settings.password_login,
            # imager_custom writes them with the echo of sh, which reads backslashes.
            "authorized_keys": [key.replace("\\", "\\\\") for key in settings.ssh_keys],
        },
    }
    if settings.networks and _fits_custom_toml(settings.networks[0]):
        config["wlan"] = _wlan(settings.networks[0], settings.country)
    places = {"keymap": settings.keyboard, "timezone": settings.timezone}
    if settings.keyboard and keyboard_parts(settings.keyboard)[1]:
        del places["keymap"]  # raspi-config sets a layout alone
    places = {name: value for name, value in places.items() if value}
    return config | ({"locale": places} if places else {})


def _fits_custom_toml(network: Wifi) -> bool:
    return not network.user and network.password not in OPTIONS


def _wlan(network: Wifi, country: str) -> dict:
    """Return the preferred network, in case that the script cannot run.

    imager_custom copies both texts into NetworkManager's profile without escaping them.
    """
    wlan = {"ssid": keyfile.ssid(network.ssid)}
    if network.password:
        wlan["password"] = keyfile.escape(network.password)
        wlan["password_encrypted"] = True  # or init_config would derive the key, for WPA2 alone
    return wlan | {"hidden": network.hidden, "country": country}


def script_commands(settings: Settings) -> list[str]:
    """Return shell commands for what custom.toml cannot set."""
    commands = []
    if settings.locale:
        commands.append(f"raspi-config nonint do_change_locale {settings.locale}")
    if settings.keyboard and keyboard_parts(settings.keyboard)[1]:
        commands.append(KEYBOARD.format(*keyboard_parts(settings.keyboard)))
    if settings.networks:
        commands.append(RADIO_ON.format(country=settings.country))
    return commands + [_write(path, text) for path, text in script_files(settings).items()]


def script_files(settings: Settings) -> dict[str, str]:
    """Return the files on the Pi that the script writes."""
    files = {}
    for number, network in enumerate(settings.networks):
        # The first has the name of imager_custom's profile, which it replaces.
        name = f"wifi-{number + 1}" if number else "preconfigured"
        authority = boot_files.authority_on_pi(number) if network.authority else None
        text = keyfile.wifi(network, settings.priority(number), settings.address, authority)
        files[f"{keyfile.FOLDER}/{name}.nmconnection"] = text
    files.update(keyfile.wpa3_profiles(settings))
    if settings.address and not settings.networks:
        files[f"{keyfile.FOLDER}/ethernet.nmconnection"] = keyfile.ethernet(settings.address)
    if settings.usb_gadget:
        # First ask a computer that shares its connection; if none answers, be there at an address.
        asking = {"method": "auto", "dhcp-timeout": "20", "may-fail": "false"}
        serving = {"method": "shared", "address1": USB_ADDRESS}
        files["/etc/udev/rules.d/99-pi-nn-usb.rules"] = USB_RULE
        files[f"{keyfile.FOLDER}/usb-client.nmconnection"] = keyfile.usb(
            "usb-client", 2, asking, **{"autoconnect-retries": 1}
        )
        files[f"{keyfile.FOLDER}/usb-server.nmconnection"] = keyfile.usb("usb-server", 1, serving)
    return files


def _write(path: str, text: str) -> str:
    """Return a shell command that writes a file of the system; profiles are for root alone."""
    mode = "600" if path.startswith(keyfile.FOLDER) else "644"
    return f"install -m {mode} /dev/null {path}\ncat > {path} <<'PI_NN_END'\n{text}PI_NN_END"


def render(config: dict) -> str:
    """Write the result of `custom_toml`, tables of plain values, as TOML."""
    lines = [f"# {boot_files.MARK}."]
    for name, value in config.items():
        if isinstance(value, dict):
            lines += ["", f"[{name}]", *(f"{key} = {_value(each)}" for key, each in value.items())]
        else:
            lines.append(f"{name} = {_value(value)}")
    return "\n".join(lines) + "\n"


def validate(card, settings: Settings) -> None:
    """Read custom.toml back, and compare it with the settings."""
    if parse(card.read("custom.toml")) != custom_toml(settings):
        path = card.folder / "custom.toml"
        raise CardError(f"{path}: does not read back as it was written")


def parse(text: str) -> dict:
    """Read what `render` writes: by Python 3.11's tomllib, or on older ones by its own rules.

    A file that is damaged says nothing.
    """
    try:
        import tomllib
    except ImportError:
        return _parse_own(text)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _parse_own(text: str) -> dict:
    import json

    config = table = {}
    for line in text.splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            table = config[header[1]] = {}
        elif pair := re.fullmatch(r"(\w+) = (.*)", line):
            table[pair[1]] = json.loads(pair[2])  # such values are those of JSON
    return config


def remarks(settings: Settings) -> list[str]:
    """Return notes for the user."""
    said = []
    if not settings.passwordless_sudo:
        said.append("bookworm's sudo asks for no password, even without --passwordless-sudo")
    if settings.usb_gadget:
        said.append(
            "over USB the Pi takes an address from a computer that shares its connection; from any "
            f"other it has {USB_ADDRESS.split('/')[0]} after half a minute"
        )
    return said


def _is_fresh(card) -> bool:
    return FIRST_BOOT in boot_files.words(card.read("cmdline.txt"))


def _value(value) -> str:
    """Write a boolean, a number, a string on one line or a list of those."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{escaped}"'
