"""The Makefile's commands, as `make --dry-run` prints them."""

import os
import re
import subprocess

import pytest

from tests.conftest import PROJECT

# As from a shell: the make that runs these tests would pass its own settings on.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["make", *words], cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True
    )


def dry_run(*words: str) -> subprocess.CompletedProcess:
    return make("--dry-run", *words)


def targets(makefile: str) -> list[str]:
    """List what a makefile declares as .PHONY."""
    lines = re.findall(r"^\.PHONY: (.+)$", (PROJECT / makefile).read_text(), re.M)
    return " ".join(lines).split()


def listed(target: str) -> list[str]:
    """List what a target of help lists."""
    return re.findall(r"^  make (\S+) +\S", make(target).stdout, re.M)


USERS = targets("Makefile")
MAINTAINERS = targets("tests/maintainers.mk")


def test_help_lists_every_target():
    """Each of .PHONY has its line: a user's in one list, a maintainer's in another."""
    assert listed("help") == [*USERS, "help-maintainers"]
    assert sorted(listed("help-maintainers")) == sorted(MAINTAINERS)
    assert {"train-pi", "provision", "emulate"} <= {*USERS}
    assert {"test", "lint", "fuzz", "bench"} <= {*MAINTAINERS}


def test_users_see_their_commands_on_one_screen():
    """A terminal has 24 lines."""
    assert len(make("help").stdout.splitlines()) < 24


@pytest.mark.parametrize("target", [*USERS, *MAINTAINERS])
def test_what_a_target_runs_is_there(target, tmp_path):
    """Each script and each module that it names."""
    (tmp_path / "hosts.yml").write_text("pis:\n")
    done = dry_run(target, f"INVENTORY={tmp_path / 'hosts.yml'}")
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
