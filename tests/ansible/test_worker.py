"""What role `worker` brings: keys of one authority, and a program that waits for a sweep."""

import datetime
import importlib.util
import json
import socket
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.conftest import PROJECT

FILES = PROJECT / "ansible" / "roles" / "worker" / "files"


def make_keys(folder, pi="pi-1", computer="192.0.2.7", port="8786"):
    command = [sys.executable, FILES / "make_keys.py", folder, computer, port, pi]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def keys(tmp_path):
    """Keys for two Pis."""
    for pi in ("pi-1", "pi-2"):
        assert make_keys(tmp_path / "keys", pi).stdout == "changed\n"
    return tmp_path / "keys"


def test_each_certificate_is_of_the_authority(keys):
    """And belongs to the key beside it; only the authority may sign."""
    authority = x509.load_pem_x509_certificate((keys / "authority.pem").read_bytes())
    for name in ("computer", "pi-1", "pi-2"):
        text = (keys / f"{name}.pem").read_bytes()
        certificate = x509.load_pem_x509_certificate(text)
        certificate.verify_directly_issued_by(authority)
        assert load_pem_private_key(text, None).public_key() == certificate.public_key()
        assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_certificates_hold_on_a_pi_without_a_clock(keys):
    """Systemd begins at its own date of release, years ago."""
    for path in keys.glob("*.pem"):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        assert certificate.not_valid_before_utc.year == 2000
        years_on = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=20 * 365)
        assert certificate.not_valid_after_utc > years_on


def test_keys_are_their_owners_alone(keys):
    """The folder as well."""
    assert keys.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}


def test_what_is_there_stays(keys):
    """A second run changes nothing; another address changes the address alone."""
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert make_keys(keys).stdout == "unchanged\n"
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == before
    assert make_keys(keys, computer="192.0.2.8").stdout == "changed\n"
    after = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert json.loads(after.pop("address.json")) == {"computer": "192.0.2.8", "port": 8786}
    assert after.items() <= before.items()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pi": "computer"}, "expected a Pi's name other than computer and authority"),
        ({"pi": "Authority"}, "expected a Pi's name other than computer and authority"),
        ({"port": "0"}, "worker_computer_port: expected a port from 1 to 65535, got 0"),
        ({"port": "65536"}, "worker_computer_port: expected a port from 1 to 65535, got 65536"),
        ({"port": "-1"}, "worker_computer_port: expected a port from 1 to 65535, got -1"),
        ({"port": "http"}, "worker_computer_port: expected a port from 1 to 65535, got http"),
    ],
)
def test_odd_settings_are_refused(changes, message, tmp_path):
    """Before anything is made."""
    done = make_keys(tmp_path / "keys", **changes)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("lost", ["authority.pem", "authority.key"])
def test_half_an_authority_is_not_replaced(lost, keys):
    """All Pis would be locked out without a word."""
    (keys / lost).unlink()
    done = make_keys(keys, "pi-3")
    assert done.returncode != 0
    assert done.stderr.startswith(f"expected {keys / lost} beside the other half")
    assert not (keys / "pi-3.pem").exists()


@pytest.fixture
def start_worker():
    """The program, as a module."""
    spec = importlib.util.spec_from_file_location("start_worker", FILES / "start_worker.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_worker_listens_where_it_reaches_the_computer(start_worker, monkeypatch):
    """It waits until a sweep answers, then becomes Dask's worker, with TLS and one address."""
    server = socket.create_server(("127.0.0.1", 0))
    port, looks, became = server.getsockname()[1], [], []

    def sleep(seconds):
        looks.append(seconds)
        monkeypatch.setattr(start_worker, "look", look)

    look = start_worker.look
    monkeypatch.setattr(start_worker, "look", lambda *_: None)
    monkeypatch.setattr(start_worker.time, "sleep", sleep)
    monkeypatch.setattr(start_worker.os, "execv", lambda _, command: became.append(command))
    with server:
        start_worker.main("127.0.0.1", str(port), "--nthreads", "1")
    assert looks == [15]
    (command,) = became
    assert f"tls://127.0.0.1:{port}" in command
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[-2:] == ["--nthreads", "1"]


def test_without_a_sweep_nothing_is_found(start_worker):
    """Neither where nothing listens, nor at a name that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert start_worker.look("127.0.0.1", port) is None
    assert start_worker.look("nobody.invalid", port) is None
