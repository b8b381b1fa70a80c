"""Raspberry Pi OS bookworm: custom.toml, which the first boot reads, and a script for the locale.

References
----------
https://github.com/RPi-Distro/raspberrypi-sys-mods : init_config, imager_custom and firstboot
"""

import tomllib

from . import boot_files, keyfile
from .errors import CardError
from .settings import Settings

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
# off. Setting the country, as init_config does, mends only the former.
RADIO_ON = """\
sed -i 's/^WirelessEnabled=.*/WirelessEnabled=true/' /var/lib/NetworkManager/NetworkManager.state
rfkill unblock wifi
for state in /var/lib/systemd/rfkill/*:wlan; do
    [ ! -e "$state" ] || echo 0 > "$state"
done"""


def signs(card) -> list[str]:
    """List the signs that this image is set up by its own first boot."""
    return [FIRST_BOOT] if _is_fresh(card) else []


def settings_there(card) -> list[str]:
    """List settings that are already on the card."""
    found = ["custom.toml"] * card.has("custom.toml") + boot_files.settings_there(card)
    if not _is_fresh(card):
        found.append("a completed first boot (custom.toml would be ignored)")
    return found


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
            "password_authentication": not settings.ssh_keys,
            "authorized_keys": list(settings.ssh_keys),
        },
    }
    if settings.wifi:
        config["wlan"] = {
            # imager_custom copies both into NetworkManager's profile without escaping them.
            "ssid": keyfile.ssid(settings.wifi.ssid),
            "password": keyfile.escape(settings.wifi.password),
            "password_encrypted": True,  # or init_config would derive the key, for WPA2 alone
            "hidden": False,
            "country": settings.wifi.country,
        }
    places = {"keymap": settings.keyboard, "timezone": settings.timezone}
    places = {name: value for name, value in places.items() if value}
    return config | ({"locale": places} if places else {})


def script_commands(settings: Settings) -> list[str]:
    """Return shell commands for what custom.toml cannot set."""
    commands = []
    if settings.locale:
        commands.append(f"raspi-config nonint do_change_locale {settings.locale}")
    if settings.wifi:
        commands.append(RADIO_ON)
    return commands


def render(config: dict) -> str:
    """Write the result of `custom_toml`, tables of plain values, as TOML."""
    lines = ["# Written by scripts/prepare_sd_card.py."]
    for name, value in config.items():
        if isinstance(value, dict):
            lines += ["", f"[{name}]", *(f"{key} = {_value(each)}" for key, each in value.items())]
        else:
            lines.append(f"{name} = {_value(value)}")
    return "\n".join(lines) + "\n"


def validate(card, settings: Settings) -> None:
    """Read custom.toml back as TOML, and compare it with the settings."""
    if tomllib.loads(card.read("custom.toml")) != custom_toml(settings):
        path = card.folder / "custom.toml"
        raise CardError(f"{path}: does not read back as it was written")


def remarks(settings: Settings) -> list[str]:
    """Return notes for the user."""
    said = []
    if not settings.passwordless_sudo:
        said.append("bookworm's sudo asks for no password, even without --passwordless-sudo")
    if settings.usb_gadget:
        said.append("bookworm's USB network needs a host that shares its connection with the Pi")
    return said


def _is_fresh(card) -> bool:
    return FIRST_BOOT in boot_files.words(card.read("cmdline.txt"))


def _value(value) -> str:
    """Write a boolean, a number, a printable string or a list of those."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
