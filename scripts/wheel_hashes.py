"""Write the hash of each pure-Python wheel beside its version: python -m scripts.wheel_hashes.

The versions are those in the roles' requirements-RELEASE.txt: change them there, then run this.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROLES = Path(__file__).resolve().parents[1] / "ansible/roles"
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
# Nothing compiled: a Pi Zero's processor is not one that wheels are built for.
PURE = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]


def main() -> None:
    """Update all requirements."""
    for path in sorted(ROLES.glob("*/files/requirements-*.txt")):
        versions = re.findall(r"^[\w.-]+==[^\s;]+", path.read_text(), re.M)
        python = PYTHONS[path.stem.removeprefix("requirements-")]
        hashes = wheel_hashes(versions, python)
        path.write_text("".join(f"{each} --hash=sha256:{hashes[each]}\n" for each in versions))
        print(f"{path}: {len(versions)} wheels")


def wheel_hashes(versions: list[str], python: str) -> dict[str, str]:
    """Return the SHA-256 of the wheel that a release's pip would install, for each NAME==VERSION.

    Parameters
    ----------
    versions : list of str
    python : str
        The release's version of Python, such as "3.11".
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report=-"]
    with tempfile.TemporaryDirectory() as folder:
        target = ["--ignore-installed", f"--target={folder}", f"--python-version={python}"]
        done = subprocess.run(
            [*command, "--no-deps", *target, *PURE, *versions],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    hashes = {}
    for wheel in json.loads(done.stdout)["install"]:
        requested = f"{_plain(wheel['metadata']['name'])}=={wheel['metadata']['version']}"
        hashes[requested] = wheel["download_info"]["archive_info"]["hashes"]["sha256"]
    return hashes


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
