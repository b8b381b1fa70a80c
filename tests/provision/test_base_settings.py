"""The variables of the role `base`, as the real Ansible sees them; needs no machine."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
import yaml

from scripts.classroom.cache.bundle import ARCHITECTURES
from scripts.classroom.cache.wanted import wanted_packages
from tests.conftest import PROJECT

ROLES = PROJECT / "ansible/roles"
# not by an import: Ansible's package has the name of a folder here
TEMPLATES = importlib.import_module("ansible.template")
LOADER = importlib.import_module("ansible.parsing.dataloader")


@pytest.fixture
def template():
    """A function that returns one of the role's variables, as Ansible sees it."""
    loader, variables = LOADER.DataLoader(), {}
    for role in ROLES.iterdir():
        for path in (role / "defaults/main.yml", role / "vars/main.yml"):
            if path.exists():
                variables |= loader.load_from_file(str(path), trusted_as_template=True)
    facts = {"distribution_release": "trixie"}
    variables |= {"inventory_hostname": "pi-1", "ansible_facts": facts, "ansible_run_tags": ["all"]}
    variables |= {"hostvars": {"pi-1": {}}, "base_cache": True}

    def evaluate(name: str, **settings):
        seen = {"architecture": "armhf", "has_desktop": False, "cache_problem": ""}
        machine = {"base_machine": seen | settings.pop("base_machine", {})}
        templar = TEMPLATES.Templar(loader, variables=variables | machine | settings)
        return templar.template(variables[name])

    return evaluate


def test_a_socket_in_a_folder_with_a_space_is_one_word(template):
    """Ansible splits SSH's arguments as a shell does."""
    words = template("base_cache_ssh_args", base_cache_socket="/home/Ada's Pi/socket")
    assert shlex.split(words) == ["-R", "127.0.0.1:3148:/home/Ada's Pi/socket"]


def test_offline_everything_is_asked_for_that_roles_install(template):
    """With all settings on: what a bundle has, which is read from the roles' own tasks."""
    asked = template(
        "base_offline_packages",
        ansible_facts={"distribution_release": "bookworm"},
        base_machine={"architecture": "arm64", "has_desktop": True},
        base_locale="en_GB.UTF-8",
        jupyter_tls="self-signed",
        draw_install=True,
        languages_install=["r", "forth", "c"],
        worker_computer="192.0.2.7",
    )
    assert set(asked) == wanted_packages("bookworm")


def test_offline_nothing_is_asked_for_that_is_off(template):
    """A Pi without a desktop gets no browser, one that works for nobody no worker."""
    assert template("base_offline_packages", ansible_run_tags=["worker", "browser", "draw"]) == []
    desktop = {"has_desktop": True}
    browser = template("base_offline_packages", ansible_run_tags=["browser"], base_machine=desktop)
    assert browser == ["epiphany-browser", "xdg-utils"]


def test_the_advice_is_a_command_that_brings_it(template):
    """With the folder that this class uses, for every architecture that a Pi may have."""
    settings = {"base_cache_folder": "~/my class"}
    words = shlex.split(template("base_offline_advice", **settings).partition("run: ")[2])
    folder = Path("~/my class").expanduser()
    assert words == ["make", "bundle", "RELEASES=trixie", "ARCH=armhf", f"FOLDER={folder}"]
    advice = template("base_offline_advice", base_cache_folder="")
    assert advice.endswith("make bundle RELEASES=trixie ARCH=armhf")
    [check] = [
        task["ansible.builtin.assert"]["that"]
        for task in yaml.safe_load((ROLES / "base/tasks/checks.yml").read_text())
        if task["name"] == "Check the package architecture"
    ]
    assert set(re.findall(r"'(\w+)'", check)) == ARCHITECTURES.keys()
