"""The Makefile's commands, as `make --dry-run` prints them."""

import os
import re
import subprocess

from tests.conftest import PROJECT

# As from a shell: the make that runs these tests would pass its own settings on.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["make", *words], cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True
    )


def dry_run(*words: str) -> subprocess.CompletedProcess:
    return make("--dry-run", *words)


def test_help_lists_every_target():
    """Each of .PHONY has its line."""
    phony = re.search(r"^\.PHONY: (.+)$", (PROJECT / "Makefile").read_text(), re.M)[1].split()
    told = make("help").stdout
    assert sorted(line.split()[1] for line in told.splitlines()) == sorted(phony)


def test_tags_are_for_provisioning_alone(tmp_path):
    """A backup of some roles would leave work behind in silence."""
    inventory = f"INVENTORY={tmp_path / 'hosts.yml'}"
    (tmp_path / "hosts.yml").write_text("pis:\n")
    assert "--tags jupyter" in dry_run("provision", inventory, "TAGS=jupyter").stdout
    for target in ("verify", "backup", "restore", "uninstall"):
        refused = dry_run(target, inventory, "TAGS=jupyter")
        assert refused.returncode != 0
        assert "TAGS= is for 'make provision' and 'make update' alone" in refused.stderr


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
