"""What the name of a Pi may be."""

import pytest

from scripts.pis import is_plain

NOT_PLAIN = ["..", ".", "", "a/b", "/etc", "-rf", ".ssh", "a\\b", "a b", "a\n", "a;b", "$x"]


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_names_that_are_not_plain(name):
    """Nothing that leads out of a folder, hides in one, or is more than a name."""
    assert not is_plain(name)


@pytest.mark.parametrize("name", ["pi-1", "pi-01.local", "zoë", "10.0.0.7", "a_b"])
def test_plain_names(name):
    """What Pis are called."""
    assert is_plain(name)
