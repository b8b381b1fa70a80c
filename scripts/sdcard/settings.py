"""The settings for a Pi, and the checks that each value must pass."""

import base64
import binascii
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import CardError

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
RESERVED_USERS = {"root", "daemon", "bin", "sys", "sync", "games", "man", "mail", "nobody", "sshd"}


@dataclass(frozen=True)
class Wifi:
    """A wireless network: its name, its password (or its WPA2 key), and the country."""

    ssid: str
    password: str
    country: str


@dataclass(frozen=True)
class Settings:
    """All settings to write to a card; None and () keep those of the image."""

    hostname: str
    user: str
    password_hash: str
    ssh_keys: Sequence[str] = ()
    wifi: Wifi | None = None
    usb_gadget: bool = False
    locale: str | None = None
    keyboard: str | None = None
    timezone: str | None = None
    passwordless_sudo: bool = False

    def masked(self, mask: str) -> "Settings":
        """Return the same settings with a mask for each secret, to show them."""
        wifi = replace(self.wifi, password=mask) if self.wifi else None
        return replace(self, password_hash=mask, wifi=wifi)


def hostname(text: str) -> str:
    """Accept one label of RFC 1123."""
    return _matching(
        text,
        r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
        "a host name of 1 to 63 letters, digits and inner hyphens, without a domain (as in pi-1)",
    )


def user(text: str) -> str:
    """Accept a name that Debian's adduser accepts, except those of system users."""
    expected = "a user name of lower-case letters, digits, - and _, a letter first, at most 32"
    name = _matching(text, r"[a-z][a-z0-9_-]{0,31}", expected)
    if name in RESERVED_USERS:
        raise CardError(f"expected {expected}, got {text!r}, which the system uses itself")
    return name


def country(text: str) -> str:
    """Accept the two letters of ISO 3166."""
    return _matching(text, r"[A-Z]{2}", "a country's two capital letters (as in GB)")


def locale(text: str) -> str:
    """Accept a UTF-8 locale: other character sets only cause trouble."""
    expected = "a locale such as en_GB.UTF-8"
    return _matching(text, r"[a-z]{2,3}_[A-Z]{2}\.UTF-8", expected)


def keyboard(text: str) -> str:
    """Accept the name of a keyboard layout."""
    return _matching(text, r"[a-z][a-z0-9_-]{1,15}", "a keyboard layout (as in gb, us, de)")


def timezone(text: str) -> str:
    """Accept the name of a time zone; check it if this computer has the time zone database."""
    expected = "a time zone (as in Europe/London)"
    name = _matching(text, r"[A-Za-z]+([/_+-][A-Za-z0-9]+)*", expected)
    known = zoneinfo.available_timezones()
    if known and name not in known:
        raise CardError(f"expected {expected}, got {text!r}, which the time zone database lacks")
    return name


def ssid(text: str) -> str:
    """Accept a network's name: at most 32 bytes, all printable."""
    if not text or len(text.encode(errors="replace")) > 32 or not text.isprintable():
        raise CardError(f"expected a network name of 1 to 32 printable bytes, got {text!r}")
    return text


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
    text = path.read_bytes().decode(errors="replace")
    if "PRIVATE KEY" in text:
        raise CardError(
            f"{path}: this is a PRIVATE key, which must never leave your computer; nothing was "
            f"written. Give the public one, usually {path}.pub"
        )
    lines = [line.strip() for line in text.splitlines()]
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not numbered:
        raise CardError(f"{path}: expected a public SSH key, found none. 'ssh-keygen' makes a pair")
    for number, line in numbered:
        if not _is_public_key(line):
            raise CardError(
                f"{path}:{number}: expected a public SSH key (as in 'ssh-ed25519 AAAA... name'), "
                f"got {line[:40]!r}"
            )
    return tuple(line for _, line in numbered)


def _is_public_key(line: str) -> bool:
    """Return whether a line is a public key whose type matches the type encoded in it."""
    kind, _, rest = line.partition(" ")
    if kind not in KEY_TYPES or not line.isprintable():
        return False
    try:
        key = base64.b64decode(rest.split(" ")[0], validate=True)
    except binascii.Error:
        return False
    name = kind.encode()
    start = len(name).to_bytes(4, "big") + name
    return key.startswith(start) and len(key) > len(start) + 32


def _matching(text: str, pattern: str, expected: str) -> str:
    if not re.fullmatch(pattern, text):
        raise CardError(f"expected {expected}, got {text!r}")
    return text
