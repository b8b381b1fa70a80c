"""Debian roots to boot machines from: built once, kept in the cache, never changed."""

import configparser
import fcntl
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from platformdirs import user_cache_path

from scripts.machines.arm import enable_arm
from scripts.machines.chroot import inside, isolated
from scripts.machines.host import (
    MachineError,
    call,
    remove_tree,
    require_commands,
    require_root,
    require_space,
    retry,
    work,
)

RELEASES = ("bookworm", "trixie")
RELEASE = "bookworm"  # for emulation and measurements
# Packages of Raspberry Pi OS Lite that the roles rely on.
MACHINE = tuple(
    "systemd-sysv dbus libpam-systemd openssh-server sudo python3 python3-venv python3-apt "
    "ca-certificates iproute2 procps locales tzdata".split()
)
BUILD_SECONDS, EMULATED_SECONDS = 2400, 3600
# Packages call these, which start hundreds of programs: in an emulated root that takes minutes each
# time, and sometimes hangs. During the build, a program that does nothing replaces each of them.
UPDATERS = ("update-ca-certificates", "update-initramfs")
DIVERT = ("dpkg-divert", "--local", "--rename")
DIVERT_UPDATERS = "\n".join(
    f"""
    chroot "$1" {" ".join(DIVERT)} /usr/sbin/{name}
    printf '#!/bin/sh\\n' >"$1/usr/sbin/{name}"
    chmod 755 "$1/usr/sbin/{name}"
    """
    for name in UPDATERS
)
ROOT_MB = 2500
LOCALE = "en_GB.UTF-8"  # what Raspberry Pi OS images come with
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# Read at import: tests/conftest.py gives each test an XDG_CACHE_HOME of its own.
CACHE = user_cache_path("pi-nn")


@dataclass(frozen=True)
class RootKind:
    """A kind of root: its packages, and its architecture if it is not this host's.

    Attributes
    ----------
    name : str
        A word in the name of its folder.
    packages : tuple of str
    architecture : str
        Debian's name for it: "armel", "armhf", "i386"; empty for this host's own.
    """

    name: str
    packages: tuple[str, ...] = MACHINE
    architecture: str = ""

    @property
    def emulated(self) -> bool:
        """Return whether QEMU runs its programs."""
        return self.architecture.startswith("arm")


CONTAINER = RootKind("container")


@dataclass(frozen=True)
class HostSettings:
    """How this host reaches Debian packages and PyPI, so that the root can use the same way."""

    sources: dict[str, str]  # file name -> text, for the wanted release
    apt: str
    pip: str
    authorities: str  # a PEM bundle


def ensure_root(release: str, kind: RootKind = CONTAINER) -> Path:
    """Return the folder with a Debian root of a release; build it if it does not exist.

    Raises
    ------
    MachineError
        If the host cannot build it (not root, a command missing), or the build fails.
    """
    require_root()
    require_commands("mmdebstrap", "unshare")
    if release not in RELEASES:
        raise MachineError(f"expected a release of {', '.join(RELEASES)}, got {release!r}")
    settings = read_host_settings(release)
    if kind.architecture:
        settings = replace(settings, sources=release_alone(settings.sources, release))
    name = f"{release}-{kind.name}"
    root = CACHE / "roots" / f"{name}-{fingerprint(kind, settings)}"
    with locked(root.with_name(f"{name}.lock")):
        if not root.is_dir():
            build_root(release, root, kind, settings)
    return root


def build_root(release: str, root: Path, kind: RootKind, settings: HostSettings) -> None:
    """Build a root under a temporary name, and rename it when it is complete."""
    require_space(root.parent, ROOT_MB)
    unfinished = root.with_name(f"{root.name}.part")
    architecture = f"--architectures={kind.architecture}"
    if kind.emulated:
        enable_arm()
        options = (architecture, f"--essential-hook={DIVERT_UPDATERS}")
        retry(lambda: bootstrap(release, unfinished, kind, settings, *options))
        finish_emulated(unfinished, settings)
    elif kind.architecture:
        bootstrap(release, unfinished, kind, settings, architecture)
    else:
        bootstrap(release, unfinished, kind, settings)
        make_locale(unfinished)
        trust_authorities(unfinished, settings)
    if settings.pip:
        (unfinished / "etc/pip.conf").write_text(settings.pip)
    unfinished.rename(root)


def bootstrap(
    release: str, root: Path, kind: RootKind, settings: HostSettings, *options: str
) -> None:
    """Install the packages with mmdebstrap, from this host's own package sources."""
    remove_tree(root)  # what an interrupted build left
    with tempfile.TemporaryDirectory(prefix="pi-nn-root-") as folder:
        sources = write_files(Path(folder), settings.sources)
        (apt_settings,) = write_files(Path(folder), {"host.conf": settings.apt})
        work(
            f"building {root.stem}",
            *isolated(),
            "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            *options,
            f"--include={','.join(kind.packages)}",
            f"--aptopt={apt_settings}",  # for this build, and kept in the root
            release,
            root,
            *sources,
            timeout=BUILD_SECONDS,
        )


def finish_emulated(root: Path, settings: HostSettings) -> None:
    """Restore an emulated root's updaters, and do their work once."""
    for name in UPDATERS:
        (root / "usr/sbin" / name).unlink()
        call(*inside(root), *DIVERT, "--remove", f"/usr/sbin/{name}")
    bundle = root / CA_BUNDLE.relative_to("/")
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_text(settings.authorities)
    if list((root / "boot").glob("vmlinuz-*")):
        make_initrd = (*inside(root), "update-initramfs", "-c", "-k", "all")
        retry(lambda: work(f"building {root.stem}", *make_initrd, timeout=EMULATED_SECONDS))


def make_locale(root: Path) -> None:
    """Give a root the locale of Raspberry Pi OS."""
    (root / "etc/locale.gen").write_text(f"{LOCALE} UTF-8\n")
    call("chroot", root, "locale-gen")
    (root / "etc/default/locale").write_text(f"LANG={LOCALE}\n")


def trust_authorities(root: Path, settings: HostSettings) -> None:
    """Make a root trust the certificate authorities that this host trusts."""
    known = set(certificates((root / CA_BUNDLE.relative_to("/")).read_text()))
    extra = [text for text in certificates(settings.authorities) if text not in known]
    write_files(
        root / "usr/local/share/ca-certificates",
        {f"host-{number}.crt": text for number, text in enumerate(extra)},
    )
    call("chroot", root, "update-ca-certificates")


def read_host_settings(release: str) -> HostSettings:
    """Read how this host reaches Debian packages and PyPI."""
    return HostSettings(
        sources=host_sources(release),
        apt=call("apt-config", "dump", "Acquire").stdout,  # proxies, timeouts, checks
        pip=host_pip_settings(),
        authorities=CA_BUNDLE.read_text() if CA_BUNDLE.is_file() else "",
    )


def host_sources(release: str) -> dict[str, str]:
    """Return this host's Debian sources for a release; {} lets mmdebstrap choose."""
    system = platform.freedesktop_os_release()
    codename = system.get("VERSION_CODENAME", "")
    if system.get("ID") != "debian" or not codename:
        return {}
    apt = Path("/etc/apt")
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    texts = {
        file.name: file.read_text()
        for file in files
        if file.suffix in (".list", ".sources") and file.is_file()
    }
    # a file that does not name the release is of another archive
    own = {name: text for name, text in texts.items() if re.search(rf"\b{codename}\b", text)}
    return {name: re.sub(rf"\b{codename}\b", release, text) for name, text in own.items()}


def release_alone(sources: dict[str, str], release: str) -> dict[str, str]:
    """Return sources of the release itself, without updates.

    For minor architectures, the lists of a release and of its updates often disagree. These roots
    are never exposed to strangers, so they do not need updates.
    """
    kept = {}
    for name, text in sources.items():
        if name.endswith(".sources"):
            stanzas = re.split(r"\n\s*\n", text.strip())
            own = [each for each in stanzas if re.search(rf"(?m)^Suites:.*\b{release}(\s|$)", each)]
            kept[name] = (
                "\n\n".join(re.sub(r"(?m)^Suites:.*$", f"Suites: {release}", s) for s in own) + "\n"
            )
        else:
            lines = text.splitlines(keepends=True)
            kept[name] = "".join(line for line in lines if f" {release} " in line)
    return kept


def host_pip_settings() -> str:
    """Return a pip.conf with the host's /etc/pip.conf and PIP_* variables, or ""."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read("/etc/pip.conf")
    if not settings.has_section("global"):
        settings.add_section("global")
    for name, value in sorted(os.environ.items()):
        if name.startswith("PIP_") and name != "PIP_CONFIG_FILE" and not is_host_path(value):
            settings["global"][name.removeprefix("PIP_").lower().replace("_", "-")] = value
    sections = [f"[{name}]\n{lines(settings[name])}" for name in settings.sections()]
    return "\n".join(sections) if any(map(len, settings.values())) else ""


def is_host_path(value: str) -> bool:
    """Return whether a setting names a path that the root does not have."""
    return value.startswith("/") and Path(value) != CA_BUNDLE


def lines(section: configparser.SectionProxy) -> str:
    """Return a section's settings, one per line."""
    return "".join(f"{name} = {value}\n" for name, value in section.items())


def certificates(bundle: str) -> list[str]:
    """Return the certificates of a PEM bundle, in its order."""
    return re.findall(r"-----BEGIN CERT.*?-----END CERTIFICATE-----\n", bundle, re.DOTALL)


def fingerprint(kind: RootKind, settings: HostSettings) -> str:
    """Return a short hash of everything that determines a root."""
    parts = json.dumps([LOCALE, asdict(kind), asdict(settings)], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()[:12]


def write_files(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Write texts into a folder by their file names; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Lock a file, waiting until it is free; say so, and for whom."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            owner = handle.read().strip() or "another process"
            print(f"waiting for {owner}, which holds {file}", file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        handle.write(f"process {os.getpid()}")
        handle.flush()
        yield
