"""Machines to provision. They need root and minutes, so they are asked for: PROVISION=1."""

import os
import signal

import pytest

collect_ignore_glob = [] if os.environ.get("PROVISION") == "1" else ["*"]


@pytest.fixture(scope="session", autouse=True)
def _stop_machines_when_terminated():
    """Treat SIGTERM, as of a CI that ends a job, like Ctrl-C: fixtures close their machines."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)
