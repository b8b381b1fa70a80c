"""R, Forth and C on machines where gcc is already: `make test-provision ALL=1`.

Each test goes on where the one before it ended. tests/provision/test_site.py installs all three on
a machine that has none of them.
"""

import os

import pytest

from tests.machines.machine import ASKED_FOR, Machine
from tests.provision.playbooks import Playbooks, controller_variables

pytestmark = pytest.mark.skipif(
    not os.environ.get("PROVISION_ALL"), reason="asked for with ALL=1: each takes four minutes"
)
ALL = ["r", "forth", "c"]
PROGRAMS = {"r": "network.R", "forth": "network.fs", "c": "network.c"}
# apt keeps what libc6 recommends; images of Raspberry Pi OS have it from the start.
RECOMMENDED_BY_LIBC = {"libidn2-0", "libunistring5"}
MISSING = "pi-7 runs trixie, which has no package of forth: it is neither installed nor verified"
TAGS = ("--tags", "base,languages")


@pytest.fixture(scope="module", params=ASKED_FOR)
def machine(request):
    """A machine whose owner has installed gcc."""
    with Machine(request.param, "pi-7", memory_mb=430) as machine:
        machine.run(
            "apt-get update -qq && DEBIAN_FRONTEND=noninteractive "
            "apt-get install -y -qq --no-install-recommends gcc libc6-dev",
            user="root",
            timeout=600,
        )
        yield machine


@pytest.fixture(scope="module")
def before(machine):
    """The packages before the kit."""
    return installed(machine)


@pytest.fixture(scope="module")
def playbooks(machine, before, tmp_path_factory):
    """The playbooks for that machine, set up without any language."""
    folder = tmp_path_factory.mktemp("controller")
    playbooks = Playbooks(machine, folder, controller_variables(folder))
    playbooks.succeed("site")
    return playbooks


def installed(machine) -> set[str]:
    packages = machine.snapshot().packages.items()
    return {name.split(":")[0] for name, state in packages if state.startswith("installed")}


def cost_in(play) -> bool:
    """Return whether a run has announced what it will install."""
    return "says apt: Need to get" in play.words


def test_nothing_chosen_is_nothing_done(playbooks):
    """Not even a question to apt; and verifying claims nothing about a language."""
    site, verify = playbooks.succeed("site", *TAGS), playbooks.succeed("verify")
    assert site.changed == 0
    assert "TASK [languages : Ask apt what the languages cost]" not in site.output
    assert "network.R" not in verify.output
    assert "'usage:'" not in verify.output


def test_check_mode_changes_nothing(machine, playbooks):
    """And says what the languages would cost."""
    before = machine.snapshot()
    play = playbooks.succeed("site", *TAGS, "--check", languages_install=ALL)
    assert before.differences(machine.snapshot()) == []
    assert cost_in(play)
    assert play.changed == 1


def test_too_little_space(machine, playbooks):
    """Told before anything is installed."""
    before = machine.snapshot()
    play = playbooks.run("site", *TAGS, languages_install=["r"], languages_free_mb=900_000_000)
    assert play.code != 0
    assert "MB free: expected 900000000 for r. Remove files you do not need" in play.words
    assert before.differences(machine.snapshot()) == []


def test_what_is_there_costs_nothing(playbooks):
    """C on a machine with gcc: nothing is announced, nothing is installed, and it works."""
    play = playbooks.succeed("site", *TAGS, languages_install=["c"])
    assert play.changed == 0
    assert not cost_in(play)
    playbooks.succeed("verify", languages_install=["c"])


def test_a_language_that_is_not_there_is_noticed(playbooks):
    """Verify names it, and what installs it."""
    play = playbooks.run("verify", languages_install=["c", "r"])
    assert play.code != 0
    assert "r does not work on pi-7: expected a line that begins with 'usage:'" in play.words
    assert "'make provision TAGS=base,kit,languages' installs the language and" in play.words
    assert "c does not work" not in play.words


def test_all_of_them_work(machine, playbooks):
    """Verifying changes no file on the machine, and a second run changes nothing."""
    assert cost_in(playbooks.succeed("site", *TAGS, languages_install=ALL))
    before = machine.snapshot()
    temporary = "ls -A /tmp | grep -v ^systemd-private | sort"
    left_before = machine.run(temporary, user="root").stdout
    assert playbooks.succeed("verify", languages_install=ALL).changed == 0
    assert before.differences(machine.snapshot()) == []
    assert machine.run(temporary, user="root").stdout == left_before
    again = playbooks.succeed("site", *TAGS, languages_install=ALL)
    assert again.changed == 0
    assert not cost_in(again)


def test_a_release_without_gforth(machine, playbooks):
    """Told when it is installed and when it is verified, and only where it is so."""
    candidate = machine.run("apt-cache policy gforth").stdout
    assert ("Candidate" in candidate) == (machine.release != "trixie")
    for play in (
        playbooks.succeed("site", *TAGS, languages_install=ALL),
        playbooks.succeed("verify", languages_install=ALL),
    ):
        assert (MISSING in play.words) == (machine.release == "trixie")


def test_a_program_that_does_not_run_is_noticed(machine, playbooks):
    """An empty file in its place: the language is there, but nothing is printed."""
    languages = [name for name in ALL if name != "forth" or machine.release != "trixie"]
    for language in languages:
        path = f"pi-nn/nn/lessons/languages/{PROGRAMS[language]}"
        machine.run(f"mv {path} kept && touch {path}")
        play = playbooks.run("verify", languages_install=ALL)
        machine.run(f"mv kept {path}")
        assert play.code != 0
        assert f"{language} does not work on pi-7: expected a line that begins" in play.words


def test_a_language_that_is_no_longer_chosen_stays(machine, playbooks):
    """Its owner may use it: only uninstalling removes it."""
    before = installed(machine)
    assert playbooks.succeed("site", *TAGS, languages_install=["c"]).changed == 0
    assert installed(machine) == before


def test_uninstalling_removes_what_the_kit_installed(machine, before, playbooks):
    """Also a language that is no longer chosen; the owner's gcc stays, and works."""
    playbooks.succeed("uninstall")
    assert before <= installed(machine) <= before | RECOMMENDED_BY_LIBC
    machine.run("echo 'int main(void) { return 0; }' > t.c && gcc t.c -o t && ./t && rm t t.c")
