"""Write ``scripts/sdcard/known.py``: the names that the Pi's releases know, from Debian's packages.

    python -m scripts.sdcard_lists            # or: make card-lists; root on Debian, 10 minutes

Raspberry Pi OS takes time zones, locales, keyboards and system users from Debian's packages. For
each release they are installed into a root in the cache, and read from there.
"""

import re
import sys
import textwrap
from pathlib import Path

from scripts.machines.roots import RELEASES, RootKind, ensure_root

TARGET = Path(__file__).with_name("sdcard") / "known.py"
LISTS = ("ca-certificates", "locales", "tzdata", "wireless-regdb", "xkb-data")
# What makes system users and groups on Raspberry Pi OS Lite.
MAKERS = (
    "avahi-daemon bluez cron dbus dnsmasq-base man-db network-manager openssh-server polkitd "
    "rpcbind ssl-cert sudo systemd-sysv systemd-timesyncd udev uuid-runtime wpasupplicant"
).split()
LEGACY = ("tzdata-legacy",)  # a package of trixie: its links name what is still there
# Made by the image itself: pi-gen's groups, userconf's first-boot wizard.
OF_THE_IMAGE = {"gpio", "i2c", "input", "render", "rpi-first-boot-wizard", "spi"}
# Made by packages of the desktop, which would take long to install.
OF_THE_DESKTOP = set(
    "colord geoclue lightdm lpadmin pulse pulse-access rtkit saned scanner".split()
)


def main() -> int:
    """Install, read and write."""
    roots = {name: ensure_root(name, kind(name)) for name in RELEASES}
    TARGET.write_text(module(roots))
    print(f"wrote {TARGET}")
    return 0


def kind(release: str) -> RootKind:
    """Return what to install."""
    legacy = LEGACY if release == "trixie" else ()
    return RootKind("lists", (*LISTS, *MAKERS, *legacy))


def module(roots: dict[str, Path]) -> str:
    """Return the text of the module."""
    legacy = legacy_zones(roots["trixie"])
    tables = {
        "ZONES": zones,
        "LOCALES": locales,
        "KEYBOARDS": keyboards,
        "COUNTRIES": countries,
        "COUNTRIES_WITH_RULES": countries_with_rules,
        "SYSTEM_NAMES": system_names,
    }
    parts = [HEAD]
    for name, read in tables.items():
        sets = {release: read(root) for release, root in roots.items()}
        if name == "ZONES":
            sets["trixie"] -= legacy.keys()
        parts.append(table(name, sets))
    pairs = [f"{old}={new}" for old, new in legacy.items()]
    parts.append(f"LEGACY_ZONES = (\n{quoted(pairs)}\n)\n")
    return "\n".join(parts)


def table(name: str, sets: dict[str, set[str]]) -> str:
    """Write the names that all releases know, and those of each alone."""
    both = set.intersection(*sets.values())
    parts = {"both": both} | {release: names - both for release, names in sets.items()}
    lines = [f'    "{key}": {_value(names)},' for key, names in parts.items()]
    return f"{name} = {{\n" + "\n".join(lines) + "\n}\n"


def _value(names: set[str]) -> str:
    """Write names on the same line if they fit, otherwise on lines of their own."""
    words = " ".join(sorted(names))
    return f'"{words}"' if len(words) < 75 else f"(\n{quoted(names, 8)}\n    )"


def quoted(names, indent: int = 4) -> str:
    """Write names as strings of Python, line by line."""
    width = 100 - indent - 3
    words = " ".join(sorted(names))
    lines = textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f'{" " * indent}"{line} "' for line in lines)


HEAD = '''\
"""What Raspberry Pi OS knows by name. ``make card-lists`` writes this from Debian's packages.

Each table has the names that both releases know, and those that one alone knows: time zones,
locales in UTF-8, keyboard layouts and variants, countries, the countries for which the kernel has
rules of radio, and the system's users and groups. LEGACY_ZONES maps names of time zones that
trixie dropped to present ones.
"""
'''


def zones(root: Path) -> set[str]:
    """List the time zones for which there is a file."""
    folder = root / "usr/share/zoneinfo"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    return {
        name
        for name in names
        if not name.startswith(("posix/", "right/", "posixrules", "localtime", "Factory"))
        and _is_zone(folder / name)
    }


def _is_zone(path: Path) -> bool:
    """Return whether it is one; links are followed within the folder, whatever their root."""
    return path.is_file() and path.read_bytes()[:4] == b"TZif"


def legacy_zones(root: Path) -> dict[str, str]:
    """Map each name that only tzdata-legacy has to the present one."""
    listed = (root / "var/lib/dpkg/info/tzdata-legacy.list").read_text().splitlines()
    folder = "/usr/share/zoneinfo/"
    names = [
        line.removeprefix(folder)
        for line in listed
        if line.startswith(folder) and _is_zone(root / line[1:])
    ]
    present = zones(root) - {*names}
    same = {}
    for name in sorted(present, key=lambda name: (name.startswith("Etc/"), "/" not in name, name)):
        same.setdefault((root / folder[1:] / name).read_bytes(), name)
    found = {}
    for name in names:
        path = root / folder[1:] / name
        target = path.resolve().relative_to((root / folder[1:]).resolve()).as_posix()
        found[name] = target if target in present else same.get(path.read_bytes(), "Etc/UTC")
    return {name: new for name, new in found.items() if not name.startswith(("posix/", "right/"))}


def locales(root: Path) -> set[str]:
    """List the locales in UTF-8."""
    lines = (root / "usr/share/i18n/SUPPORTED").read_text().splitlines()
    return {line.split()[0] for line in lines if line.endswith(" UTF-8")}


def keyboards(root: Path) -> set[str]:
    """List layouts, and variants as layout(variant)."""
    found, section = set(), ""
    for name in ("base.lst", "evdev.lst"):
        for line in (root / "usr/share/X11/xkb/rules" / name).read_text().splitlines():
            if line.startswith("!"):
                section = line[1:].strip()
            elif section == "layout" and line.strip():
                found.add(line.split()[0])
            elif section == "variant" and (variant := re.match(r"\s+(\S+)\s+([^:\s]+):", line)):
                found.add(f"{variant[2]}({variant[1]})")
    return found - {"custom"}


def countries(root: Path) -> set[str]:
    """List the countries of ISO 3166, in the file where raspi-config looks them up."""
    text = (root / "usr/share/zoneinfo/iso3166.tab").read_text()
    return set(re.findall(r"^([A-Z]{2})\t", text, re.M))


def countries_with_rules(root: Path) -> set[str]:
    """List the countries in the kernel's database: entries of two letters and an offset."""
    data = (root / "usr/lib/firmware/regulatory.db-debian").read_bytes()
    found = set()
    for start in range(8, len(data), 4):
        name = data[start : start + 2]
        if name == b"\0\0":
            break
        found.add(name.decode("latin-1"))
    return found - {"00"}


def system_names(root: Path) -> set[str]:
    """List users and groups."""
    texts = [(root / "etc" / name).read_text() for name in ("passwd", "group")]
    return (OF_THE_IMAGE | OF_THE_DESKTOP).union(re.findall(r"^([^:\n]+):", "\n".join(texts), re.M))


if __name__ == "__main__":
    sys.exit(main())
