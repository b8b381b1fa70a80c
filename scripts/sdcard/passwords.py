"""Passwords: those of users are hashed before they touch the card."""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path

from .errors import CardError
from .texts import decode

ROUNDS = 5000  # the default of crypt(3)
ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SALT_LENGTH = 16
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without characters that look alike: i, l, o, 0, 1


def hash_password(password: str) -> str:
    """Return the password's salted sha512-crypt hash, as in /etc/shadow."""
    salt = "".join(secrets.choice(ALPHABET) for _ in range(SALT_LENGTH))
    return sha512_crypt(password.encode(), salt)


def sha512_crypt(password: bytes, salt: str) -> str:
    """Hash as crypt(3) does for ``$6$``: 5000 rounds of SHA-512.

    In Python alone: version 3.13 removed the module crypt, and the OpenSSL of macOS cannot do it.

    References
    ----------
    Ulrich Drepper, Unix crypt using SHA-256 and SHA-512:
    https://www.akkadia.org/drepper/SHA-crypt.txt
    """
    salted = salt.encode()
    other = hashlib.sha512(password + salted + password).digest()
    first = password + salted + _cut(other, len(password))
    length = len(password)
    while length:
        first += other if length & 1 else password
        length >>= 1
    digest = hashlib.sha512(first).digest()
    p = _cut(hashlib.sha512(password * len(password)).digest(), len(password))
    s = _cut(hashlib.sha512(salted * (16 + digest[0])).digest(), len(salted))
    for number in range(ROUNDS):
        text = p if number & 1 else digest
        text += s if number % 3 else b""
        text += p if number % 7 else b""
        text += digest if number & 1 else p
        digest = hashlib.sha512(text).digest()
    return f"$6${salt}${_in_letters(digest)}"


def _cut(digest: bytes, length: int) -> bytes:
    """Repeat a digest up to a length."""
    return (digest * (length // len(digest) + 1))[:length]


def _in_letters(digest: bytes) -> str:
    """Write three bytes as four letters, in the order of the specification."""
    letters, (a, b, c) = "", (0, 21, 42)
    for _ in range(21):
        letters += _letters(digest[a] << 16 | digest[b] << 8 | digest[c], 4)
        a, b, c = b + 1, c + 1, a + 1
    return letters + _letters(digest[63], 2)


def _letters(value: int, count: int) -> str:
    return "".join(ALPHABET[value >> 6 * place & 63] for place in range(count))


def wifi_password(password: str) -> str:
    """Accept what a WPA network takes: a password, or the key of 64 hexadecimal digits.

    The password itself must reach the Pi: a key derived from it joins WPA2 networks alone, since
    WPA3 (SAE) does not use that key.
    """
    if is_wifi_key(password):
        return password.lower()
    if not re.fullmatch(r"[ -~]{8,63}", password):
        got = f"{len(password)} characters"
        if not password.isascii():
            got += ", not all of them ASCII"
        raise CardError(
            "expected a Wi-Fi password of 8 to 63 ASCII characters, or 64 hexadecimal digits, "
            f"got {got}"
        )
    return password


def is_wifi_key(password: str) -> bool:
    """Return whether this is a WPA2 key in hexadecimal, not a password."""
    return re.fullmatch(r"[0-9A-Fa-f]{64}", password) is not None


def generate_password() -> str:
    """Generate a password of 79 bits that is easy to read aloud."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def read_password(path: Path) -> str:
    """Read a password: the only line of a file, without its line ending."""
    lines = decode(path, "a password").split("\n")
    if lines[-1] == "":
        lines.pop()
    if not any(lines):
        raise CardError(f"{path}: expected a password on a single line, but the file is empty")
    if len(lines) != 1:
        raise CardError(f"{path}: expected a password on a single line, got {len(lines)} lines")
    if "\t" in lines[0]:
        raise CardError(f"{path}: expected a password of printable characters, got a tab in it")
    return check_password(lines[0], f"{path}: ")


def check_password(password: str, where: str = "") -> str:
    """Accept a password that can be typed at a login and that the Pi's programs preserve."""
    if not password.isprintable() or not 1 <= len(password.encode()) <= 128:
        raise CardError(
            f"{where}expected a password of 1 to 128 printable bytes, got a different one"
        )
    return password
