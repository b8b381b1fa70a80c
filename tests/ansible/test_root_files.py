"""What the roles' programs do as root on a Pi: the password's hash, the list of packages."""

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


class Apt:
    """apt and dpkg, as far as remove_packages.py asks them: packages and who depends on them.

    `packages` maps the name of each installed package to those it needs; `by_hand` are those that
    somebody asked for.
    """

    def __init__(self, packages: dict[str, str], by_hand: str):
        self.packages = {name: set(needs.split()) for name, needs in packages.items()}
        self.by_hand = set(by_hand.split())

    def unneeded(self) -> set[str]:
        """Return what nothing by hand needs."""
        waiting, needed = list(self.by_hand), set()
        while waiting:
            name = waiting.pop()
            if name in self.packages and name not in needed:
                needed.add(name)
                waiting += self.packages[name]
        return self.packages.keys() - needed

    def run(self, *command: str) -> str:
        """Answer a command, and carry it out."""
        words = [word for word in command[1:] if not word.startswith("--")]
        match command[0], words:
            case "apt-mark", ["showmanual"]:
                return "\n".join(self.by_hand)
            case "apt-mark", ["auto", *names]:
                self.by_hand -= set(names)
            case "apt-mark", ["manual", *names]:
                self.by_hand |= set(names)
            case "apt-get", ["autoremove"]:
                return "".join(f"Remv {name} [1.0]\n" for name in self.unneeded())
            case "apt-get", ["remove", *names]:
                self.packages = {n: s for n, s in self.packages.items() if n not in names}
            case "apt-cache", ["rdepends", name]:
                users = [user for user, needs in self.packages.items() if name in needs]
                return f"{name}\nReverse Depends:\n" + "".join(f"  {user}\n" for user in users)
            case "dpkg-query", _:
                return "".join(f"ii {name}:amd64\n" for name in self.packages) + "rc gone\n"
        return ""


@pytest.fixture
def remove_packages(program, monkeypatch, tmp_path, capsys):
    """Uninstall what the kit recorded from an Apt; return what the program prints."""

    def run(apt: Apt, new: str, asked_for: str) -> dict:
        record = {"asked_for": asked_for.split(), "new": new.split()}
        (tmp_path / "record.json").write_text(json.dumps(record))
        module = program("base", "remove_packages")
        monkeypatch.setattr(module, "run", apt.run)
        module.main(tmp_path / "record.json")
        return json.loads(capsys.readouterr().out)

    return run


def test_packages_of_the_kit_are_removed_and_no_others(remove_packages):
    """Neither what was there before, although nothing needs it, nor what that needs."""
    apt = Apt({"numpy": "blas", "blas": "", "orphan": "lib", "lib": "", "bash": ""}, "numpy bash")
    result = remove_packages(apt, "numpy blas lib", "numpy")
    assert result["removed"] == ["blas", "numpy"]
    assert result["kept"] == {"lib": "needed by orphan"}
    assert apt.packages.keys() == {"orphan", "lib", "bash"}
    assert apt.by_hand == {"bash"}


def test_what_the_user_installed_stays_with_its_reason_and_the_next_run_finishes(remove_packages):
    """A program that needs numpy, and a package of the kit's that the user asked for as well."""
    apt = Apt({"numpy": "blas", "blas": "", "tex": "", "game": "numpy"}, "numpy game tex")
    result = remove_packages(apt, "numpy blas tex", "numpy")
    assert result["removed"] == []
    assert result["kept"] == {"numpy": "needed by game", "tex": "you installed it yourself"}
    assert result["record"] == {"asked_for": ["numpy"], "new": ["blas", "numpy", "tex"]}
    apt.packages.pop("game")
    result = remove_packages(apt, "numpy blas tex", "numpy")
    assert result["removed"] == ["blas", "numpy"]
    assert result["record"] == {"asked_for": [], "new": ["tex"]}
