"""The Pis of an inventory, as Ansible itself reads it; needs no machine."""

import importlib.util

import pytest

from scripts.pis import find_pis, is_plain

needs_ansible = pytest.mark.skipif(
    importlib.util.find_spec("ansible.executor") is None, reason="Ansible is not installed"
)
INVENTORY = """
pis:
  hosts:
    pi-2:
      pupil: !unsafe "{{ lookup('pipe', 'id') }} Ada"
      ansible_port: 2222
    pi-1: {ansible_connection: local}
  vars:
    ansible_host: "{{ inventory_hostname }}.local"
    ansible_user: ada
"""
NOT_PLAIN = ["..", ".", "", "a/b", "/etc", "-rf", ".ssh", "a\\b", "a b", "a\n", "a;b", "$x"]


@needs_ansible
def test_the_inventory_is_read_as_ansible_does(tmp_path):
    """In the order of names; a pupil's name is a text, whatever is in it."""
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    here, away = find_pis(str(tmp_path / "hosts.yml"), "all", [])
    assert (here.name, here.address) == ("pi-1", None)
    assert (away.name, away.address) == ("pi-2", "ada@pi-2.local")
    assert away.options[-2:] == ["-o", "Port=2222"]
    assert away.pupil == "{{ lookup('pipe', 'id') }} Ada"
    assert find_pis(str(tmp_path / "hosts.yml"), "pi-2", []) == [away]


@needs_ansible
def test_a_name_that_is_a_path_is_refused(tmp_path):
    """A folder would get it as its name."""
    (tmp_path / "hosts.yml").write_text("pis:\n  hosts:\n    ../../pi-1:\n")
    with pytest.raises(SystemExit, match=r"expected names of Pis such as pi-1, got '../../pi-1'"):
        find_pis(str(tmp_path / "hosts.yml"), "all", [])


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_names_that_are_not_plain(name):
    """Nothing that leads out of a folder, hides in one, or is more than a name."""
    assert not is_plain(name)


@pytest.mark.parametrize("name", ["pi-1", "pi-01.local", "zoë", "10.0.0.7", "a_b"])
def test_plain_names(name):
    """What Pis are called."""
    assert is_plain(name)
