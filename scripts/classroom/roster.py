"""A class: class.csv has a line for each Pi, class.toml what all of them share."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import tomllib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nn.saving.atomic import atomic_write
from scripts.sdcard import passwords, settings
from scripts.sdcard.errors import CardError
from scripts.sdcard.settings import Settings, Wifi
from scripts.sdcard.texts import decode

NEEDED, OPTIONAL = ("name", "host"), ("user", "key")
OWNER_ALONE = 0o600
LONGEST_NAME = 60
GROUPS = ("all", "pis", "ungrouped")  # what Ansible would take a name for
# What class.toml may have: how each text is checked, what is true or false, what a network has.
TEXTS = {
    "user": settings.user,
    "country": settings.country,
    "locale": settings.locale,
    "keyboard": settings.keyboard,
    "timezone": settings.timezone,
    "ssh_key": str,
}
FLAGS = {"ssh_password": False, "passwordless_sudo": False, "usb_gadget": False, "https": True}
WIFI_TEXTS = {
    "ssid": settings.ssid,
    "password": str,
    "password_file": str,
    "user": settings.wifi_user,
    "authority": str,
}
WIFI_FLAGS = {"open": False, "hidden": False}


class ClassError(CardError):
    """A class that cannot be set up as it is written: the message names the file and the line."""


@dataclass(frozen=True)
class Pupil:
    """A line of class.csv: whose Pi it is, its host name and user, and more keys for SSH."""

    name: str
    host: str
    user: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.host} ({self.name})"


@dataclass(frozen=True)
class Classroom:
    """A class.

    Attributes
    ----------
    pupils : tuple of Pupil
        In the order of class.csv.
    shared : Settings
        What all cards have in common; host, user and password are each Pi's own.
    https : bool
        Whether Jupyter's pages are encrypted.
    files : tuple of Path
        All that it was read from and that nobody else may read.
    """

    pupils: tuple[Pupil, ...]
    shared: Settings
    https: bool
    files: tuple[Path, ...]

    def settings(self, pupil: Pupil, password_hash: str) -> Settings:
        """Return the settings for a pupil's card."""
        keys = tuple(dict.fromkeys((*self.shared.ssh_keys, *pupil.keys)))
        return replace(
            self.shared,
            hostname=pupil.host,
            user=pupil.user,
            password_hash=password_hash,
            ssh_keys=keys,
        )


def read_class(path: Path, taken: Collection[str] = ()) -> Classroom:
    """Read a class from its list and from the settings beside it.

    Parameters
    ----------
    path : Path
        The list, such as class.csv; the settings are in class.toml.
    taken : collection of str
        Host names that others have or had: none of them is made for a line without one.

    Raises
    ------
    ClassError
        For the first line that cannot be used.
    OSError
        When a file cannot be read.
    """
    if path.suffix.lower() != ".csv":
        raise ClassError(
            f"{path}: expected a class list whose name ends in .csv: by that name git leaves the "
            "pupils' names alone. Rename it"
        )
    rows = _rows(path)[1:]
    shared, https, secret = _read_settings(path.with_suffix(".toml"))
    pupils, lines = [], {}
    for number, row in rows:
        with _at(f"{path}:{number}"):
            pupil = _pupil(row, shared.user, path.parent)
            if pupil.host in GROUPS:
                raise ClassError(f"expected a host name other than {', '.join(GROUPS)}")
            if pupil.host in lines:
                raise ClassError(
                    f"expected a host name of its own for each Pi, got {pupil.host}, as on line "
                    f"{lines[pupil.host]}"
                )
        pupils.append(pupil)
        if pupil.host:
            lines[pupil.host] = number
    names = (f"pi-{number:02}" for number in itertools.count(1))
    free = (name for name in names if name not in lines and name not in taken)
    named = (each if each.host else replace(each, host=next(free)) for each in pupils)
    return Classroom(tuple(named), shared, https, (path, path.with_suffix(".toml"), *secret))


def write_host_names(path: Path, classroom: Classroom) -> int:
    """Write the host names that were made into the empty cells of the list.

    From then on a Pi keeps its name, whatever lines are added or removed.

    Returns
    -------
    count : int
        How many there were.
    """
    rows = _rows(path)
    header = rows[0][1]
    made = 0
    for (_, row), pupil in zip(rows[1:], classroom.pupils, strict=True):
        made += row["host"] == ""
        row["host"] = pupil.host
    if made:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, header, delimiter=_delimiter(path), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for _, row in rows[1:])
        # where a link leads to, and with the mark by which spreadsheets know UTF-8
        mark = codecs.BOM_UTF8 if path.read_bytes().startswith(codecs.BOM_UTF8) else b""
        with atomic_write(path.resolve(), mode=OWNER_ALONE) as file:
            file.write(mark + text.getvalue().encode())
    return made


def for_owner_alone(path: Path) -> bool:
    """Take away others' right to read a file; return whether they had it."""
    if not path.stat().st_mode & 0o077:
        return False
    with suppress(OSError):  # FAT has no permissions
        path.chmod(OWNER_ALONE)
    return not path.stat().st_mode & 0o077


def _text(path: Path) -> str:
    try:
        return decode(path, "a class list", mark=True)
    except FileNotFoundError:
        raise ClassError(
            f"{path}: expected a class list with the columns name and host, but there is no such "
            "file. docs/classroom.md shows one"
        ) from None


def _delimiter(path: Path) -> str:
    """Return what stands between cells: spreadsheets in many countries write semicolons."""
    first = _text(path).lstrip("\n").split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the header and each line that is not blank, with their numbers."""
    reader = csv.reader(io.StringIO(_text(path)), delimiter=_delimiter(path), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    header: list[str] = []
    before = 0  # lines that are read
    try:
        for cells in reader:
            before = reader.line_num
            cells = [cell.strip() for cell in cells]
            where = f"{path}:{reader.line_num}"
            if not any(cells):
                continue
            while len(cells) > len(header) and not cells[-1]:  # columns that a spreadsheet adds
                cells.pop()
            if not header:
                header = _header([cell.lower() for cell in cells], where)
                rows.append((reader.line_num, dict.fromkeys(header, "")))
            elif len(cells) != len(header):
                raise ClassError(
                    f"{where}: expected {len(header)} cells, as in the first line, got "
                    f"{len(cells)}. Put quotes around a name that has a {reader.dialect.delimiter}"
                    if len(cells) > len(header)
                    else f"{where}: expected {len(header)} cells, as in the first line, got "
                    f"{len(cells)}"
                )
            else:
                rows.append((reader.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise ClassError(
            f"{path}:{before + 1}: expected cells with complete quotes, got a line that is "
            f"no CSV: {error}"
        ) from None
    if len(rows) < 2:
        raise ClassError(f"{path}: expected a line for each Pi below the header, got none")
    return rows


def _header(names: list[str], where: str) -> list[str]:
    missing = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in NEEDED + OPTIONAL]
    doubled = [name for name in names if names.count(name) > 1]
    if wrong := (
        [f"no {name}" for name in missing]
        or [f"{name!r}" for name in unknown]
        or [f"{name} twice" for name in doubled[:1]]
    ):
        raise ClassError(
            f"{where}: expected a header with the columns name and host, and user and key where "
            f"needed, got {', '.join(wrong)}"
        )
    return names


def _pupil(row: dict[str, str], user: str, folder: Path) -> Pupil:
    name, host, key = row["name"], row["host"], row.get("key")
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME:
        raise ClassError(
            f"name: expected 1 to {LONGEST_NAME} printable characters, got {name[:70]!r}"
        )
    return Pupil(
        name,
        settings.hostname(host).lower() if host else "",
        settings.user(row.get("user") or user),
        settings.read_ssh_keys(folder / Path(key).expanduser()) if key else (),
    )


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Put a place before the message of each error."""
    try:
        yield
    except CardError as error:
        raise ClassError(f"{where}: {error}") from None
    except OSError as error:
        raise ClassError(f"{where}: {error.filename}: {error.strerror}") from None
    except (ValueError, RuntimeError) as error:  # of a path: with a NUL, or of no user's home
        raise ClassError(f"{where}: expected the path of a file: {error}") from None


def _read_settings(path: Path) -> tuple[Settings, bool, list[Path]]:
    """Return what all cards have in common, whether pages are encrypted, and files of passwords."""
    try:
        text = decode(path, "the settings of the class", mark=True)
        table = tomllib.loads(text)
    except FileNotFoundError:
        raise ClassError(
            f"{path}: expected the settings of the class, but there is no such file. "
            "docs/classroom.md shows one"
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ClassError(f"{path}: expected TOML, got a mistake: {error}") from None
    networks = table.pop("wifi", [])
    if not isinstance(networks, list) or not all(isinstance(each, dict) for each in networks):
        raise ClassError(f"{path}: wifi: expected each network below a line [[wifi]]")
    shared = _checked(table, TEXTS, FLAGS, text, path)
    wifi = []
    for number, each in enumerate(networks, 1):
        given = _checked(each, WIFI_TEXTS, WIFI_FLAGS, text, path, number)
        with _at(f"{path}: [[wifi]] number {number}"):
            wifi.append(_network(given, path.parent))
            if [each.ssid for each in wifi].count(wifi[-1].ssid) > 1:
                raise ClassError(f"expected another network, got {wifi[-1].ssid} twice")
    if wifi and "country" not in shared:
        raise ClassError(
            f'{path}: expected country = "GB", or yours, beside [[wifi]]: it decides which '
            "channels are allowed"
        )
    user, https = shared.pop("user", "pi"), shared.pop("https")
    key = shared.pop("ssh_key", None)
    with _at(f"{path}: ssh_key"):
        key = path.parent / Path(key).expanduser() if key else settings.find_ssh_key(Path.home())
    if key is None:
        raise ClassError(
            f"{path}: expected a public SSH key of yours in {Path.home() / '.ssh'}, got none: "
            "'ssh-keygen -t ed25519' makes one; or name one with ssh_key"
        )
    with _at(f"{path}: ssh_key"):
        keys = settings.read_ssh_keys(key)
    files = [each["password_file"] for each in networks if "password_file" in each]
    secret = [path.parent / Path(each).expanduser() for each in files]
    return Settings("", user, "", ssh_keys=keys, networks=tuple(wifi), **shared), https, secret


def _checked(given: dict, texts: dict, flags: dict, source: str, path: Path, table: int = 0):
    """Check the keys and values of a table: the top one, or that of a network by its number."""
    checked = dict(flags)
    for key, value in given.items():
        with _at(_place(path, source, key, table)):
            if key not in texts and key not in flags:
                raise ClassError(f"expected one of {', '.join([*texts, *flags])}")
            if not isinstance(value, kind := str if key in texts else bool):
                expected = "a text in quotes" if kind is str else "true or false"
                got = "something else" if key == "password" else repr(value)  # it stays a secret
                raise ClassError(f"expected {expected}, got {got}")
            checked[key] = texts[key](value) if key in texts else value
    return checked


def _place(path: Path, source: str, key: str, table: int) -> str:
    """Return the file, the line and the name of a key; no line where it is hard to find."""
    before = 0
    for number, line in enumerate(source.split("\n"), 1):
        before += line.strip() == "[[wifi]]"
        if before == table and re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
            return f"{path}:{number}: {key}"
    return f"{path}: {key}"


def _network(given: dict, folder: Path) -> Wifi:
    ways = [way for way in ("password", "password_file", "open") if given.get(way)]
    if "ssid" not in given or len(ways) != 1:
        raise ClassError(
            "expected ssid, and one of password, password_file and open, got "
            f"{', '.join(key for key, value in given.items() if value) or 'nothing'}"
        )
    user, password = given.get("user"), given.get("password")
    if user and given["open"]:
        raise ClassError("open and user exclude each other: only networks with a password have one")
    if given.get("authority") and not user:
        raise ClassError("authority needs user: only enterprise networks have one")
    if "password_file" in given:
        password = passwords.read_password(folder / Path(given["password_file"]).expanduser())
    if password:
        password = (passwords.check_password if user else passwords.wifi_password)(password)
    authority = given.get("authority")
    return Wifi(
        given["ssid"],
        password,
        given["hidden"],
        user,
        settings.authority(folder / Path(authority).expanduser()) if authority else None,
    )
