"""The Pis of an inventory, as the real Ansible reads it; needs no machine."""

import pytest

from scripts.classroom.records import write_inventory
from scripts.classroom.roster import Classroom, Pupil
from scripts.pis import find_pis
from scripts.sdcard.settings import Settings

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


def test_the_inventory_is_read_as_ansible_does(tmp_path):
    """In the order of names; a pupil's name is a text, whatever is in it."""
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    here, away = find_pis(str(tmp_path / "hosts.yml"), "all", [])
    assert (here.name, here.address) == ("pi-1", None)
    assert (away.name, away.address) == ("pi-2", "ada@pi-2.local")
    assert away.options[-2:] == ["-o", "Port=2222"]
    assert away.pupil == "{{ lookup('pipe', 'id') }} Ada"
    assert find_pis(str(tmp_path / "hosts.yml"), "pi-2", []) == [away]


def test_a_name_that_is_a_path_is_refused(tmp_path):
    """A folder would get it as its name."""
    (tmp_path / "hosts.yml").write_text("pis:\n  hosts:\n    ../../pi-1:\n")
    with pytest.raises(SystemExit, match=r"expected names of Pis such as pi-1, got '../../pi-1'"):
        find_pis(str(tmp_path / "hosts.yml"), "all", [])


@pytest.mark.parametrize("name", ["01", "No", "12:30", "3.10", "{{ x }}", 'a "b" \\ c', "Zoë"])
def test_a_name_of_a_class_stays_a_text(tmp_path, name):
    """Though YAML has numbers, times and truth; a password that is gone concerns nobody else."""
    shared = Settings("", "ada", "", ssh_keys=())
    pupils = (Pupil(name, "pi-01", "ada"), Pupil("b", "pi-02", "ada"))
    classroom = Classroom(pupils, shared, True, ())
    write_inventory(tmp_path / "hosts.yml", classroom, tmp_path / "secrets", force=False)
    first, second = find_pis(str(tmp_path / "hosts.yml"), "all", [])
    assert (first.pupil, second.pupil) == (name, "b")
