"""What the role `base` asks of the class cache, and what it says when something is missing."""

import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
