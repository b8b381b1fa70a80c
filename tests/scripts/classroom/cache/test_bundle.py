"""`make bundle` on an archive of four packages."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from scripts.classroom.cache import bundle as bundle_module
from scripts.classroom.cache.archives import read_archives
from scripts.classroom.cache.store import StoreError
from tests.conftest import PROJECT


@pytest.fixture
def bundle(upstream, tmp_path, monkeypatch):
    """A function that runs the command, without wheels; MNIST is there."""
    upstream.archive.suites.append("{release}-updates")
    updates = upstream.folder / "debian/dists/bookworm-updates"
    updates.mkdir()
    head = "-----BEGIN PGP SIGNED MESSAGE-----\n\nSuite: bookworm-updates\nSHA256:\n"
    (updates / "InRelease").write_text(head)
    monkeypatch.setattr(bundle_module, "read_archives", lambda: {"debian": [upstream.archive]})
    monkeypatch.setattr(bundle_module, "wanted_packages", lambda release: {"alpha", "gforth"})
    monkeypatch.setattr(bundle_module, "requirements", lambda release: [])
    wheels = SimpleNamespace(missing=lambda release: [], bring=lambda release: [], from_internet=0)
    monkeypatch.setattr(bundle_module, "Wheels", lambda folder: wheels)
    fetched = SimpleNamespace(returncode=0)
    monkeypatch.setattr(bundle_module.subprocess, "run", lambda *args, **options: fetched)

    def run(*flags: str) -> int:
        words = ["--arch", "amd64", "--releases", "bookworm", "--folder", str(tmp_path / "cache")]
        monkeypatch.setattr(sys, "argv", ["bundle", *words, *flags])
        return bundle_module.main()

    return run


def manifest(tmp_path) -> dict:
    return json.loads((tmp_path / "cache/bundles/bookworm-amd64.json").read_text())


def test_a_dry_run_says_how_much_there_is(bundle, upstream, tmp_path, capsys):
    """And what the release lacks. It needs the lists, and downloads no package."""
    assert bundle("--dry-run") == 0
    told = capsys.readouterr().out
    assert "bookworm amd64: 4 packages, 0.0 MB; to download: 0.0 MB" in told
    assert "bookworm amd64: not in this release: gforth" in told
    assert not [path for path in upstream.asked if path.endswith(".deb")]
    assert not (tmp_path / "cache/bundles").exists()


def test_all_is_downloaded_once(bundle, upstream, tmp_path, capsys):
    """With a manifest that says so; a second run asks for nothing but new lists."""
    assert bundle() == 0
    assert "Ready for OFFLINE=1" in capsys.readouterr().out
    assert manifest(tmp_path)["complete"]
    packages = [url for url in upstream.asked if url.endswith(".deb")]
    assert len(packages) == len(manifest(tmp_path)["files"]) == 4
    sent = upstream.sent
    assert bundle() == 0
    assert upstream.sent == sent


def test_an_interrupted_bundle_is_known_as_half_and_resumes(bundle, upstream, tmp_path, capsys):
    """What was downloaded stays."""
    lost = upstream.folder / "debian/pool/epsilon_2+x.deb"
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(StoreError, match="404 File not found"):
        bundle()
    assert not manifest(tmp_path)["complete"]
    lost.write_bytes(content)
    assert bundle() == 0
    assert manifest(tmp_path)["complete"]
    asked = {path: times for path, times in upstream.asked.items() if path.endswith(".deb")}
    assert asked.pop("pool/epsilon_2+x.deb") == 2
    assert list(asked.values()) == [1, 1, 1]


def test_a_wrong_signature_is_refused(upstream, store, tmp_path, monkeypatch):
    """By gpgv, where it and the archive's key are here."""
    keyring = tmp_path / "keyring.gpg"
    path = store.get(upstream.url("dists/bookworm/InRelease"))
    bundle_module.check_signature(path, keyring)  # no key here: the Pi's apt checks it
    keyring.touch()
    (tmp_path / "bin").mkdir()
    gpgv = tmp_path / "bin/gpgv"
    monkeypatch.setenv("PATH", f"{gpgv.parent}:/usr/bin:/bin")
    gpgv.write_text("#!/bin/sh\nexit 0\n")
    gpgv.chmod(0o755)
    bundle_module.check_signature(path, keyring)
    gpgv.write_text("#!/bin/sh\necho BAD signature >&2; exit 1\n")
    with pytest.raises(StoreError, match=r"expected a signature of .*, got BAD signature"):
        bundle_module.check_signature(path, keyring)
    assert not path.exists()


def test_an_unknown_release_is_named():
    """Before anything is downloaded, without a traceback."""
    command = [sys.executable, "-m", "scripts.classroom.cache.bundle", "--releases", "buster"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: RELEASES: expected some of bookworm, trixie, got 'buster'\n"


def test_no_release_is_no_bundle():
    """Not success: nothing would be here for the lesson."""
    command = [sys.executable, "-m", "scripts.classroom.cache.bundle", "--releases", " "]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: RELEASES: expected some of bookworm, trixie, got none\n"


def test_every_architecture_has_its_lists():
    """In ansible/archives.yml."""
    systems = read_archives()
    for architecture, system in bundle_module.ARCHITECTURES.items():
        assert [each for each in systems[system] if architecture in each.lists]
