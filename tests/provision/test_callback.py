"""What a playbook says after the recap, on stand-ins for Ansible's statistics."""

import importlib
from types import SimpleNamespace

import pytest

from tests.conftest import PROJECT

WORKING = {"pi_nn_ready": ["http://pi-1:8888/", "Password: secret"], "pi_nn_next": "make verify"}


@pytest.fixture
def pi_nn(monkeypatch):
    """The plugin's module."""
    monkeypatch.syspath_prepend(PROJECT / "ansible/callback_plugins")
    return importlib.import_module("pi_nn")


def stats(custom: dict, hosts: str, failures=(), dark=()) -> SimpleNamespace:
    return SimpleNamespace(
        custom=custom,
        processed=dict.fromkeys(hosts.split(), 1),
        failures=dict.fromkeys(failures, 1),
        dark=dict.fromkeys(dark, 1),
    )


def test_one_pi_has_three_lines(pi_nn):
    """Address, password, next command."""
    lines = pi_nn.summary(stats({"pi-1": WORKING}, "pi-1"), {}, {}, {})
    assert lines == ["pi-1: http://pi-1:8888/", "Password: secret", "Next: make verify"]


def test_one_pi_in_need_has_one_line(pi_nn):
    """It is not said to be ready."""
    lines = pi_nn.summary(stats({}, "pi-1", failures=["pi-1"]), {}, {"pi-1": "Install: no"}, {})
    assert lines == ["pi-1: failed: Install: no"]


def test_several_pis_have_a_table(pi_nn):
    """Who is ready, who needs what, and how to go on with those."""
    custom = {"pi-1": WORKING, "pi-3": {"pi_nn_notes": ["kept numpy: needed by game"]}}
    given = stats(custom, "pi-1 pi-2 pi-3", failures=["pi-2"], dark=["pi-3"])
    needs = {"pi-2": "its card is full", "pi-3": "did not answer", "pi-1": "rescued"}
    assert pi_nn.summary(given, {}, needs, {"pi-1": "Zoë"}) == [
        "Pi    pupil",
        "pi-1  Zoë    ready        http://pi-1:8888/  Password: secret",
        "pi-2         failed       its card is full",
        "pi-3         not reached  did not answer",
        "pi-3: kept numpy: needed by game",
        "1 ready, 2 in need",
        "Then run the same command again, with LIMIT=pi-2,pi-3",
    ]


def test_several_pis_that_are_ready_have_a_next_command(pi_nn):
    """Without a column for pupils where none is known."""
    custom = {"pi-1": WORKING, "pi-2": WORKING}
    assert pi_nn.summary(stats(custom, "pi-1 pi-2"), {}, {}, {})[-3:] == [
        "pi-2  ready  http://pi-1:8888/  Password: secret",
        "2 ready, 0 in need",
        "Next: make verify",
    ]


def test_the_next_command_is_for_the_same_pis(pi_nn, tmp_path, monkeypatch):
    """Another inventory and a limit are repeated; the usual inventory is not."""
    monkeypatch.chdir(tmp_path)
    usual = {"inventory": [str(pi_nn.INVENTORY)], "subset": None}
    assert pi_nn.flags(usual) == ""
    other = {"inventory": [str(tmp_path / "here.yml")], "subset": "pi-0*"}
    assert pi_nn.flags(other) == " INVENTORY=here.yml LIMIT='pi-0*'"


def test_nothing_to_say_is_not_said(pi_nn):
    """As at the end of a backup."""
    assert pi_nn.summary(stats({}, "pi-1"), {}, {}, {}) == []
    assert pi_nn.summary(stats({}, "pi-1 pi-2"), {}, {}, {}) == []


def test_those_that_are_well_are_counted_beside_one_in_need(pi_nn):
    """Where no address is said, as with TAGS=kit."""
    given = stats({}, "pi-1 pi-2", failures=["pi-2"])
    assert pi_nn.summary(given, {}, {"pi-2": "Install: no"}, {}) == [
        "Pi",
        "pi-1  done",
        "pi-2  failed  Install: no",
        "1 done, 1 in need",
        "Then run the same command again, with LIMIT=pi-2",
    ]


@pytest.fixture
def plugin(pi_nn, monkeypatch):
    """The plugin, at the start of a playbook; what it prints is in `printed`."""
    monkeypatch.setattr(pi_nn, "FIRST", 0.01)
    plugin = pi_nn.CallbackModule()
    plugin.printed = []
    plugin._display = SimpleNamespace(display=lambda text, color=None: plugin.printed.append(text))
    plugin.v2_playbook_on_start(None)
    yield plugin
    plugin._over.set()


def result(host: str, task: SimpleNamespace | None = None, **words) -> SimpleNamespace:
    named = SimpleNamespace(name=host, get_vars=dict)
    return SimpleNamespace(_host=named, _task=task, _result=words)


def test_a_long_step_says_that_it_lives(plugin):
    """The one that has been running longest, wherever; and one that is over does not."""
    pip, apt = (SimpleNamespace(get_name=lambda name=name: name) for name in ("pip", "apt"))
    plugin.v2_runner_on_start(SimpleNamespace(name="pi-1"), pip)
    plugin.v2_runner_on_start(SimpleNamespace(name="pi-2"), apt)
    plugin._over.wait(0.2)
    plugin.v2_runner_on_ok(result("pi-2"))
    assert set(plugin.printed) == {"still running after 0 s: pip, on pi-1"}
    plugin.v2_runner_on_ok(result("pi-1"))
    plugin._over.wait(0.1)
    before = len(plugin.printed)
    plugin._over.wait(0.1)
    assert len(plugin.printed) == before


def test_a_fault_of_this_computer_is_not_a_pis(plugin):
    """A task that runs here once stops all; running again for one Pi would not help."""
    task = SimpleNamespace(name="Download MNIST", run_once=True, delegate_to="localhost")
    plugin.v2_runner_on_failed(result("pi-1", task, msg="[Errno 28] No space left on device"))
    plugin.v2_playbook_on_stats(stats({}, "pi-1 pi-2", failures=["pi-1"]))
    assert plugin.printed == [
        "Failed on this computer, before any Pi was changed: Download MNIST: [Errno 28] No space "
        "left on device"
    ]
