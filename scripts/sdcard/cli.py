"""The command line of ``scripts/prepare_sd_card.py``: the only part that prints or asks."""

from __future__ import annotations

import argparse
import difflib
import getpass
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from . import files, passwords, settings
from .card import IMAGES, ONLY_64_BIT, Card, find_cards
from .errors import CardError
from .settings import Settings, Wifi

MASK = "********"


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
        "boot_folder",
        metavar="BOOT_FOLDER",
        type=Path,
        nargs="?",
        help="such as /media/ada/bootfs; default: the only card that is there",
    )
    add = parser.add_argument
    add("--hostname", required=True, type=_type(settings.hostname), help="the Pi's name: pi-1")
    add("--user", required=True, type=_type(settings.user), help="the user to create: ada")
    add("--password-file", type=Path, metavar="FILE", help="default: ask, or generate one")
    add("--ssh-key", type=Path, metavar="FILE", help="public; default: ~/.ssh/id_ed25519.pub")
    add("--ssh-password", action="store_true", help="let SSH take the password beside the key")
    wifi = parser.add_argument_group(
        "Wi-Fi",
        "Repeat --wifi-ssid for several networks, the preferred one first. The other flags belong "
        "to the --wifi-ssid before them.",
    )
    add = wifi.add_argument
    name = {"action": _OfNetwork, "dest": "wifi", "default": []}
    add("--wifi-ssid", **name, type=_type(settings.ssid), metavar="NAME", help="network's name")
    add("--wifi-password-file", **name, type=Path, metavar="FILE", help="default: ask")
    add("--wifi-open", **name, nargs=0, help="the network has no password")
    add("--wifi-hidden", **name, nargs=0, help="the network hides its name")
    add(
        "--wifi-user",
        **name,
        type=_type(settings.wifi_user),
        metavar="NAME",
        help="your name in an enterprise network (PEAP), as in schools",
    )
    add(
        "--wifi-authority",
        **name,
        type=Path,
        metavar="FILE",
        help="certificate (PEM) of an enterprise network's authority",
    )
    add("--wifi-country", type=_type(settings.country), metavar="GB", help="country of the Pi")
    add = parser.add_argument
    add(
        "--address",
        type=_type(settings.address),
        metavar="IP/PREFIX",
        help="fixed address, on Wi-Fi if given, otherwise on Ethernet: 192.168.1.50/24",
    )
    add("--gateway", type=_type(settings.ip), metavar="IP", help="for --address")
    add(
        "--dns",
        type=_type(settings.ip),
        metavar="IP",
        action="append",
        default=[],
        help="name server, for --address; default: the gateway",
    )
    add("--usb-gadget", action="store_true", help="enable a network over the USB data port")
    add("--locale", type=_type(settings.locale), metavar="en_GB.UTF-8", help="language and formats")
    add("--keyboard", type=_type(settings.keyboard), metavar="gb", help="layout, or us(intl)")
    add("--timezone", type=_type(settings.timezone), metavar="Europe/London", help="time zone")
    add("--passwordless-sudo", action="store_true", help="let the user run sudo without a password")
    add("--image", choices=IMAGES, help="default: detect it from the card")
    add("--dry-run", action="store_true", help="show what would be written, with secrets masked")
    add("--force", action="store_true", help="replace settings that are already on the card")
    return parser


class _OfNetwork(argparse.Action):
    """Collect what is given of each network, as a dictionary for each."""

    def __call__(self, parser, namespace, values, option_string=None):
        networks = [dict(each) for each in getattr(namespace, self.dest)]
        name = option_string.replace("--wifi-", "").replace("-", "_")
        if networks and (name != "ssid" or "ssid" not in networks[-1]):
            if name in networks[-1]:
                parser.error(f"{option_string} is given twice for one network")
        else:
            networks.append({})
        networks[-1][name] = values if self.nargs != 0 else True
        setattr(namespace, self.dest, networks)


def _type(check: Callable[[str], str]) -> Callable[[str], str]:
    """Make argparse report the error of a check."""

    def checked(text: str) -> str:
        try:
            return check(text)
        except CardError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _check_usage(parser: argparse.ArgumentParser, arguments) -> None:
    networks = arguments.wifi
    if networks and not arguments.wifi_country:
        parser.error("--wifi-ssid needs --wifi-country: it decides which channels are allowed")
    if any("ssid" not in each for each in networks) or (arguments.wifi_country and not networks):
        parser.error("--wifi-password-file and --wifi-country need --wifi-ssid")
    names = [each["ssid"] for each in networks]
    for each in networks:
        if names.count(each["ssid"]) > 1:
            parser.error(f"--wifi-ssid {each['ssid']} is given twice")
        if "open" in each and {"password_file", "user"} & set(each):
            parser.error("--wifi-open and a password or user exclude each other")
        if "authority" in each and "user" not in each:
            parser.error("--wifi-authority needs --wifi-user: only enterprise networks have one")
    if arguments.address and not arguments.gateway:
        parser.error("--address needs --gateway, the address of the router")
    if (arguments.gateway or arguments.dns) and not arguments.address:
        parser.error("--gateway and --dns need --address")


def _run(arguments) -> None:
    card = _card(arguments.boot_folder)
    name = card.image(arguments.image)
    image = IMAGES[name]
    there = image.settings_there(card)
    if there and not (arguments.force or arguments.dry_run):
        raise CardError(
            f"{card.folder}: expected a freshly flashed card, found {', '.join(there)}. "
            "Flash it, or use --force to replace these settings"
        )
    ssh_keys = _ssh_keys(arguments)
    networks = [_network(each, arguments.dry_run) for each in arguments.wifi]
    password, generated = _password(arguments)
    wanted = _settings(arguments, ssh_keys, networks, password)
    plan = card.plan(wanted.masked(MASK) if arguments.dry_run else wanted, name)
    _remark(f"Raspberry Pi OS {name}, image of {card.date or 'unknown date'}, in {card.folder}")
    for text in _remarks(wanted, image, there, card):
        _remark(f"Note: {text}")
    if arguments.dry_run:
        _show(card, plan)
        return
    for done in card.write(wanted, name):
        print(done)
    print("read back and checked")
    if generated:
        print(f"password of {wanted.user}, shown only once: {password}")
    print(_next_step(wanted))


def _card(folder: Path | None) -> Card:
    """Take the folder that was given, or the only card that is there."""
    if folder:
        alone = folder.drive and folder.drive == str(folder)  # E: on Windows
        return Card(Path(f"{folder}\\") if alone else folder)
    found = find_cards()
    if len(found) != 1:
        got = ", ".join(map(str, found)) or "none"
        raise CardError(
            f"expected one card with a boot partition (bootfs), found {got}. Put the card in, or "
            "give the folder where it appears"
        )
    return Card(found[0])


def _settings(arguments, ssh_keys, networks, password: str | None) -> Settings:
    return Settings(
        hostname=arguments.hostname,
        user=arguments.user,
        password_hash=passwords.hash_password(password) if password else MASK,
        ssh_keys=ssh_keys,
        ssh_password=arguments.ssh_password,
        networks=networks,
        country=arguments.wifi_country,
        address=settings.fixed_address(arguments.address, arguments.gateway, arguments.dns)
        if arguments.address
        else None,
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


def _network(given: dict, dry_run: bool) -> Wifi:
    """Complete what was given of a network with its password."""
    path = given.get("authority")
    network = Wifi(
        given["ssid"],
        hidden="hidden" in given,
        user=given.get("user"),
        authority=settings.authority(path) if path else None,
    )
    if "open" in given:
        return network
    if "password_file" in given:
        password = passwords.read_password(given["password_file"])
    elif dry_run:
        return replace(network, password=MASK)
    elif _is_terminal():
        of = f"{network.user} in the" if network.user else "the"
        password = getpass.getpass(f"Password of {of} Wi-Fi network {network.ssid}: ")
    else:
        raise CardError(
            "expected --wifi-password-file, since there is no terminal to ask for the password "
            f"of {network.ssid} (or --wifi-open for a network without one)"
        )
    check = passwords.check_password if network.user else passwords.wifi_password
    return replace(network, password=check(password))


def _ask_twice(what: str) -> str:
    first = getpass.getpass(f"{what}: ")
    if getpass.getpass(f"{what}, again: ") != first:
        raise CardError("expected the same password twice, got two different ones")
    return first


def _remarks(wanted: Settings, image, there: list[str], card: Card) -> list[str]:
    said = image.remarks(wanted)
    if card.only_64_bit:
        said.append(ONLY_64_BIT)
    if there:
        said.append(f"already there: {', '.join(there)}")
    said.append(_ssh_remark(wanted))
    if wanted.networks:
        said += _wifi_remarks(wanted)
    if not wanted.networks and not wanted.usb_gadget:
        said.append("neither --wifi-ssid nor --usb-gadget: a Zero will need an Ethernet adapter")
    if wanted.address:
        where = "Wi-Fi" if wanted.networks else "Ethernet"
        said.append(f"the address on {where} will be {wanted.address.address}")
    return said


def _ssh_remark(wanted: Settings) -> str:
    if not wanted.ssh_keys:
        return "no SSH key given or found: SSH will accept the password"
    names = ", ".join(map(settings.key_name, wanted.ssh_keys))
    return f"SSH will accept the key {names}, and {'the' if wanted.ssh_password else 'no'} password"


def _wifi_remarks(wanted: Settings) -> list[str]:
    said = []
    if any(each.password and not passwords.is_wifi_key(each.password) for each in wanted.networks):
        said.append(
            "the Wi-Fi password lies on the card in clear text, which WPA3 requires: whoever has "
            "the card can read it"
        )
    for each in wanted.networks:
        if each.password and not each.user and passwords.is_wifi_key(each.password):
            said.append(
                f"a key of 64 digits joins WPA2 networks, but not WPA3: if {each.ssid} is one, "
                "give its password"
            )
        if not each.password:
            said.append(f"{each.ssid} is an open network: what you send can be read by others")
        if each.user and not each.authority:
            said.append(
                f"without --wifi-authority, any network that calls itself {each.ssid} is given "
                "your password"
            )
    if not settings.has_rules(wanted.country):
        said.append(f"the Pi knows no rules of radio for {wanted.country}: it uses those for all")
    return said


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
