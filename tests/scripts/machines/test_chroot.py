"""A root's own links stay in the root, whoever follows them from outside."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.machines.chroot import beside

STUB = "run/pi-nn-test/resolv.conf"


@pytest.fixture
def root(tmp_path):
    """A folder with a space in its name and with what is mounted over."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("mounting needs root, and unshare")
    root = tmp_path / "a root"
    for name in ("etc", "proc", "sys", "var"):
        (root / name).mkdir(parents=True)
    return root


def link(root: Path, target: str) -> None:
    (root / "etc/resolv.conf").symlink_to(target)


@pytest.mark.parametrize(
    "target",
    [
        f"/{STUB}",
        f"../{STUB}",
        f"../../../../../../../../{STUB}",
        "/var/run/pi-nn-test/resolv.conf",
    ],
)
def test_a_linked_resolv_conf_is_followed_in_the_root(root, target):
    """Absolute, relative, above the root, and by way of another link."""
    (root / "var/run").symlink_to("/run")
    link(root, target)
    done = subprocess.run(
        [*beside(root), "cat", root / STUB], capture_output=True, text=True, check=True
    )
    assert done.stdout == Path("/etc/resolv.conf").read_text()
    assert not Path("/", STUB).parent.exists()
    assert (root / "etc/resolv.conf").is_symlink()


@pytest.mark.parametrize("text", [None, "nameserver 192.0.2.1\n"])
def test_a_file_is_hidden_for_the_time(root, text):
    """One that is there is there again afterwards."""
    if text:
        (root / "etc/resolv.conf").write_text(text)
    command = [*beside(root), "cat", root / "etc/resolv.conf"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == Path("/etc/resolv.conf").read_text()
    assert (root / "etc/resolv.conf").read_text() == (text or "")
