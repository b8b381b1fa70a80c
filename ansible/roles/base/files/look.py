"""Print what the roles need to know about a machine, as JSON: look.py KERNEL_COMMAND_LINE [CACHE].

One program for all of it: on a Pi Zero, each of Ansible's modules takes seconds to start.
"""

import json
import platform
import re
import shutil
import subprocess
import sys
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

SWAP_MANAGERS = {"rpi-swap": "/etc/rpi/swap.conf", "dphys-swapfile": "/etc/dphys-swapfile"}
SESSIONS = ["/usr/share/xsessions", "/usr/share/wayland-sessions"]


def main(command_line: str, cache: str = "") -> None:
    """Print the facts, with what the class cache at a URL says."""
    system = platform.freedesktop_os_release()
    architecture = run("dpkg", "--print-architecture").strip()
    has_kit = Path("/opt/pi-nn/venv").exists()
    status = f"{cache}/status?release={system['VERSION_CODENAME']}&architecture={architecture}"
    status += "" if has_kit else "&wheels=1"
    answer, problem = ask(status) if cache else (None, "")
    facts = {
        "architecture": architecture,
        "os_id": system["ID"],
        "free_mb": shutil.disk_usage("/").free // 2**20,
        "has_kit": has_kit,
        "has_desktop": has_desktop(),
        "has_page": Path("/etc/systemd/system/pi-nn-draw.socket").exists(),
        "swap_managers": [name for name, path in SWAP_MANAGERS.items() if Path(path).exists()],
        "controllers": (read("/sys/fs/cgroup/cgroup.controllers") or "").split(),
        "command_line": read(command_line),
        "systemd": Path("/run/systemd/system").exists(),  # not while a card image is built
        "old_files": old_files(),
        "interrupted": any(Path("/var/lib/dpkg/updates").glob("[0-9]*")),
        "packages": sorted(packages()),
        "cache": answer,
        "cache_problem": problem,
    }
    print(json.dumps(facts))


def read(path: str) -> str | None:
    """Return the text of a file; None if there is none."""
    return Path(path).read_text() if Path(path).exists() else None


def has_desktop() -> bool:
    """Return whether there is a desktop: on Raspberry Pi OS Lite, there is none."""
    return any(path for folder in SESSIONS for path in Path(folder).glob("*.desktop"))


def old_files() -> list[str]:
    """Return what earlier versions of the kit installed and this one has elsewhere."""
    settings = Path("/etc/pi-nn")
    old = {*settings.glob("*.py"), *settings.glob("jupyter-password.json.part")}
    old |= set(Path("/var/lib/pi-nn").glob("remember_packages.py"))
    old |= set(Path("/opt/pi-nn").glob("constraints.txt"))
    return sorted(map(str, old - {settings / "jupyter_server_config.py"}))


def packages() -> set[str]:
    """Return the installed packages that apt keeps, whatever else is removed."""
    form = "--showformat=${Package} ${db:Status-Abbrev}\n"
    listed = run("dpkg-query", "--show", form).splitlines()
    automatic: set[str] = set()
    with suppress(OSError):
        states = Path("/var/lib/apt/extended_states").read_text()
        automatic.update(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Auto-Installed: 1", states, re.M))
    return {line.split()[0] for line in listed if line.split()[1:] == ["ii"]} - automatic


def ask(url: str) -> tuple[dict | None, str]:
    """Return what a URL answers as JSON; None and why, if nobody does."""
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with directly.open(url, timeout=60) as answer:
            return json.load(answer), ""
    except (OSError, HTTPException, ValueError) as error:
        return None, str(error)[:200]


def run(*command: str) -> str:
    """Run a command; return its output."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
