"""Passwords, hashed before they touch the card."""

import re
import secrets
import subprocess
from pathlib import Path

from .errors import CardError

# Each reads the password from standard input: other users can see a process's arguments.
HASHERS = (
    ("openssl", "passwd", "-6", "-stdin"),
    ("mkpasswd", "--method=sha-512", "--stdin"),
)
SHA512_CRYPT = r"\$6\$[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without characters that look alike: i, l, o, 0, 1


def hash_password(password: str) -> str:
    """Return the password's salted sha512-crypt hash, as in /etc/shadow.

    Python 3.13 removed its crypt module, so another program must do it.

    Raises
    ------
    CardError
        When neither openssl nor mkpasswd can do it.
    """
    problems = []
    for command in HASHERS:
        try:
            result = subprocess.run(
                command, input=password.encode() + b"\n", capture_output=True, check=False
            )
        except FileNotFoundError:
            problems.append(f"{command[0]} not found")
            continue
        answer = result.stdout.decode(errors="replace").strip()
        if re.fullmatch(SHA512_CRYPT, answer):
            return answer
        problems.append(f"'{' '.join(command)}' gave no sha512-crypt hash")
    raise CardError(
        f"cannot hash the password: {'; '.join(problems)}. Install OpenSSL 1.1.1 or later "
        "('apt install openssl', 'brew install openssl'; Git for Windows has one) and put it on "
        "the PATH"
    )


def wifi_password(password: str) -> str:
    """Accept what a WPA network takes: a password, or the key of 64 hexadecimal digits.

    The password itself must reach the Pi: a key derived from it joins WPA2 networks alone, since
    WPA3 (SAE) does not use that key.
    """
    if is_wifi_key(password):
        return password.lower()
    if not re.fullmatch(r"[ -~]{8,63}", password):
        raise CardError(
            "expected a Wi-Fi password of 8 to 63 ASCII characters, or 64 hexadecimal digits, "
            f"got {len(password)} characters"
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
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise CardError(f"{path}: expected a password in UTF-8, got other bytes") from None
    if len(lines) != 1:
        raise CardError(f"{path}: expected a password on a single line, got {len(lines)} lines")
    return check_password(lines[0], f"{path}: ")


def check_password(password: str, where: str = "") -> str:
    """Accept a password that can be typed at a login and that the hashing programs preserve."""
    if not password.isprintable() or not 1 <= len(password.encode()) <= 128:
        raise CardError(
            f"{where}expected a password of 1 to 128 printable bytes, got a different one"
        )
    return password
