"""What the server answers to a Pi, over its socket."""

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing

import pytest

from scripts.classroom.cache import server as server_module
from scripts.classroom.cache.server import Server
from scripts.classroom.cache.wheels import requirements
from tests.conftest import PROJECT


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("127.0.0.1:3148", timeout=30)
        self.path = path

    def connect(self):
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def ask(server: Server, path: str, body: dict | None = None) -> tuple[int, bytes]:
    with closing(Connection(server.server_address)) as connection:
        connection.request("POST" if body else "GET", path, json.dumps(body) if body else None)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def serve(upstream, tmp_path, monkeypatch):
    """A function that starts a server of the archive."""
    archives = {"debian": [upstream.archive]}
    monkeypatch.setattr(server_module, "read_archives", lambda: archives)
    servers = []

    def start(offline: bool = False) -> Server:
        server = Server(tmp_path / f"s{len(servers)}", tmp_path / "cache", offline)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_file_comes_through_and_is_counted(serve, upstream):
    """Twice for the Pis, once from the internet."""
    server = serve()
    url = upstream.url("pool/alpha_2%2bx.deb")
    content = (upstream.folder / "debian/pool/alpha_2+x.deb").read_bytes()
    assert [ask(server, url), ask(server, url)] == [(200, content)] * 2
    totals = server.totals()
    assert (totals["from_internet"], totals["to_pis"]) == (len(content), 2 * len(content))


def test_one_connection_asks_for_several_files(serve, upstream):
    """As apt does, errors between them included."""
    server = serve()
    statuses = []
    names = ("pool/alpha_2%2bx.deb", "pool/none.deb", "pool/beta_2%2bx.deb", "/../etc/passwd")
    with closing(Connection(server.server_address)) as connection:
        for name in names:
            connection.request("GET", upstream.url(name))
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
    assert statuses == [200, 404, 200, 403]


def test_a_pi_learns_whether_there_is_internet(serve):
    """Before anything is changed; an unknown release is no error."""
    for offline in (False, True):
        status, body = ask(serve(offline), "/status?release=none&architecture=amd64")
        assert (status, json.loads(body)) == (200, {"offline": offline, "half": ""})


def test_wheels_are_downloaded_only_for_a_pi_that_needs_them(serve):
    """They begin before its pip asks; a Pi that has the kit causes no download."""
    server, begun = serve(), []
    server.wheels.begin = begun.append
    ask(server, "/status?release=bookworm&architecture=amd64")
    assert begun == []
    ask(server, "/status?release=bookworm&architecture=amd64&wheels=1")
    assert begun == ["bookworm"]


def test_a_pi_learns_what_is_missing(serve, upstream):
    """Of what it asks about, of other archives too, and of its release's wheels."""
    url = upstream.url("pool/alpha_2%2bx.deb")
    ask(serve(), url)
    urls = [url, upstream.url("pool/beta_2%2bx.deb"), "http://elsewhere/x.deb"]
    status, body = ask(serve(offline=True), "/missing", {"urls": urls, "wheels": "bookworm"})
    missing = json.loads(body)
    assert (status, missing[:2]) == (200, ["beta_2+x.deb", "x.deb"])
    assert "notebook==7.1.3" in missing[2:]


def test_a_half_bundle_is_named(serve, upstream, tmp_path):
    """One that was interrupted, and one from which files were removed."""
    ask(serve(), upstream.url("pool/alpha_2%2bx.deb"))
    files = {upstream.url(f"pool/{name}_2+x.deb"): 1 for name in ("alpha", "beta")}
    manifest = {"complete": True, "files": files}
    path = tmp_path / "cache/bundles/bookworm-amd64.json"
    path.parent.mkdir()
    path.write_text(json.dumps(manifest))
    server = serve(offline=True)
    told = json.loads(ask(server, "/status?release=bookworm&architecture=amd64")[1])
    words = "The bundle of bookworm amd64 is not complete: 1 of 2 packages are missing"
    words += " (beta_2+x.deb)"
    assert told["half"] == words
    ask(serve(), upstream.url("pool/beta_2%2bx.deb"))
    told = json.loads(ask(server, "/status?release=bookworm&architecture=amd64")[1])
    assert told["half"] == ""
    path.write_text(json.dumps(manifest | {"complete": False}))
    told = json.loads(ask(server, "/status?release=bookworm&architecture=amd64")[1])
    wheels = len(requirements("bookworm"))
    words = f"is not complete: {wheels} of {wheels} wheels are missing"
    assert re.search(rf"{words} \(\S+==\S+, .*, \.\.\.\)$", told["half"])
    server.wheels.missing = lambda release: []
    told = json.loads(ask(server, "/status?release=bookworm&architecture=amd64")[1])
    assert told["half"] == ""  # interrupted when all was here
    path.write_text(json.dumps({"complete": True, "files": {"http://old/pool/x.deb": 1}}))
    told = json.loads(ask(server, "/status?release=bookworm&architecture=amd64")[1])
    words = "has http://old/pool/x.deb, which is of no archive in ansible/archives.yml"
    assert told["half"] == f"The bundle of bookworm amd64 {words}"
    assert json.loads(ask(server, "/status?release=../../x&architecture=y")[1])["half"] == ""


def speak(server: Server, *lines: bytes) -> bytes:
    """Return the first line of what the server answers to raw lines."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(server.server_address))
        connection.sendall(b"\r\n".join(lines))
        with connection.makefile("rb") as answer:
            return answer.readline().rstrip()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no JSON", 400),
        (b"[" * 100_000, 400),
        (b'{"urls": []}', 400),
        (b'{"urls": 1, "wheels": "bookworm"}', 400),
        (b'{"urls": [1], "wheels": "bookworm"}', 400),
        (b'{"urls": [], "wheels": []}', 400),
        (b'{"urls": [], "wheels": ""}', 200),
    ],
)
def test_a_question_that_is_none_gets_an_answer(serve, capfd, body, status):
    """Its status and a reason, and the terminal stays as it is."""
    length = b"Content-Length: %d" % len(body)
    line = speak(serve(), b"POST /missing HTTP/1.1", length, b"", body)
    assert line.split()[:2] == [b"HTTP/1.1", b"%d" % status]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("length", [b"-1", b"1048577", b"9" * 5000, b"x", b""])
def test_a_question_without_an_end_is_refused(serve, capfd, length):
    """At once, and before it is read."""
    line = speak(serve(), b"POST /missing HTTP/1.1", b"Content-Length: " + length, b"", b"")
    assert line.startswith(b"HTTP/1.1 413 expected a Content-Length of at most 1048576, got ")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("path", "status"),
    [("pool/%00", 403), (f"pool/{'x' * 300}/y", 500), ("pool/%E2%82%AC.deb", 404)],
)
def test_an_address_that_no_disk_takes_gets_an_answer(serve, upstream, capfd, path, status):
    """One with a NUL, one that is too long, one that HTTP cannot repeat."""
    assert ask(serve(), upstream.url(path))[0] == status
    assert capfd.readouterr() == ("", "")


def test_any_failure_gets_an_answer_in_ascii(serve, upstream, monkeypatch, capfd):
    """Also one that nobody thought of; one within a file ends the connection instead."""
    server = serve()

    def fail(*_arguments):
        raise LookupError("5 € are\nmissing")

    monkeypatch.setattr(server.store, "get", fail)
    line = speak(server, f"GET {upstream.url('pool/x.deb')} HTTP/1.1".encode(), b"", b"")
    assert line == rb"HTTP/1.1 500 LookupError: 5 \u20ac are missing"
    monkeypatch.undo()
    monkeypatch.setattr(server, "count", fail)
    with pytest.raises(http.client.IncompleteRead, match="0 bytes read"):
        ask(server, upstream.url("pool/alpha_2%2bx.deb"))
    assert capfd.readouterr() == ("", "")


def test_a_pi_that_hangs_up_leaves_the_terminal_alone(serve, capfd):
    """Within a request, as when it is switched off."""
    server, ended = serve(), threading.Event()
    after = server.shutdown_request
    server.shutdown_request = lambda request: (after(request), ended.set())
    server.finish_request = lambda *_arguments: 1 / 0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.server_address))
    assert ended.wait(30)
    assert capfd.readouterr() == ("", "")


def test_no_release_leads_out_of_the_folder(serve, tmp_path, capfd):
    """Whatever a Pi says that it runs, no file elsewhere is opened."""
    server = serve()
    (tmp_path / "cache/bundles").mkdir(parents=True)
    (tmp_path / "x-y.json").write_text("{")
    for release, architecture in (("../../x", "y"), ("x", "/../../../x-y"), ("x" * 300, "y")):
        path = f"/status?release={release}&architecture={architecture}"
        status, told = ask(server, path)
        assert (status, json.loads(told)["half"]) == (200, "")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", ["/", "/etc/passwd", "/wheels/../x", "/wheels/none/", "/x"])
def test_other_addresses_are_refused(serve, path):
    """It has no other files."""
    assert ask(serve(), path)[0] == 404


def test_wheels_have_hashes_and_come_from_their_folder(serve, tmp_path, monkeypatch):
    """Those whose hash is in the requirements, and no others."""
    from scripts.classroom.cache import wheels

    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of "test"
    line = f"a==1 --hash=sha256:{digest}"
    monkeypatch.setattr(wheels, "requirements", lambda release: [(line, digest)])
    folder = tmp_path / "cache/wheels"
    folder.mkdir(parents=True)
    (folder / "a-1-py3-none-any.whl").write_text("test")
    (folder / "b-1-py3-none-any.whl").write_text("other")
    server = serve(offline=True)
    status, page = ask(server, "/wheels/trixie/")
    assert status == 200
    assert f'href="a-1-py3-none-any.whl#sha256={digest}"' in page.decode()
    assert "b-1" not in page.decode()
    assert ask(server, "/wheels/trixie/a-1-py3-none-any.whl") == (200, b"test")
    (folder / "a-1-py3-none-any.whl").write_text("damaged")
    assert ask(server, "/wheels/trixie/")[0] == 504


@pytest.mark.parametrize("ending", ["terminate", "parent"])
def test_it_ends_with_the_process_that_started_it(tmp_path, ending):
    """Also when that was killed: no socket and no process are left."""
    program = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    command = [sys.executable, "-m", "scripts.classroom.cache.server"]
    command += ["--socket", str(tmp_path / "s"), "--folder", str(tmp_path / "cache")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    starter = [] if ending == "terminate" else [sys.executable, "-c", program]
    process = subprocess.Popen([*starter, *command], cwd=PROJECT, **pipes)
    assert process.stdout.readline() == "ready\n"
    assert (tmp_path / "s").is_socket()
    if ending == "terminate":
        process.terminate()
        totals = json.loads(process.communicate()[0])
        assert totals == json.loads((tmp_path / "cache/totals.json").read_text())
    else:
        process.kill()
        process.communicate()
    deadline = time.monotonic() + 20
    while (tmp_path / "s").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (tmp_path / "s").exists()
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_two_runs_at_once_share_a_server(tmp_path):
    """The second takes over when the first is over."""
    command = [sys.executable, "-m", "scripts.classroom.cache.server", "--socket", tmp_path / "s"]
    pipes = {"stdout": subprocess.PIPE, "text": True, "cwd": PROJECT}
    answers = []
    with ExitStack() as runs:
        for name in ("one", "two"):
            run = subprocess.Popen([*command, "--folder", tmp_path / name, "--offline"], **pipes)
            runs.enter_context(run)
            runs.callback(run.kill)
            assert run.stdout.readline() == "ready\n"
            answers.append(run)
        first, second = answers
        first.terminate()
        assert json.loads(first.communicate()[0])["folder"] == str(tmp_path / "one")
        deadline = time.monotonic() + 20
        while not (tmp_path / "s").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with closing(Connection(tmp_path / "s")) as connection:
            connection.request("GET", "/status")
            assert json.loads(connection.getresponse().read())["offline"]
        second.terminate()
        second.communicate()
    assert not (tmp_path / "s").exists()
