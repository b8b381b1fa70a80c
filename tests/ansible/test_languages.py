"""The role `languages`, as files: what it may be asked for, and where the kit's programs are."""

import re

import yaml

from tests.conftest import PROJECT

ROLE = PROJECT / "ansible" / "roles" / "languages"


def load(path: str) -> dict:
    return yaml.safe_load((ROLE / path).read_text())


def test_what_may_be_chosen_is_what_can_be_installed():
    """The choices that are described are the languages the role knows."""
    options = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert options["languages_install"]["choices"] == [*load("vars/main.yml")["languages_known"]]


def test_nothing_is_chosen_by_default():
    """Languages cost space on a card: none is installed unasked."""
    assert load("defaults/main.yml")["languages_install"] == []


def test_the_example_turns_all_of_them_on():
    """The commented line of the example inventory is right when the # is removed."""
    example = (PROJECT / "ansible/inventory/example.yml").read_text()
    (line,) = re.findall(r"^ +# (languages_install: .*)$", example, re.M)
    setting = yaml.safe_load(line)
    assert setting == {"languages_install": [*load("vars/main.yml")["languages_known"]]}


def test_each_program_that_is_run_is_in_the_kit():
    """Verifying runs files of nn/lessons/languages."""
    folder = load("defaults/main.yml")["languages_programs"].rpartition("/nn/")[2]
    programs = re.findall(r"{{ languages_programs }}/(\S+)\"", (ROLE / "vars/main.yml").read_text())
    assert len(programs) == len(load("vars/main.yml")["languages_known"])
    missing = [name for name in programs if not (PROJECT / "nn" / folder / name).is_file()]
    assert missing == []
