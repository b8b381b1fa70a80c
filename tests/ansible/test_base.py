"""What the role `base` asks of the class cache, and what it says when something is missing."""

import importlib
import importlib.util
import json
import re
import shlex
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.conftest import PROJECT

ROLES = PROJECT / "ansible/roles"


def load(name: str):
    """Return one of the role's programs as a module."""
    spec = importlib.util.spec_from_file_location(name, ROLES / f"base/files/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Cache(BaseHTTPRequestHandler):
    """Answers 500 for /broken, and with JSON else."""

    def do_GET(self):
        """Answer."""
        if self.path == "/broken":
            self.send_error(500, "the disk is full")
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"half": ""}).encode())

    def log_message(self, *_arguments):
        """Say nothing."""


@pytest.fixture
def cache():
    """The address of a class cache."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Cache) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_pi_says_why_the_cache_gave_no_answer(cache):
    """What it answered instead, or that nobody is there."""
    look = load("look")
    assert look.ask(f"{cache}/status") == ({"half": ""}, "")
    assert look.ask(f"{cache}/broken") == (None, "HTTP Error 500: the disk is full")
    answer, problem = look.ask("http://127.0.0.1:1/status")
    assert answer is None
    assert "Connection refused" in problem


@pytest.fixture
def template():
    """A function that returns one of the role's variables, as Ansible sees it."""
    ansible = pytest.importorskip("ansible.template", reason="needs Ansible")
    loader, variables = importlib.import_module("ansible.parsing.dataloader").DataLoader(), {}
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
        templar = ansible.Templar(loader, variables=variables | machine | settings)
        return templar.template(variables[name])

    return evaluate


def test_a_socket_in_a_folder_with_a_space_is_one_word(template):
    """Ansible splits SSH's arguments as a shell does."""
    words = template("base_cache_ssh_args", base_cache_socket="/home/Ada's Pi/socket")
    assert shlex.split(words) == ["-R", "127.0.0.1:3148:/home/Ada's Pi/socket"]


def test_offline_everything_is_asked_for_that_roles_install(template):
    """With all settings on: what a bundle has, which is read from the roles' own tasks."""
    from scripts.classroom.cache.wanted import wanted_packages

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


def test_offline_wheels_are_asked_for_on_a_pi_with_the_kit():
    """It may be an older kit, with older wheels."""
    tasks = yaml.safe_load((ROLES / "base/tasks/offline.yml").read_text())
    [command] = [task for task in tasks if "find_missing.py" in str(task)]
    words = command["ansible.builtin.command"]["argv"]
    assert "ansible_facts['distribution_release']]" in words
    assert "has_kit" not in words


def test_a_desktop_is_seen(tmp_path, monkeypatch):
    """By its sessions, as the role `browser` looks for them."""
    look = load("look")
    monkeypatch.setattr(look, "SESSIONS", [str(tmp_path / name) for name in ("x", "wayland")])
    assert not look.has_desktop()
    (tmp_path / "wayland").mkdir()
    assert not look.has_desktop()
    (tmp_path / "wayland/labwc.desktop").touch()
    assert look.has_desktop()
    find = yaml.safe_load((ROLES / "browser/tasks/desktop.yml").read_text())[0]
    assert find["ansible.builtin.find"]["paths"] == load("look").SESSIONS


def test_the_advice_is_a_command_that_brings_it(template):
    """With the folder that this class uses, for every architecture that a Pi may have."""
    from scripts.classroom.cache.bundle import ARCHITECTURES

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
