"""What is said when pip cannot download wheels."""

import subprocess
from types import SimpleNamespace

import pytest

from scripts.classroom.cache.store import StoreError
from scripts.classroom.cache.wheels import Wheels


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("[Errno 28] No space left on device", "this computer's disk is full: make space, or move"),
        ("No matching distribution", "pip could not download wheels: ERROR: No matching"),
    ],
)
def test_the_reason_is_named(tmp_path, monkeypatch, reason, told):
    """A full disk is this computer's, not the Pi's."""
    done = SimpleNamespace(returncode=1, stderr=f"ERROR: {reason}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_words, **_options: done)
    with pytest.raises(StoreError, match=told):
        Wheels(tmp_path / "wheels").bring("bookworm")
