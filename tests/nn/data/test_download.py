"""Fetching MNIST's files, from folders and from a server on this machine."""

import gzip
import hashlib
import threading
from pathlib import Path

import pytest

from nn.data import download
from nn.data.download import DownloadError, RemoteFile, fetch, verify
from nn.saving.atomic import AtomicFile
from tests.nn.data.hostile_server import Server

CONTENT = {f"part-{number}.gz": bytes([number]) * (5000 + number) for number in range(4)}
ZIPPED = {name: gzip.compress(content) for name, content in CONTENT.items()}


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """Four small files in the place of MNIST's."""
    files = tuple(
        RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in CONTENT.items()
    )
    monkeypatch.setattr(download, "FILES", files)


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, content in ZIPPED.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target"


def assert_fetched(target):
    assert {path.name: path.read_bytes() for path in target.iterdir()} == ZIPPED
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in target.iterdir())  # for all users


@pytest.mark.parametrize(
    "form", [str, lambda folder: folder.as_uri(), lambda f: f"{f}/", lambda f: f"file:{f}"]
)
def test_a_folder_or_file_address_is_a_mirror(mirror, target, form):
    """For a classroom without internet."""
    fetch(target, [form(mirror)])
    assert_fetched(target)


def test_verify_finds_what_is_not_whole(mirror):
    """Silent on the whole four; missing, cut off and other files are named."""
    verify(mirror)
    whole = (mirror / "part-2.gz").read_bytes()
    for content, complaint in (
        (whole[:-9], "not a complete gzip file"),
        (gzip.compress(b"shoes"), "expected 5,002 bytes uncompressed, got 5"),
    ):
        (mirror / "part-2.gz").write_bytes(content)
        with pytest.raises(DownloadError, match=rf"part-2.gz: {complaint}.*pi-nn data fetch"):
            verify(mirror)
    (mirror / "part-2.gz").unlink()
    with pytest.raises(DownloadError, match=r"part-2.gz: no such file"):
        verify(mirror)


def test_the_next_mirror_is_tried_file_by_file(tmp_path, mirror, target):
    """A mirror that lacks a file, or has another, does not keep it from being fetched."""
    partial = tmp_path / "partial"
    partial.mkdir()
    (partial / "part-0.gz").write_bytes(ZIPPED["part-0.gz"])
    (partial / "part-1.gz").write_bytes(ZIPPED["part-2.gz"])
    said = []
    fetch(target, [str(partial), str(mirror)], say=said.append)
    assert_fetched(target)
    fetched = [line for line in said if "fetched from" in line]
    assert [str(partial) in line for line in fetched] == [True, False, False, False]
    passed_over = [line for line in said if line.endswith("Trying the next mirror")]
    assert len(passed_over) == 3
    assert all(str(partial) in line for line in passed_over)


def test_what_is_there_is_kept_and_a_damaged_file_is_fetched_again(mirror, target):
    """Verified by content: a file that was cut off is not taken for whole."""
    fetch(target, [str(mirror)])
    (target / "part-3.gz").write_bytes(ZIPPED["part-3.gz"][:-5])
    (mirror / "part-0.gz").unlink()
    said = []
    fetch(target, [str(mirror)], say=said.append)
    assert_fetched(target)
    assert ["already there" in line for line in said] == [True, True, True, False]


def test_what_a_fetch_left_that_was_killed_as_it_ended_is_removed(mirror, target):
    """The file had its final name already: nobody will go on with this one."""
    fetch(target, [str(mirror)])
    (target / ".part-1.gz.partial").write_bytes(ZIPPED["part-1.gz"])
    fetch(target, [str(mirror)])
    assert_fetched(target)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (ZIPPED["part-2.gz"][:-10], "not a complete gzip file"),
        (b"<html>Welcome to the hotel's wifi</html>", "not a complete gzip file"),
        (gzip.compress(CONTENT["part-2.gz"][:-1]), "expected 5,002 bytes uncompressed, got 5,001"),
        (gzip.compress(bytes(50_000_000)), "expected 5,002 bytes uncompressed, got more"),
        (gzip.compress(b"\7" * 5002), "expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}"),
        (b"", "expected 5,002 bytes uncompressed, got 0|not a complete gzip file"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(mirror, target, content, reason):
    """Nothing stands under the final name, and the files before it stay."""
    bad = mirror / "part-2.gz"
    bad.unlink()
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(DownloadError, match=rf"part-2.gz.*{reason}.*Try again, or"):
        fetch(target, [str(mirror)])
    assert sorted(path.name for path in target.iterdir()) == ["part-0.gz", "part-1.gz"]


def test_other_content_under_mnists_names_is_not_replaced(mirror, target):
    """Fashion-MNIST's files have the same names: only --force replaces them."""
    target.mkdir()
    other = gzip.compress(b"shoes and shirts")
    (target / "part-1.gz").write_bytes(other)
    with pytest.raises(DownloadError, match=r"part-1.gz exists and is not MNIST's .*--force"):
        fetch(target, [str(mirror)])
    assert (target / "part-1.gz").read_bytes() == other
    fetch(target, [str(mirror)], force=True)
    assert_fetched(target)


@pytest.mark.parametrize("over_http", [True, False])
def test_a_full_disk_is_told_and_leaves_nothing(mirror, target, over_http, monkeypatch):
    """No mirror is blamed for it, wherever the file comes from."""
    target.mkdir()
    server = Server(ZIPPED["part-0.gz"], lambda request: request.give())
    (target / ".part-0.gz.partial").symlink_to("/dev/full")
    if not over_http:
        monkeypatch.setattr(AtomicFile, "commit", lambda self: Path("/dev/full").write_text("full"))
    address = server.address if over_http else str(mirror)
    with pytest.raises(OSError, match=r"No space left on device: '.*part-0.gz'"):
        fetch(target, [address, address])
    server.close()
    assert list(target.iterdir()) == []


def test_two_at_once_share_the_work(mirror, target):
    """The second waits for the first, file by file, and finds what that has fetched."""
    threads = [threading.Thread(target=fetch, args=(target, [str(mirror)])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert_fetched(target)


def test_nobody_there(target):
    """A refused connection is one line, however long requests' own story is."""
    with pytest.raises(
        DownloadError, match=r"part-0.gz .http://127.0.0.1:9/part.*cannot conn"
    ) as e:
        fetch(target, ["http://127.0.0.1:9/"])
    assert "\n" not in str(e.value)
    assert list(target.iterdir()) == []
