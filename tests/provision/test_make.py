"""What `make` refuses before it reaches a Pi, with the real Ansible; needs no machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# As from a shell: the make that runs these tests would pass its own settings on.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
VENV = f"VENV={Path(sys.executable).parent.parent}"
ONE_GROUP = "{}:\n  hosts:\n    pi-1:\n"


def look(inventory: Path, limit: str = "") -> subprocess.CompletedProcess:
    """Run what all targets run first."""
    return subprocess.run(
        ["make", "--eval", "look:;$(FIND_PIS)", "look", VENV],
        cwd=PROJECT,
        env=ENVIRONMENT | {"INVENTORY": str(inventory), "LIMIT": limit},
        capture_output=True,
        text=True,
    )


def test_a_group_of_another_name_is_refused(tmp_path):
    """`pi:` for `pis:`: Ansible would skip the play, and succeed."""
    (tmp_path / "hosts.yml").write_text(ONE_GROUP.format("pi"))
    done = look(tmp_path / "hosts.yml")
    assert done.returncode != 0
    assert "error: no Pi matches the group 'pis' in" in done.stderr


@pytest.mark.parametrize(
    ("limit", "found"),
    [("laptop", False), ("pi-2", False), ("pi-1,pi-2", False), ("pi-1", True), ("", True)],
)
def test_a_limit_must_name_a_pi(tmp_path, limit, found):
    """Not a machine of another group."""
    others = "others:\n  hosts:\n    laptop:\n"
    (tmp_path / "hosts.yml").write_text(ONE_GROUP.format("pis") + others)
    done = look(tmp_path / "hosts.yml", limit)
    assert (done.returncode == 0) == found, done
    if not found:
        assert f"error: no Pi matches {limit} in" in done.stderr
