"""What is told when Ansible cannot log in to a Pi."""

import sys
import types

import pytest

from tests.conftest import PROJECT

PLUGIN = PROJECT / "ansible" / "callback_plugins" / "login_advice.py"
DENIED = "Failed to connect to the host via ssh: pi@pi-1: Permission denied (publickey,password)."


@pytest.fixture
def advice(monkeypatch):
    """The function; Ansible itself, which this environment may lack, is a stand-in."""
    ansible = types.ModuleType("ansible")
    ansible.context = None
    callback = types.ModuleType("ansible.plugins.callback")
    callback.CallbackBase = object
    for name, module in (
        ("ansible", ansible),
        ("ansible.plugins", types.ModuleType("ansible.plugins")),
        ("ansible.plugins.callback", callback),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    plugin: dict = {"__name__": "login_advice"}
    exec(compile(PLUGIN.read_text(), PLUGIN, "exec"), plugin)
    return plugin["advice"]


def test_a_refused_key_and_a_refused_password_are_told_apart(advice):
    """Who typed a password is not told to type one."""
    assert "ssh-copy-id {user}@{address}" in advice(DENIED, has_password=False)
    assert "ASK_PASS=1" in advice(DENIED, has_password=False)
    assert "refused the password" in advice(DENIED, has_password=True)
    assert "ASK_PASS" not in advice(DENIED, has_password=True)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("ssh: Could not resolve hostname pi-1.local: Name or service not known", "IP address"),
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "ssh-keygen -R {address}"),
        ("Host key verification failed.", "ssh-keygen -R {address}"),
    ],
)
def test_other_causes_have_their_own_advice(advice, message, told):
    """By SSH's own words."""
    assert told in advice(f"Failed to connect to the host via ssh: {message}", has_password=False)


def test_a_pi_that_is_off_needs_no_advice(advice):
    """SSH's message says it all."""
    assert advice("ssh: connect to host pi-1 port 22: No route to host", has_password=False) is None
