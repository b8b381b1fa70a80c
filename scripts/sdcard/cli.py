"""The command line of ``scripts/prepare_sd_card.py``: the only part that prints or asks."""

import argparse
import difflib
import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import files, passwords, settings
from .card import IMAGES, Card
from .errors import CardError
from .settings import Settings, Wifi

MASK = "********"
UNKNOWN_HASH = "(the hash of the password)"  # for a dry run, which does not ask for a password


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare a card.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; by default those of ``sys.argv``.

    Returns
    -------
    code : int
        0 for success, 1 for an error (one line, no traceback), 130 when interrupted. Wrong usage
        exits with 2.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    arguments = parser.parse_args(argv)
    _check_usage(parser, arguments)
    try:
        _run(arguments)
    except CardError as error:
        return _fail(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except (KeyboardInterrupt, EOFError):
        return _fail("interrupted", code=130)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Write first-boot settings onto the boot partition of a flashed card.",
        epilog="Passwords cannot be given on the command line, where others could read them.",
    )
    parser.add_argument(
        "boot_folder", metavar="BOOT_FOLDER", type=Path, help="such as /media/ada/bootfs"
    )
    add = parser.add_argument
    add("--hostname", required=True, type=_type(settings.hostname), help="the Pi's name: pi-1")
    add("--user", required=True, type=_type(settings.user), help="the user to create: ada")
    add("--password-file", type=Path, metavar="FILE", help="default: ask, or generate one")
    add("--ssh-key", type=Path, metavar="FILE", help="public; default: ~/.ssh/id_ed25519.pub")
    add("--wifi-ssid", type=_type(settings.ssid), metavar="NAME", help="name of the Wi-Fi network")
    add("--wifi-password-file", type=Path, metavar="FILE", help="default: ask")
    add("--wifi-country", type=_type(settings.country), metavar="GB", help="country of the Pi")
    add("--usb-gadget", action="store_true", help="enable a network over the USB data port")
    add("--locale", type=_type(settings.locale), metavar="en_GB.UTF-8", help="language and formats")
    add("--keyboard", type=_type(settings.keyboard), metavar="gb", help="keyboard layout")
    add("--timezone", type=_type(settings.timezone), metavar="Europe/London", help="time zone")
    add("--passwordless-sudo", action="store_true", help="let the user run sudo without a password")
    add("--image", choices=IMAGES, help="default: detect it from the card")
    add("--dry-run", action="store_true", help="show what would be written, with secrets masked")
    add("--force", action="store_true", help="replace settings that are already on the card")
    return parser


def _type(check: Callable[[str], str]) -> Callable[[str], str]:
    """Make argparse report the error of a check."""

    def checked(text: str) -> str:
        try:
            return check(text)
        except CardError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _check_usage(parser: argparse.ArgumentParser, arguments) -> None:
    if arguments.wifi_ssid and not arguments.wifi_country:
        parser.error("--wifi-ssid needs --wifi-country: it decides which channels are allowed")
    if not arguments.wifi_ssid and (arguments.wifi_password_file or arguments.wifi_country):
        parser.error("--wifi-password-file and --wifi-country need --wifi-ssid")


def _run(arguments) -> None:
    card = Card(arguments.boot_folder)
    name = card.image(arguments.image)
    image = IMAGES[name]
    there = image.settings_there(card)
    if there and not (arguments.force or arguments.dry_run):
        raise CardError(
            f"{card.folder}: expected a freshly flashed card, found {', '.join(there)}. "
            "Flash it, or use --force to replace these settings"
        )
    ssh_keys = _ssh_keys(arguments)
    wifi = _wifi(arguments)
    password, generated = _password(arguments)
    wanted = _settings(arguments, ssh_keys, wifi, password)
    plan = image.plan(card, wanted.masked(MASK) if arguments.dry_run else wanted)
    _remark(f"Raspberry Pi OS {name}, image of {card.date or 'unknown date'}, in {card.folder}")
    for text in _remarks(wanted, image, there):
        _remark(f"Note: {text}")
    if arguments.dry_run:
        _show(card, plan)
        return
    for done in files.apply(card.folder, plan):
        print(done)
    image.validate(card, wanted)
    print("read back and checked")
    if generated:
        print(f"password of {wanted.user}, shown only once: {password}")
    print(_next_step(wanted))


def _settings(arguments, ssh_keys, wifi, password: str | None) -> Settings:
    return Settings(
        hostname=arguments.hostname,
        user=arguments.user,
        password_hash=passwords.hash_password(password) if password else UNKNOWN_HASH,
        ssh_keys=ssh_keys,
        wifi=wifi,
        usb_gadget=arguments.usb_gadget,
        locale=arguments.locale,
        keyboard=arguments.keyboard,
        timezone=arguments.timezone,
        passwordless_sudo=arguments.passwordless_sudo,
    )


def _ssh_keys(arguments) -> tuple[str, ...]:
    path = arguments.ssh_key or settings.find_ssh_key(Path.home())
    return settings.read_ssh_keys(path) if path else ()


def _password(arguments) -> tuple[str | None, bool]:
    """Return the password, or None in a dry run without one, and whether it was generated."""
    if arguments.password_file:
        return passwords.read_password(arguments.password_file), False
    if arguments.dry_run:
        return None, False
    if _is_terminal():
        return passwords.check_password(_ask_twice(f"Password of {arguments.user}")), False
    return passwords.generate_password(), True


def _wifi(arguments) -> Wifi | None:
    ssid = arguments.wifi_ssid
    if not ssid:
        return None
    if arguments.wifi_password_file:
        password = passwords.read_password(arguments.wifi_password_file)
    elif arguments.dry_run:
        return Wifi(ssid, MASK, arguments.wifi_country)
    elif _is_terminal():
        password = getpass.getpass(f"Password of the Wi-Fi network {ssid}: ")
    else:
        raise CardError(
            "expected --wifi-password-file, since there is no terminal to ask for the password"
        )
    return Wifi(ssid, passwords.wifi_password(password), arguments.wifi_country)


def _ask_twice(what: str) -> str:
    first = getpass.getpass(f"{what}: ")
    if getpass.getpass(f"{what}, again: ") != first:
        raise CardError("expected the same password twice, got two different ones")
    return first


def _remarks(wanted: Settings, image, there: list[str]) -> list[str]:
    said = image.remarks(wanted)
    if there:
        said.append(f"already there: {', '.join(there)}")
    if wanted.ssh_keys:
        names = [key.split(" ", 2)[-1] for key in wanted.ssh_keys]
        said.append(f"SSH will accept the key {', '.join(names)}, and no password")
    else:
        said.append("no SSH key given or found: SSH will accept the password")
    if wanted.wifi:
        said.append(_wifi_remark(wanted.wifi))
    if not wanted.wifi and not wanted.usb_gadget:
        said.append("neither --wifi-ssid nor --usb-gadget: a Zero will need an Ethernet adapter")
    return said


def _wifi_remark(wifi: Wifi) -> str:
    if passwords.is_wifi_key(wifi.password):
        return "a key of 64 digits joins WPA2 networks, but not WPA3: for those give the password"
    return (
        "the Wi-Fi password lies on the card in clear text, which WPA3 requires: whoever has the "
        "card can read it"
    )


def _show(card: Card, plan: dict[str, str | None]) -> None:
    """Print new files in full and changed files as a diff."""
    for name, text in plan.items():
        if text is None:
            print(f"--- {name}: would be removed\n")
        elif name in files.KEPT:
            old, new = card.read(name).splitlines(), text.splitlines()
            lines = difflib.unified_diff(old, new, name, f"{name}, new", n=0, lineterm="")
            print("\n".join(lines) or f"--- {name}: unchanged", end="\n\n")
        else:
            print(f"--- {name}\n{text}")
    print("nothing was written: this was a dry run")


def _next_step(wanted: Settings) -> str:
    cable = ", its USB data port (nearest the mini HDMI) to this computer" * wanted.usb_gadget
    return (
        f"Next: eject the card, put it into the Pi{cable}, switch on, wait about 3 minutes, then: "
        f"ssh {wanted.user}@{wanted.hostname}.local"
    )


def _is_terminal() -> bool:
    return bool(sys.stdin and sys.stdin.isatty())


def _remark(text: str) -> None:
    print(text, file=sys.stderr)


def _fail(message: str, code: int = 1) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
