"""Download beforehand what the Pis of a class install: `make bundle`."""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from nn.saving.atomic import atomic_write
from scripts.classroom.ask import run
from scripts.classroom.cache.archives import Archive, read_archives, read_release, unpack
from scripts.classroom.cache.server import cache_folder
from scripts.classroom.cache.store import Store, StoreError
from scripts.classroom.cache.wanted import PackageLists, wanted_packages
from scripts.classroom.cache.wheels import Wheels, requirements
from scripts.wheel_hashes import PYTHONS

PROJECT = Path(__file__).resolve().parents[3]
ARCHITECTURES = {"armhf": "raspbian", "armel": "debian", "arm64": "debian", "amd64": "debian"}
ENDINGS = (".xz", ".gz")  # of lists, in apt's order


@dataclass(frozen=True)
class Bundle:
    """What is needed for one release and architecture.

    Attributes
    ----------
    release, architecture : str
    files : dict of str to int
        The URL of each package and its size in bytes.
    missing : list of str
        Packages of the roles that the release does not have.
    """

    release: str
    architecture: str
    files: dict[str, int]
    missing: list[str]

    def absent(self, store: Store) -> list[str]:
        """Return the URLs of the packages that are not in the cache."""
        return [url for url in self.files if not store.has_url(url)]


def main() -> int:
    """Download all, or with --dry-run only say how much that is."""
    arguments = _parser().parse_args()
    folder = cache_folder(arguments.folder)
    store = Store(folder, read_archives())
    wheels = Wheels(folder / "wheels")
    releases = arguments.releases.split()
    unknown = [f"'{release}'" for release in releases if release not in PYTHONS]
    if unknown or not releases:
        got = ", ".join(unknown) or "none"
        sys.exit(f"error: RELEASES: expected some of {', '.join(PYTHONS)}, got {got}")
    for release in releases:
        bundle = plan(store, release, arguments.arch)
        describe(bundle, store, wheels)
        if not arguments.dry_run:
            write_manifest(folder, bundle, complete=False)
            bring(bundle, store, wheels)
            write_manifest(folder, bundle, complete=True)
    if not arguments.dry_run:
        fetch = [sys.executable, "-m", "nn", "data", "fetch"]
        if subprocess.run(fetch, cwd=PROJECT).returncode != 0:
            sys.exit("error: MNIST is missing, all else is here: see above")
        here = (store.from_internet + wheels.from_internet) / 1e6
        print(f"Ready for OFFLINE=1: {here:,.1f} MB downloaded into {folder}")
    return 0


def plan(store: Store, release: str, architecture: str) -> Bundle:
    """Download the lists of packages, and find out which packages are needed.

    Raises
    ------
    StoreError
        If the lists cannot be brought.
    """
    lists = []
    for archive in store.systems[ARCHITECTURES[architecture]]:
        for suite in archive.suites if architecture in archive.lists else ():
            lists += fetch_lists(store, archive, suite.format(release=release), architecture)
    packages = PackageLists(lists)
    wanted = wanted_packages(release)
    needed = packages.closure(wanted).values()
    files = {f"{address}/{each['Filename']}": int(each["Size"]) for address, each in needed}
    missing = sorted(name for name in wanted if packages.newest(name) is None)
    return Bundle(release, architecture, files, missing)


def fetch_lists(
    store: Store, archive: Archive, suite: str, architecture: str
) -> list[tuple[str, bytes]]:
    """Download a suite's lists; return those of this architecture's packages, and the address."""
    address = f"{archive.address}/dists/{suite}"
    release_file = store.get(f"{address}/InRelease")
    check_signature(release_file, Path(archive.keyring))
    text = release_file.read_text(encoding="utf-8")
    hashes, found = read_release(text), []
    for component in archive.components:
        for each in archive.lists[architecture]:
            folder = f"{component}/binary-{each}"
            names = (f"{folder}/Packages{ending}" for ending in ENDINGS)
            name = next((name for name in names if name in hashes), None)
            if name is None:
                continue
            if "\nAcquire-By-Hash: yes" in text:
                name = f"{folder}/by-hash/SHA256/{hashes[name]}"
            path = store.get(f"{address}/{name}")
            if each == architecture:
                found.append((archive.address, unpack(path)))
    return found


def check_signature(path: Path, keyring: Path) -> None:
    """Check an archive's signature if its key and gpgv are here; a Pi's apt always does.

    Raises
    ------
    StoreError
        If it is not the archive's.
    """
    if not keyring.is_file():
        return
    try:
        command = ["gpgv", "--quiet", "--keyring", str(keyring), str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return
    if done.returncode != 0:
        path.unlink()
        raise StoreError(f"{path}: expected a signature of {keyring}, got {done.stderr.strip()}")


def describe(bundle: Bundle, store: Store, wheels: Wheels) -> None:
    """Print what is needed, and what is not here yet."""
    name = f"{bundle.release} {bundle.architecture}"
    absent = bundle.absent(store)
    size = sum(bundle.files.values()) / 1e6
    here = sum(bundle.files[url] for url in absent) / 1e6
    print(f"{name}: {len(bundle.files)} packages, {size:,.1f} MB; to download: {here:,.1f} MB")
    missing = len(wheels.missing(bundle.release))
    print(f"{name}: {len(requirements(bundle.release))} wheels; to download: {missing}")
    if bundle.missing:
        print(f"{name}: not in this release: {', '.join(bundle.missing)}")


def bring(bundle: Bundle, store: Store, wheels: Wheels) -> None:
    """Download what is not here yet, with progress.

    Raises
    ------
    StoreError
        If something cannot be brought. What was downloaded stays.
    """
    absent = bundle.absent(store)
    size = sum(bundle.files[url] for url in absent)
    name = f"{bundle.release} {bundle.architecture}"
    with tqdm(total=size, unit="B", unit_scale=True, desc=name, mininterval=1) as progress:
        for url in absent:
            store.get(url, progress.update)
    wheels.bring(bundle.release)


def write_manifest(folder: Path, bundle: Bundle, complete: bool) -> None:
    """Write down what a bundle has, and whether it has all of it."""
    path = folder / "bundles" / f"{bundle.release}-{bundle.architecture}.json"
    path.parent.mkdir(exist_ok=True)
    manifest = {
        "complete": complete,
        "date": time.strftime("%Y-%m-%d"),
        "release": bundle.release,
        "architecture": bundle.architecture,
        "files": bundle.files,
    }
    with atomic_write(path) as file:
        file.write(json.dumps(manifest, indent=1).encode())


def _parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(description="Download beforehand what the Pis install.")
    flags.add_argument("--releases", default=" ".join(PYTHONS), help="default: %(default)s")
    flags.add_argument("--arch", default="armhf", choices=ARCHITECTURES, help="default: armhf")
    flags.add_argument("--folder", type=Path, help="default: class/ in your own cache")
    flags.add_argument("--dry-run", action="store_true", help="only say how much there is")
    return flags


if __name__ == "__main__":
    run(main)
