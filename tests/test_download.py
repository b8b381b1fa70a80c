"""Fetching MNIST's files, from folders and from a server on this machine."""

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nn.data import download
from nn.data.download import DownloadError, RemoteFile, fetch, verify

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
        (whole[:-9], "not a whole gzip file"),
        (gzip.compress(b"shoes"), "expected 5,002 bytes uncompressed, came 5"),
    ):
        (mirror / "part-2.gz").write_bytes(content)
        with pytest.raises(DownloadError, match=rf"part-2.gz: {complaint}.*make fetch"):
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
    assert [str(partial) in line for line in said] == [True, False, False, False]


def test_what_is_there_is_kept_and_a_damaged_file_is_fetched_again(mirror, target):
    """Verified by content: a file that was cut off is not taken for whole."""
    fetch(target, [str(mirror)])
    (target / "part-3.gz").write_bytes(ZIPPED["part-3.gz"][:-5])
    (mirror / "part-0.gz").unlink()
    said = []
    fetch(target, [str(mirror)], say=said.append)
    assert_fetched(target)
    assert ["already there" in line for line in said] == [True, True, True, False]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (ZIPPED["part-2.gz"][:-10], "not a whole gzip file"),
        (b"<html>Welcome to the hotel's wifi</html>", "not a whole gzip file"),
        (gzip.compress(CONTENT["part-2.gz"][:-1]), "expected 5,002 bytes uncompressed, came 5,001"),
        (gzip.compress(bytes(50_000_000)), "expected 5,002 bytes uncompressed, came more"),
        (gzip.compress(b"\7" * 5002), "expected SHA-256 [0-9a-f]{64}, came [0-9a-f]{64}"),
        (b"", "expected 5,002 bytes uncompressed, came 0|not a whole gzip file"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(mirror, target, content, reason):
    """Nothing stands under the final name, and the files before it stay."""
    bad = mirror / "part-2.gz"
    bad.unlink()
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(DownloadError, match=rf"part-2.gz.*{reason}.*Try again with"):
        fetch(target, [str(mirror)])
    assert sorted(path.name for path in target.iterdir()) == ["part-0.gz", "part-1.gz"]


def test_other_content_under_mnists_names_is_not_replaced(mirror, target):
    """Fashion-MNIST's files have the same names: only --force replaces them."""
    target.mkdir()
    other = gzip.compress(b"shoes and shirts")
    (target / "part-1.gz").write_bytes(other)
    with pytest.raises(DownloadError, match=r"part-1.gz is there and is not MNIST's .*--force"):
        fetch(target, [str(mirror)])
    assert (target / "part-1.gz").read_bytes() == other
    fetch(target, [str(mirror)], force=True)
    assert_fetched(target)


@pytest.fixture
def serve():
    """Start servers on loopback that answer as they are told; return their addresses."""
    servers = []

    def start(answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self, self.path.rpartition("/")[2])

            def log_message(self, *_arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/mnist/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def send(handler, content, status=200, length=None):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


def test_over_http(serve, target):
    """The ordinary case."""
    fetch(target, [serve(lambda handler, name: send(handler, ZIPPED[name]))])
    assert_fetched(target)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda handler, name: send(handler, b"gone", status=404), "404"),
        (
            lambda handler, name: send(handler, ZIPPED[name][:20], length=90),
            "the connection broke off",
        ),
        (lambda handler, name: send(handler, b"<html>log in first"), "not a whole gzip file"),
    ],
)
def test_a_broken_server_is_passed_over(serve, target, answer, reason):
    """The next mirror gives the file; alone, the broken one is told by its reason."""
    bad, good = serve(answer), serve(lambda handler, name: send(handler, ZIPPED[name]))
    fetch(target, [bad, good])
    assert_fetched(target)
    with pytest.raises(DownloadError, match=reason):
        fetch(target.with_name("other"), [bad])


def test_nobody_there(target):
    """A refused connection is one line, however long requests' own story is."""
    with pytest.raises(DownloadError, match=r"could not fetch part-0.gz .http://127.0.0.1:9/") as e:
        fetch(target, ["http://127.0.0.1:9/"])
    assert "\n" not in str(e.value)
