"""The Makefile's commands, as `make --dry-run` prints them."""

import os
import re
import subprocess

import pytest

from tests.conftest import PROJECT

# As from a shell: the make that runs these tests would pass its own settings on.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(*words: str, **environment: str) -> subprocess.CompletedProcess:
    environment = ENVIRONMENT | environment
    return subprocess.run(
        ["make", *words], cwd=PROJECT, env=environment, capture_output=True, text=True
    )


def dry_run(*words: str, **environment: str) -> subprocess.CompletedProcess:
    return make("--dry-run", *words, **environment)


def targets(makefile: str) -> list[str]:
    """List what a makefile declares as .PHONY."""
    lines = re.findall(r"^\.PHONY: (.+)$", (PROJECT / makefile).read_text(), re.M)
    return " ".join(lines).split()


def listed(target: str) -> list[str]:
    """List what a target of help lists."""
    return re.findall(r"^  make (\S+) +\S", make(target).stdout, re.M)


USERS = targets("Makefile")
CLASS = targets("scripts/classroom/classroom.mk")
MAINTAINERS = targets("tests/maintainers.mk")


def test_help_lists_every_target():
    """Each of .PHONY has its line: a user's in one list, a maintainer's in another."""
    assert listed("help") == [*USERS, "help-class", "help-maintainers"]
    assert listed("help-class") == CLASS
    assert sorted(listed("help-maintainers")) == sorted(MAINTAINERS)
    assert {"train-pi", "provision", "emulate"} <= {*USERS}
    assert {"test", "lint", "fuzz", "bench"} <= {*MAINTAINERS}


def test_users_see_their_commands_on_one_screen():
    """A terminal has 24 lines."""
    assert len(make("help").stdout.splitlines()) < 24


@pytest.fixture
def stand_ins(tmp_path) -> tuple[str, str]:
    """An environment whose Ansible finds one Pi, and prints its locale; and an inventory."""
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    listing = (
        "case $* in *pi-9*) echo '  hosts (0):';; *) echo '  hosts (1):'; echo '  pi-1';; esac"
    )
    for name, script in (
        ("ansible", listing),
        ("ansible-playbook", 'echo "LC_ALL=$LC_ALL $*"'),
        ("python", 'echo "LC_ALL=$LC_ALL $*"'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    for ready in (".ready", ".ready-ansible"):
        (tmp_path / "venv" / ready).touch()
    (tmp_path / "hosts.yml").write_text("pis:\n")
    return f"VENV={tmp_path / 'venv'}", f"INVENTORY={tmp_path / 'hosts.yml'}"


@pytest.mark.parametrize("target", [*USERS, *CLASS, *MAINTAINERS])
def test_what_a_target_runs_is_there(target, tmp_path):
    """Each script and each module that it names."""
    (tmp_path / "hosts.yml").write_text("pis:\n")
    done = dry_run(target, INVENTORY=str(tmp_path / "hosts.yml"), FILE="lesson.ipynb")
    assert (done.returncode, done.stderr) == (0, "")
    for module in re.findall(r"-m ((?:scripts|tests)\.\S+)", done.stdout):
        path = PROJECT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
    for script in re.findall(r"(?:scripts|ansible|tests)/[\w/.-]+", done.stdout):
        assert (PROJECT / script).exists(), script


def test_tags_are_for_provisioning_alone(tmp_path):
    """A backup of some roles would leave work behind in silence."""
    inventory = f"INVENTORY={tmp_path / 'hosts.yml'}"
    (tmp_path / "hosts.yml").write_text("pis:\n")
    assert "--tags jupyter" in dry_run("provision", inventory, "TAGS=jupyter").stdout
    for target in ("verify", "backup", "restore", "uninstall"):
        refused = dry_run(target, inventory, "TAGS=jupyter")
        assert refused.returncode != 0
        assert "TAGS= works only with 'make provision' and 'make update'" in refused.stderr


def test_flags_reach_ansible(tmp_path):
    """LIMIT, ASK_SUDO, CHECK and EXTRA."""
    (tmp_path / "hosts.yml").write_text("pis:\n")
    flags = ("LIMIT=pi-3", "ASK_SUDO=1", "CHECK=1", "EXTRA=--ask-vault-pass")
    for target in ("provision", "verify", "backup", "restore", "update", "uninstall"):
        words = dry_run(target, f"INVENTORY={tmp_path / 'hosts.yml'}", *flags).stdout.split()
        assert {"--ask-become-pass", "--check", "--ask-vault-pass"} <= set(words)
        assert words[words.index("--limit") + 1] == "pi-3"


def test_a_classroom_without_internet(tmp_path):
    """OFFLINE= reaches Ansible, and what is brought beforehand can be chosen."""
    inventory = f"INVENTORY={tmp_path / 'hosts.yml'}"
    (tmp_path / "hosts.yml").write_text("pis:\n")
    for target in ("provision", "update"):
        words = dry_run(target, inventory, "OFFLINE=1").stdout
        assert "-e class_cache=true -e class_cache_offline=true" in words
        assert "class_cache" not in dry_run(target, inventory).stdout
    words = dry_run(
        "bundle", "RELEASES=bookworm trixie", "ARCH=arm64", "DRY=1", "FOLDER=a b"
    ).stdout
    assert '--releases "bookworm trixie" --arch arm64 --dry-run --folder "a b"' in words


def test_without_an_inventory_it_says_what_to_copy(tmp_path):
    """Before anything is installed."""
    told = make("provision", f"VENV={tmp_path}/venv", f"INVENTORY={tmp_path}/none.yml")
    assert told.returncode != 0
    assert "copy ansible/inventory/example.yml to it" in told.stderr
    assert not (tmp_path / "venv").exists()


def test_notebooks_find_mnist_from_their_own_folder():
    """A kernel works in notebooks/: a path from where make was called would lead elsewhere."""
    line = f'MNIST_DIR="{PROJECT}/digits" .venv/bin/jupyter notebook notebooks'
    assert line in dry_run("notebooks", "MNIST_DIR=digits", "VENV=.venv").stdout
    assert "MNIST_DIR" not in dry_run("notebooks", "MNIST_DIR=", "VENV=.venv").stdout


def test_the_card_may_be_anywhere():
    """In a folder with a space, made from a file with one; it is replaced only on request."""
    words = dry_run("image", "CARD=my card", "BASE=a b.img", "REPLACE=1").stdout
    assert '--folder "my card" image --base "a b.img" --replace' in words
    assert "--replace" not in dry_run("image").stdout
    assert '--folder "my card"' in dry_run("emulate", "CARD=my card").stdout


@pytest.mark.parametrize("target", ["provision", "verify", "train-on-pi", "image", "class-status"])
def test_ansible_gets_a_locale_that_every_pi_has(target, stand_ins):
    """Not the user's, which may be missing here or on the Pi."""
    words = (target, *stand_ins) if target != "image" else (target, stand_ins[0])
    done = make(*words, LANG="xx_YY.UTF-8", LC_TIME="xx_YY", LC_ALL="xx_YY")
    assert done.returncode == 0, done.stderr
    assert "LC_ALL=C.UTF-8 " in [line for line in done.stdout.splitlines() if "-" in line][-1]


def test_unknown_tags_are_refused(stand_ins):
    """Ansible would do nothing, and succeed."""
    done = make("provision", *stand_ins, "TAGS=base,jupiter")
    assert done.returncode != 0
    roles = "base browser dataset jupyter kit scientific_python".split()
    told = done.stderr.split("expected one or more of ")[1]
    assert "no role for TAGS=base,jupiter" in done.stderr
    assert set(roles) <= set(re.findall(r"\w+", told))
    for role in roles:
        assert make("provision", *stand_ins, f"TAGS={role}").returncode == 0


@pytest.mark.parametrize("target", ["provision", "verify", "backup", "restore", "update"])
def test_an_inventory_without_such_a_pi_is_refused(target, stand_ins):
    """Ansible would skip the play, and succeed."""
    done = make(target, *stand_ins, "LIMIT=pi-9")
    assert done.returncode != 0
    assert "error: no Pi matches pi-9 in" in done.stderr
    assert "ansible/playbooks" not in done.stdout
    assert make(target, *stand_ins, "LIMIT=pi-1").returncode == 0


def test_a_preset_is_trained_where_it_is_given(stand_ins):
    """Here as on the Pis."""
    assert "--preset book" in make("train-pi", stand_ins[0], "PRESET=book").stdout
    assert "--preset pi-zero" in make("train-pi", stand_ins[0]).stdout
    assert "--preset book" in make("train-on-pi", *stand_ins, "PRESET=book").stdout


@pytest.mark.parametrize(
    ("words", "unknown", "known"),
    [
        (("train-pi", "PRESTE=book"), "PRESTE=", "PRESET= PYTHON= RESTART="),
        (("verify", "PRESET=book"), "PRESET=", "INVENTORY= LIMIT="),
        (("provision-here", "LIMITS=pi-1"), "LIMITS=", "INVENTORY= LIMIT="),
        (("emulate", "BASE=folder"), "BASE=", "CARD= JUPYTER_PORT="),
        (("clean", "X=1"), "X=", "MNIST_DIR= PYTHON= VENV="),
        (("LIMIT=pi-1",), "LIMIT=", "MNIST_DIR= PYTHON= VENV="),
    ],
)
def test_unknown_variables_are_refused(words, unknown, known):
    """And the known ones are named; nothing is run."""
    done = make(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"does not know {unknown}: it knows " in done.stderr
    assert known in done.stderr


def test_every_variable_in_the_help_is_known():
    """As each line of the two lists has it."""
    lists = "".join(make(f"help{which}").stdout for which in ("", "-class", "-maintainers"))
    lines = re.findall(r"^  make (\S+) .*\[(.*=.*)\]$", lists, re.M)
    assert len(lines) > 5
    for target, variables in lines:
        given = [f"{name}1" for name in re.findall(r"[A-Z_]+=", variables)]
        given = [word for word in given if not word.startswith("TAGS")]
        assert "does not know" not in dry_run(target, *given, VENV=".venv").stderr


def test_a_password_for_ssh_can_be_typed(stand_ins):
    """ASK_PASS=1, in all that logs in."""
    for target in ("provision", "verify", "backup", "train-on-pi", "class-status", "collect"):
        assert "--ask-pass" in dry_run(target, *stand_ins, "ASK_PASS=1").stdout
