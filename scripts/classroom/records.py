"""What is kept of a class on this computer: passwords, which cards are done, the inventory."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path

from nn.saving.atomic import atomic_write
from scripts.sdcard import passwords
from scripts.sdcard.settings import Settings

from .roster import OWNER_ALONE, ClassError, Classroom, Pupil

PROJECT = Path(__file__).resolve().parents[2]
SECRETS = PROJECT / "ansible" / "secrets"
PASSWORD, DONE = "login-password", "card-done"
FIRST_LINE = (
    "# Written by 'make cards' (check {check}). Put your own settings into group_vars/pis.yml."
)

_OF_PI = r'    "([^"]+)":\n      pupil: (.+)'  # in an inventory


def password_of(host: str, secrets: Path) -> str | None:
    """Return the password of a Pi; None where none has been made."""
    path = secrets / host / PASSWORD
    return passwords.read_password(path) if path.exists() else None


def make_passwords(pupils: tuple[Pupil, ...], secrets: Path) -> int:
    """Make a password for each Pi that has none; return how many were made."""
    missing = [each for each in pupils if password_of(each.host, secrets) is None]
    for pupil in missing:
        _write(secrets / pupil.host / PASSWORD, passwords.generate_password() + "\n")
    return len(missing)


def is_done(wanted: Settings, secrets: Path) -> bool:
    """Return whether a card has been written with these settings, and with this password."""
    done = _done(wanted.hostname, secrets)
    password = _password_digest(wanted.hostname, secrets)
    return done[:1] == [_digest(wanted)] and done[2:] in ([], [password])


def was_done(host: str, secrets: Path) -> bool:
    """Return whether a card has been written for this Pi, with whatever settings."""
    return bool(_done(host, secrets))


def was_done_on(visit: str, host: str, secrets: Path) -> bool:
    """Return whether the card of this Pi is the medium that is in a reader since this visit."""
    return bool(visit) and _done(host, secrets)[1:2] == [visit]


def mark_done(wanted: Settings, secrets: Path, visit: str) -> None:
    """Remember that a card has been written with these settings, and where it is now."""
    password = _password_digest(wanted.hostname, secrets)
    _write(secrets / wanted.hostname / DONE, f"{_digest(wanted)}\n{visit}\n{password}\n")


def _done(host: str, secrets: Path) -> list[str]:
    path = secrets / host / DONE
    return path.read_text().splitlines() if path.exists() else []


def write_inventory(
    path: Path, classroom: Classroom, secrets: Path, force: bool, dry: bool = False
) -> str:
    """Write Ansible's inventory of the class; return what was done, "" if it was there.

    A dry run only finds what is in the way.

    Raises
    ------
    ClassError
        When there is one that this function did not write, or that was changed since, or that of
        another class.
    """
    body = _inventory(classroom, os.path.relpath(secrets.resolve(), path.parent.resolve()))
    text = f"{FIRST_LINE.format(check=_check(body))}\n{body}"
    there = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    if there == text:
        return ""
    is_ours = there is None or _is_ours(there)
    before, now = (dict(re.findall(_OF_PI, each or "")) for each in (there, text))
    gone = [host for host in before if host not in now]
    is_another_s = is_ours and before and not before.items() & now.items()
    if not force and (not is_ours or is_another_s):
        got = f"that of another class, {', '.join(before)}" if is_ours else "one with other content"
        raise ClassError(
            f"{path}: expected no inventory, or one of this class as 'make cards' wrote it, got "
            f"{got}. Move it away, name another with INVENTORY=, or replace it with FORCE=1"
        )
    if dry:
        return ""
    with atomic_write(path, mode=OWNER_ALONE) as file:
        file.write(text.encode())
    return f"wrote {path}" + (f"; no longer in it: {', '.join(gone)}" if gone else "")


def _inventory(classroom: Classroom, secrets: str) -> str:
    """Return the inventory; each text is one of JSON, which is one of YAML, too."""
    lines = ["---", "pis:", "  hosts:"]
    for pupil in classroom.pupils:
        lines += [
            f"    {_quoted(pupil.host)}:",
            f"      pupil: {_literal(pupil.name)}",
            f"      ansible_user: {_quoted(pupil.user)}",
        ]
    file = f"inventory_dir ~ {_quoted(f'/{secrets}/')} ~ inventory_hostname ~ '/{PASSWORD}'"
    shared = {
        "ansible_host": "{{ inventory_hostname }}.local",
        "ansible_become_password": f"{{{{ lookup('ansible.builtin.file', {file}) }}}}",
        "jupyter_password": "{{ ansible_become_password }}",
        "draw_install": True,
    }
    if classroom.https:
        shared["jupyter_tls"] = "self-signed"
    lines += ["  vars:", *(f"    {name}: {_quoted(value)}" for name, value in shared.items())]
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    """Return a text that Ansible takes as it is.

    It would run what is between braces, unless that is !unsafe; but that makes a number of "01".
    """
    return f"!unsafe {_quoted(text)}" if "{" in text else _quoted(text)


def _quoted(value: str | bool) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_ours(text: str) -> bool:
    first, _, body = text.partition("\n")
    found = re.fullmatch(re.escape(FIRST_LINE).replace(r"\{check\}", "([0-9a-f]+)"), first)
    return bool(found) and found[1] == _check(body)


def _check(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _digest(wanted: Settings) -> str:
    """Return what tells these settings from others; the password's hash differs each time."""
    return hashlib.sha256(repr(replace(wanted, password_hash="")).encode()).hexdigest()


def _password_digest(host: str, secrets: Path) -> str:
    return hashlib.sha256((password_of(host, secrets) or "").encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with atomic_write(path, mode=OWNER_ALONE) as file:
        file.write(text.encode())
