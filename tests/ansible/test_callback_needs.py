"""What is said when Ansible cannot log in to a Pi, or a task fails on it."""

import sys
import types

import pytest

from tests.conftest import PROJECT

PLUGIN = PROJECT / "ansible" / "callback_plugins" / "pi_nn.py"
DENIED = "Failed to connect to the host via ssh: pi@pi-1: Permission denied (publickey,password)."


@pytest.fixture
def plugin(monkeypatch):
    """The plugin's module; Ansible itself, which this environment may lack, is a stand-in."""
    ansible = types.ModuleType("ansible")
    ansible.context = ansible.constants = None
    callback = types.ModuleType("ansible.plugins.callback")
    callback.CallbackBase = object
    for name, module in (
        ("ansible", ansible),
        ("ansible.plugins", types.ModuleType("ansible.plugins")),
        ("ansible.plugins.callback", callback),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    module = types.ModuleType("pi_nn")
    module.__file__ = str(PLUGIN)
    exec(compile(PLUGIN.read_text(), PLUGIN, "exec"), vars(module))
    return module


def test_a_refused_key_and_a_refused_password_are_told_apart(plugin):
    """Who typed a password is not told to type one."""
    need, explanation = plugin.advice(DENIED, has_password=False)
    assert "ssh-copy-id {user}@{address}" in need
    assert "ASK_PASS=1" in explanation
    need, explanation = plugin.advice(DENIED, has_password=True)
    assert "refused the password" in need
    assert "ASK_PASS" not in explanation


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("ssh: Could not resolve hostname pi-1.local: Name or service not known", "as {address}"),
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "ssh-keygen -R {address}"),
        ("Host key verification failed.", "ssh-keygen -R {address}"),
        ("ssh: connect to host pi-1 port 22: No route to host", "is it switched on"),
    ],
)
def test_other_causes_have_their_own_advice(plugin, message, told):
    """By SSH's own words."""
    need, _ = plugin.advice(f"Failed to connect to the host via ssh: {message}", False)
    assert told in need


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"msg": "pi-1 has 3 MB free: expected 9"}, "Install: pi-1 has 3 MB free: expected 9"),
        ({"msg": "non-zero return code", "stderr": "a\nlast"}, "Install: last"),
        ({"results": [{"msg": "fine"}, {"failed": True, "msg": "E: bad"}]}, "Install: E: bad"),
        ({"msg": "MODULE FAILURE", "module_stderr": "OSError: [Errno 28] No space left on device"},
         "its card is full: remove files, or use a larger card"),
        ({"msg": "E: You don't have enough free space in /var/cache/apt/archives/."},
         "its card is full: remove files, or use a larger card"),
    ],
)  # fmt: skip
def test_a_failed_task_is_said_in_a_line(plugin, result, said):
    """The module's words, a command's last line, the item that failed, a full card."""
    assert plugin.failure("Install", result) == said
