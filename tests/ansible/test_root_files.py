"""What the roles' programs write as root on a Pi: the password's hash, the list of packages."""

import importlib
import io
import json
import os
import pwd

import pytest
from jupyter_server.auth.security import passwd_check

from tests.conftest import PROJECT

ROLES = PROJECT / "ansible" / "roles"
APT = """\
The following additional packages will be installed:
  libone
The following NEW packages will be installed:
  libone wanted
0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.
"""


@pytest.fixture
def program(monkeypatch):
    """Import a program by role and name, with atomic.py beside it as on a Pi."""

    def load(role: str, name: str):
        for folder in (PROJECT / "nn" / "saving", ROLES / role / "files"):
            monkeypatch.syspath_prepend(folder)
        return importlib.import_module(name)

    return load


@pytest.fixture
def set_password(program, monkeypatch, tmp_path):
    """Set a password in tmp_path/password.json for whoever runs the tests."""
    user = pwd.getpwuid(os.getuid()).pw_name

    def run(password: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        program("jupyter", "set_password").main(tmp_path / "password.json", user)

    return run


def test_the_hash_of_a_password_is_written_once(set_password, tmp_path, capsys):
    """For root and the user's group alone; a new one replaces it, whatever was there."""
    path = tmp_path / "password.json"
    path.write_text("broken")
    for password in ("correct horse", "correct horse", "battery staple"):
        set_password(password)
    assert capsys.readouterr().out == "changed\nunchanged\nchanged\n"
    stored = json.loads(path.read_text())["PasswordIdentityProvider"]["hashed_password"]
    assert passwd_check(stored, "battery staple")
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_gid == pwd.getpwuid(os.getuid()).pw_gid
    assert list(tmp_path.iterdir()) == [path]


def test_a_short_password_is_refused(set_password, tmp_path):
    """And nothing is written."""
    with pytest.raises(SystemExit, match="expected at least 8 characters, got 5"):
        set_password("short")
    assert list(tmp_path.iterdir()) == []


def test_new_packages_are_recorded(program, tmp_path, capsys):
    """Those asked for are listed again; what was there already is not, and later ones are added."""
    record = program("base", "record_packages").main
    path = tmp_path / "apt-packages.json"
    record(path, ["wanted", "there"], APT)
    record(path, ["other"], APT.replace("libone wanted", "other"))
    record(path, ["other"], "0 upgraded, 0 newly installed")
    recorded = {"asked_for": ["other", "wanted"], "new": ["libone", "other", "wanted"]}
    assert json.loads(path.read_text()) == recorded
    assert capsys.readouterr().out == "unchanged\n"


def test_a_package_that_another_brought_is_recorded_when_asked_for(program, tmp_path, capsys):
    """Ansible marks it as manually installed, and uninstalling must undo that; once is enough."""
    record = program("base", "record_packages").main
    path = tmp_path / "apt-packages.json"
    record(path, ["wanted"], APT)
    for _ in range(2):
        record(path, ["libone", "there"], "")
    recorded = {"asked_for": ["libone", "wanted"], "new": ["libone", "wanted"]}
    assert json.loads(path.read_text()) == recorded
    assert capsys.readouterr().out == "unchanged\n"
