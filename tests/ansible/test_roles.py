"""What every role has, as files."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.conftest import PROJECT

ROLES = sorted((PROJECT / "ansible" / "roles").iterdir())


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request) -> Path:
    """Each role's folder."""
    return request.param


def task_names(tasks: list[dict]) -> list[str]:
    """List the names of tasks and of those in their blocks."""
    names = []
    for task in tasks:
        names.append(task["name"])
        for block in ("block", "rescue", "always"):
            names += task_names(task.get(block, []))
    return names


def test_a_task_is_found_by_its_name(role):
    """No two tasks of a role have the same."""
    names = Counter()
    for path in (role / "tasks").iterdir():
        names.update(task_names(yaml.safe_load(path.read_text())))
    assert len(names) > 1
    assert [name for name, times in names.items() if times > 1] == []


def test_each_setting_is_described(role):
    """Each default in argument_specs, and the other way round."""
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())
    assert defaults.keys() == specs["argument_specs"]["main"]["options"].keys()


def test_each_role_can_be_verified(role):
    """`make verify` visits each."""
    assert (role / "tasks" / "verify.yml").exists()


@pytest.mark.parametrize("path", sorted((PROJECT / "ansible/roles").glob("*/files/requirements-*")))
def test_each_wheel_has_its_hash(path):
    """Pip refuses any other file, and a file without hashes."""
    lines = path.read_text().splitlines()
    assert len(lines) > 0
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line), line
