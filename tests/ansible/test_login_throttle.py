"""How Jupyter on a Pi checks passwords."""

import importlib
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests

from tests.conftest import PROJECT

ROLE = PROJECT / "ansible/roles/jupyter/files"
# A server as on a Pi, but for a check of the password that takes until a file is there.
CONFIG = """
import time
import sys
from pathlib import Path
sys.path.append({role!r})
from jupyter_server.auth.identity import PasswordIdentityProvider
from login_throttle import ThrottledLoginHandler

class SlowProvider(PasswordIdentityProvider):
    def passwd_check(self, password):
        Path("checking").touch()
        while not Path("go on").exists():
            time.sleep(0.01)
        return password == "right"

c = get_config()
c.ServerApp.identity_provider_class = SlowProvider
c.ServerApp.port = {port}
c.ServerApp.root_dir = "."
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = "kept elsewhere"
c.PasswordIdentityProvider.login_handler_class = ThrottledLoginHandler
"""


@pytest.fixture(scope="module")
def login_throttle():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROLE)
        yield importlib.import_module("login_throttle")


@pytest.fixture
def clock():
    """A clock that a test sets."""
    return SimpleNamespace(seconds=1000.0)


@pytest.fixture
def throttle(login_throttle, clock):
    return login_throttle.Throttle(lambda: clock.seconds)


def test_after_five_guesses_each_waits_twice_as_long_up_to_a_minute(throttle, clock):
    """And a guess that came too early would make no difference: it is not counted."""
    waits = []
    for _ in range(14):
        waits.append(throttle.seconds_to_wait("10.0.0.1"))
        clock.seconds += waits[-1]
        assert throttle.seconds_to_wait("10.0.0.1") == 0
        throttle.guessed("10.0.0.1")
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_source_waits_for_its_own_guesses_alone(throttle, clock):
    """The owner at another address does not; an hour later it is forgotten."""
    for _ in range(20):
        throttle.guessed("10.0.0.1")
    assert throttle.seconds_to_wait("10.0.0.1") == 60
    assert throttle.seconds_to_wait("10.0.0.2") == 0
    clock.seconds += 3601
    for _ in range(4):
        throttle.guessed("10.0.0.1")
    assert throttle.seconds_to_wait("10.0.0.1") > 0  # counted on: it was not asked in between
    clock.seconds += 3601
    assert throttle.seconds_to_wait("10.0.0.1") == 0
    throttle.guessed("10.0.0.1")
    assert throttle.seconds_to_wait("10.0.0.1") == 0


def test_the_right_password_ends_the_delay(throttle):
    """As for an owner who shares an address with a stranger."""
    for _ in range(20):
        throttle.guessed("10.0.0.1")
    throttle.forget("10.0.0.1")
    assert throttle.seconds_to_wait("10.0.0.1") == 0


def test_many_sources_take_no_more_memory(throttle, login_throttle):
    """The one that guessed least recently is forgotten."""
    for number in range(login_throttle.MAX_SOURCES + 50):
        for _ in range(5):
            throttle.guessed(str(number))
    assert throttle.seconds_to_wait("49") == 0
    assert throttle.seconds_to_wait("50") == 1


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1:2%eth0", "fe80::/64"),
        ("2001:db8:0:1:aaaa::9", "2001:db8:0:1::/64"),
        ("", ""),
    ],
)
def test_one_machine_is_one_source(login_throttle, address, source):
    """It may have all addresses of its IPv6 network."""
    assert login_throttle.source_of(address) == source


@pytest.fixture
def server(tmp_path):
    """The address of a real server in an empty folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "config.py"
    config.write_text(CONFIG.format(role=str(ROLE), port=port))
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root"]
    own = {"JUPYTER_NO_CONFIG": "1", "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--config={config}"],
            cwd=tmp_path,
            env={**os.environ, **own},
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, (tmp_path / "log").read_text()
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def guess(url, word):
    with requests.Session() as session:
        session.get(f"{url}/login", timeout=30)
        form = {"password": word, "_xsrf": session.cookies["_xsrf"]}
        answer = session.post(f"{url}/login", data=form, allow_redirects=False, timeout=30)
        return answer.status_code, session.get(f"{url}/api/contents", timeout=30).status_code


def test_the_server_answers_while_a_password_is_checked(server, tmp_path):
    """The check is held until another page was answered."""
    with ThreadPoolExecutor(1) as thread:
        guessed = thread.submit(guess, server, "right")
        try:
            while not (tmp_path / "checking").exists():
                assert not guessed.done()
                time.sleep(0.05)
            assert requests.get(f"{server}/login", timeout=20).status_code == 200
            assert not guessed.done()
        finally:
            (tmp_path / "go on").touch()
        assert guessed.result(30) == (302, 200)


def test_wrong_passwords_are_refused_then_not_checked(server, tmp_path):
    """Nor is the right one, until the delay is over."""
    (tmp_path / "go on").touch()
    assert [guess(server, "wrong") for _ in range(5)] == [(401, 403)] * 5
    (tmp_path / "checking").unlink()
    statuses = {guess(server, "right") for _ in range(2)}
    if not (tmp_path / "checking").exists():  # on a machine that took less than a second
        assert statuses == {(429, 403)}
    time.sleep(1.1)
    assert guess(server, "right") == (302, 200)
