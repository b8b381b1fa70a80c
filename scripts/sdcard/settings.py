"""The settings for a Pi, and the checks that each value must pass."""

from __future__ import annotations

import base64
import binascii
import difflib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import known
from .errors import CardError
from .texts import decode

USUAL_KEYS = ("id_ed25519.pub", "id_rsa.pub")
KEY_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
# Names of computers in Debian's /etc/hosts, which mean the computer itself or its network.
TAKEN_HOSTS = {"localhost", "ip6-localhost", "ip6-loopback", "ip6-allnodes", "ip6-allrouters"}
COUNTRY_MEANT = {"UK": "GB", "EN": "GB", "EL": "GR"}


@dataclass(frozen=True)
class Wifi:
    """A wireless network.

    Attributes
    ----------
    ssid : str
        Its name.
    password : str, optional
        Its password, or its WPA2 key in hexadecimal; None for an open network.
    hidden : bool
        Whether the network hides its name.
    user : str, optional
        The user's name in an enterprise network (PEAP).
    authority : str, optional
        The certificate, as PEM, that an enterprise network's server must be signed by.
    """

    ssid: str
    password: str | None = None
    hidden: bool = False
    user: str | None = None
    authority: str | None = None


@dataclass(frozen=True)
class Address:
    """A fixed address with its prefix (192.168.1.50/24), the gateway and the name servers."""

    address: str
    gateway: str
    dns: Sequence[str]


@dataclass(frozen=True)
class Settings:
    """All settings to write to a card; None and () keep those of the image."""

    hostname: str
    user: str
    password_hash: str
    ssh_keys: Sequence[str] = ()
    ssh_password: bool = False
    networks: Sequence[Wifi] = ()  # the first is preferred
    country: str | None = None
    address: Address | None = None
    usb_gadget: bool = False
    locale: str | None = None
    keyboard: str | None = None
    timezone: str | None = None
    passwordless_sudo: bool = False

    @property
    def password_login(self) -> bool:
        """Whether SSH accepts the password: without a key nobody could get in otherwise."""
        return self.ssh_password or not self.ssh_keys

    def priority(self, number: int) -> int:
        """Return NetworkManager's priority of a network; the number below it is for its WPA3."""
        return 2 * (len(self.networks) - 1 - number)

    def masked(self, mask: str) -> Settings:
        """Return the same settings with a mask for each secret, to show them."""
        networks = tuple(replace(each, password=each.password and mask) for each in self.networks)
        return replace(self, password_hash=mask, networks=networks)


def hostname(text: str) -> str:
    """Accept one label of RFC 1123 that does not already name something else."""
    expected = (
        "a host name of 1 to 63 letters, digits and inner hyphens, without a domain (as in pi-1)"
    )
    name = _matching(text, r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", expected)
    if name.lower() in TAKEN_HOSTS:
        raise CardError(f"expected {expected}, got {text!r}, which every computer calls itself")
    return name


def user(text: str) -> str:
    """Accept a name that Debian's adduser accepts, except those of system users and groups."""
    expected = "a user name of lower-case letters, digits, - and _, a letter first, at most 32"
    name = _matching(text, r"[a-z][a-z0-9_-]{0,31}", expected)
    if name in _names(known.SYSTEM_NAMES):
        raise CardError(
            f"expected {expected}, got {text!r}, a user or group that the system uses itself"
        )
    return name


def country(text: str) -> str:
    """Accept the two letters of ISO 3166."""
    expected = "a country's two capital letters (as in GB)"
    if text.upper() in COUNTRY_MEANT:
        raise CardError(
            f"expected {expected}, got {text!r}: you mean {COUNTRY_MEANT[text.upper()]}"
        )
    return _member(text, known.COUNTRIES, expected)


def locale(text: str) -> str:
    """Accept a UTF-8 locale that Debian has: other character sets only cause trouble."""
    expected = "a locale in UTF-8 that Debian has (as in en_GB.UTF-8)"
    names = _names(known.LOCALES) - {"C.UTF-8"}
    base = re.split(r"[.@]", text)[0]
    meant = [name for name in (f"{base}.UTF-8", base) if name in names and name != text]
    return _member(text, names, expected, meant)


def keyboard(text: str) -> str:
    """Accept keyboard layouts with their variants, one or several: gb, us(intl), ch,fr."""
    expected = "a keyboard layout (as in gb, de, us(intl) or ch,fr)"
    for part in text.split(","):
        try:
            _member(part, known.KEYBOARDS, expected)
        except CardError as error:
            if part == text:
                raise
            raise CardError(f"{error}, in {text!r}") from None
    if text.count(",") > 3:
        raise CardError(f"expected at most four keyboard layouts, got {text!r}")
    return text


def keyboard_parts(text: str) -> tuple[str, str]:
    """Split a keyboard into layouts and variants, as ch(fr),us into (ch,us) and (fr,)."""
    pairs = [re.fullmatch(r"([^()]*)(?:\((.*)\))?", part).groups("") for part in text.split(",")]
    variants = ",".join(variant for _, variant in pairs)
    return ",".join(layout for layout, _ in pairs), variants if variants.strip(",") else ""


def timezone(text: str) -> str:
    """Accept the name of a time zone that one of the releases has."""
    return _member(text, known.ZONES, "a time zone (as in Europe/London)")


def check_for(settings: Settings, release: str) -> None:
    """Refuse what this release does not know, though another does.

    Raises
    ------
    CardError
        With the present name, where there is one.
    """
    legacy = dict(pair.split("=") for pair in known.LEGACY_ZONES.split())
    values = (
        ("time zone", settings.timezone, known.ZONES),
        ("locale", settings.locale, known.LOCALES),
        *(
            ("keyboard layout", part, known.KEYBOARDS)
            for part in (settings.keyboard or "").split(",")
        ),
    )
    for what, value, table in values:
        if value and value not in _names(table, release):
            use = f": use {legacy[value]}" if what == "time zone" and value in legacy else ""
            raise CardError(f"expected a {what} that {release} has, got {value!r}{use}")


def has_rules(country: str) -> bool:
    """Return whether the kernel has rules of radio for a country."""
    return country in _names(known.COUNTRIES_WITH_RULES)


def ssid(text: str) -> str:
    """Accept a network's name: at most 32 bytes, all printable."""
    if not text or len(text.encode(errors="replace")) > 32 or not text.isprintable():
        raise CardError(f"expected a network name of 1 to 32 printable bytes, got {text!r}")
    return text


def wifi_user(text: str) -> str:
    """Accept the name of a user in an enterprise network, such as ada@school.example."""
    return _matching(text, r"[!-~][ -~]{0,252}", "a user name of printable ASCII characters")


def address(text: str) -> str:
    """Accept an IPv4 address with its prefix that a computer can have."""
    expected = "an IPv4 address with its prefix (as in 192.168.1.50/24)"
    try:
        found = ipaddress.IPv4Interface(text)
    except ValueError:
        raise CardError(f"expected {expected}, got {text!r}") from None
    ends = (found.network.network_address, found.network.broadcast_address)
    if "/" not in text or found.network.prefixlen > 30 or found.ip in ends or found.ip.is_loopback:
        raise CardError(f"expected {expected}, got {text!r}, which is not a computer's")
    return str(found)


def ip(text: str) -> str:
    """Accept an IPv4 address without a prefix."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise CardError(f"expected an IPv4 address (as in 192.168.1.1), got {text!r}") from None


def fixed_address(address: str, gateway: str, dns: Sequence[str]) -> Address:
    """Put a fixed address together; the gateway must be in its network."""
    own = ipaddress.IPv4Interface(address)
    there = ipaddress.IPv4Address(gateway)
    if there not in own.network or there == own.ip:
        raise CardError(
            f"expected a gateway in the network {own.network}, other than the Pi itself, "
            f"got {gateway}"
        )
    return Address(address, gateway, tuple(dns) or (gateway,))


def authority(path: Path) -> str:
    """Read the certificate of an enterprise network's authority, as PEM."""
    text = decode(path, "a certificate").strip() + "\n"
    if "PRIVATE KEY" in text:
        raise CardError(f"{path}: this is a PRIVATE key: give the authority's certificate")
    if not re.match(r"-----BEGIN CERTIFICATE-----\s", text):
        raise CardError(
            f"{path}: expected a certificate as PEM ('-----BEGIN CERTIFICATE-----'). "
            "'openssl x509 -inform der -in FILE' converts other forms"
        )
    return text.replace("\r\n", "\n")


def find_ssh_key(home: Path) -> Path | None:
    """Return the public key that this computer's user most probably logs in with."""
    paths = (home / ".ssh" / name for name in USUAL_KEYS)
    return next((path for path in paths if path.is_file()), None)


def read_ssh_keys(path: Path) -> tuple[str, ...]:
    """Read public keys, one per line, and refuse everything else.

    Raises
    ------
    CardError
        When the file contains a private key, no key, or a line that is not a public key.
    OSError
        When it cannot be read.
    """
    if b"PRIVATE KEY" in path.read_bytes().replace(b"\0", b""):
        raise CardError(
            f"{path}: this is a PRIVATE key, which must never leave your computer; nothing was "
            f"written. Give the public one, usually {path}.pub"
        )
    lines = [line.strip() for line in decode(path, "public SSH keys").split("\n")]
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not numbered:
        raise CardError(f"{path}: expected a public SSH key, found none. 'ssh-keygen' makes a pair")
    for number, line in numbered:
        if (reason := _no_public_key(line)) is not None:
            raise CardError(
                f"{path}:{number}: expected a public SSH key (as in 'ssh-ed25519 AAAA... name'), "
                f"got {line[:40]!r}{reason}"
            )
    return tuple(line for _, line in numbered)


def key_name(key: str) -> str:
    """Return a key's comment, or its type and end if it has none."""
    words = key.split(None, 2)
    return words[2] if len(words) > 2 else f"{words[0]} ...{words[1][-8:]}"


def _no_public_key(line: str) -> str | None:
    """Say why a line is not a public key whose type matches the type encoded in it, or None."""
    kind, _, rest = line.replace("\t", " ").partition(" ")
    if not line.replace("\t", " ").isprintable():
        return ", with characters that cannot be printed"
    if line.startswith("---- BEGIN SSH2"):
        return ", PuTTY's form: 'ssh-keygen -i -f FILE' converts it"
    if "-cert-v01@" in kind:
        return ", a certificate: give the key that it was made of"
    if kind == "ssh-dss":
        return ", of a type that OpenSSH no longer accepts: 'ssh-keygen -t ed25519' makes another"
    if kind not in KEY_TYPES:
        found = next((each for each in KEY_TYPES if f" {each} " in f"{line} "), None)
        return f", options before the key: begin the line with {found}" if found else ""
    try:
        key = base64.b64decode(rest.split(None, 1)[0] if rest.strip() else "", validate=True)
    except binascii.Error:
        return ", which is not a whole key"
    name = kind.encode()
    start = len(name).to_bytes(4, "big") + name
    whole = key.startswith(start) and len(key) > len(start) + 32
    return None if whole else ", which is not a whole key"


def _names(table: dict[str, str], release: str | None = None) -> set[str]:
    """Return the names that a release knows; by default those that any of them knows."""
    keys = ("both", release) if release else table
    return {name for key in keys for name in table[key].split()}


def _member(
    text: str, table: dict[str, str] | set[str], expected: str, meant: Iterable[str] = ()
) -> str:
    """Accept a name of a table; otherwise name those that may be meant."""
    names = table if isinstance(table, set) else _names(table)
    if text in names:
        return text
    lower = {name.lower(): name for name in sorted(names)}
    close = difflib.get_close_matches(text.lower(), lower, n=1, cutoff=0.8)
    guesses = [*meant, *([lower[text.lower()]] if text.lower() in lower else map(lower.get, close))]
    hint = f": you may mean {guesses[0]}" if guesses else ""
    raise CardError(f"expected {expected}, got {text!r}{hint}")


def _matching(text: str, pattern: str, expected: str) -> str:
    if not re.fullmatch(pattern, text):
        raise CardError(f"expected {expected}, got {text!r}")
    return text
