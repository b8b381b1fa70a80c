"""Fetching from a hostile server: real sockets, and every way of not getting a file."""

import gzip
import hashlib
import io
import re
import sys
import threading
import time

import numpy as np
import pytest

from nn.data import download, transfer
from nn.data.download import DownloadError, RemoteFile, fetch
from tests.nn.data.hostile_server import Server

NAME = "digits.gz"
PLAIN = np.random.default_rng(1).integers(0, 256, 60_000, dtype=np.uint8).tobytes()
WHOLE = gzip.compress(PLAIN, mtime=0)
OTHER = gzip.compress(PLAIN[::-1], mtime=0)
TENTHS = [len(WHOLE) * tenth // 10 for tenth in range(10)]


@pytest.fixture(autouse=True)
def one_file(monkeypatch):
    """One file in the place of MNIST's four."""
    file = RemoteFile(NAME, len(PLAIN), hashlib.sha256(PLAIN).hexdigest())
    monkeypatch.setattr(download, "FILES", (file,))


@pytest.fixture
def serve():
    """Start servers that behave as they are told."""
    servers = []

    def start(behave, content=WHOLE):
        servers.append(Server(content, behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def good(request):
    request.give()


def with_ranges(request):
    request.give(ranges=True)


def is_shortly_before(begin: int, end: int) -> bool:
    """What came of the last few kilobytes may have been lost with the connection."""
    return end - 4096 < begin <= end


def fetched(folder, *servers):
    """Fetch from these servers; return what was said."""
    said = []
    fetch(folder, [server.address for server in servers], say=said.append)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {NAME: WHOLE}
    assert all("\n" not in line for line in said)
    return said


def refused(folder, *servers) -> str:
    """Fetch in vain; return the one line that tells why."""
    with pytest.raises(DownloadError, match=f"could not fetch {NAME}") as caught:
        fetch(folder, [server.address for server in servers])
    assert not (folder / NAME).exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def redirect(request):
    where = re.sub(r"\d*$", lambda number: str(int(number[0] or 0) + 1), request.path)
    request.head(302, 0, Location=where)


def trickle(request):
    request.head(200, len(WHOLE))
    request.trickle(WHOLE, 0.1)


def endless(request):
    request.head(200, None)
    request.endless(WHOLE)


def stall_in_the_middle(request):
    request.head(200, len(WHOLE))
    request.wfile.write(WHOLE[:30_000])
    request.stall()


def short_length(request):
    request.head(200, len(WHOLE) - 500)
    request.wfile.write(WHOLE[:-500])


def long_length(request):
    request.head(200, len(WHOLE) + 500)
    request.wfile.write(WHOLE)
    request.break_off()


def send(content, status=200):
    """Make a server that sends something else than the file."""

    def behave(request):
        request.head(status, len(content), Content_Type="text/html")
        request.wfile.write(content)

    return behave


HOSTILE = {
    "wrong bytes": (send(OTHER), r"expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}"),
    "a changed byte": (send(WHOLE[:900] + b"X" + WHOLE[901:]), r"not a complete gzip file|SHA-256"),
    "a longer file": (send(WHOLE + gzip.compress(b"more")), r"expected 60,000 bytes .*, got more"),
    "a bomb": (send(gzip.compress(bytes(10**8))), r"expected 60,000 bytes .*, got more"),
    "length too short": (short_length, r"not a complete gzip file"),
    "length too long": (long_length, r"was lost after [0-9,]+ of 60,5[0-9]{2} bytes"),
    "no length, cut off": (
        lambda request: (request.head(200, None), request.wfile.write(WHOLE[:999])),
        r"not a complete gzip file",
    ),
    "nonsense for a length": (
        lambda request: request.head(200, None, Content_Length="many"),
        r"no answer|invalid literal|not a complete|0 bytes|lost after",
    ),
    "a web page": (
        send(b"\n<!doctype html><title>Log in"),
        r"sends a web page: .* require a login",
    ),
    "text": (send(b"hello world"), r"does not send a gzip file: it begins 68 65 6c 6c"),
    "nothing": (send(b""), r"expected 60,000 bytes .*, got 0|not a complete gzip file"),
    "not found": (send(b"<html>no", 404), r"answers 404 Not Found"),
    "server error": (send(b"<html>oh", 500), r"answers 500 Internal Server Error"),
    "part of nothing": (send(WHOLE[:10], 206), r"sends a different part of the file"),
    "redirect loop": (redirect, r"redirects endlessly"),
    "redirect to a file": (
        lambda request: request.head(302, 0, Location="file:///etc/passwd"),
        r"No connection adapters",
    ),
    "no HTTP": (lambda request: request.wfile.write(b"220 ftp ready\r\n"), r"cannot connect"),
    "hangs up": (lambda request: request.break_off(), r"cannot connect"),
    "silence": (lambda request: request.stall(), r"no answer within 2 s"),
    "headers without an end": (
        lambda request: request.trickle(b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 999, 0.1),
        r"no answer within 2 s",
    ),
    "stall in the middle": (stall_in_the_middle, r"bytes within 2 s|was lost after"),
    "trickle": (trickle, r"[0-9]+ bytes within 2 s"),
    "no end": (endless, r"sends more than 125,536 bytes"),
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.slow] if "within 2 s" in reason else [])
        for kind, (_, reason) in HOSTILE.items()
    ],
)
def test_a_hostile_server_is_passed_over_and_its_reason_told(serve, tmp_path, kind, monkeypatch):
    """Alone it gives an error of one line; before a good mirror, a line and the file."""
    behave, reason = HOSTILE[kind]
    if "within 2 s" in reason:
        monkeypatch.setattr(transfer, "PATIENCE_SECONDS", 2.0)
    bad = serve(behave)
    assert re.search(f"{bad.address}{NAME}: .*({reason})", refused(tmp_path / "alone", bad))
    first, *rest = fetched(tmp_path / "before", bad, serve(good))
    assert re.search(f"^{bad.address}{NAME}: .*({reason}).*Trying the next mirror$", first)
    assert len(rest) == 1


@pytest.mark.parametrize("end", TENTHS)
def test_cut_off_at_each_tenth_without_ranges(serve, tmp_path, end):
    """A server that cannot go on is passed over; the next one gives all of it, or the rest."""
    bad = serve(lambda request: request.give(until=end))
    told = refused(tmp_path / "alone", bad)
    assert re.search(rf"was lost after [0-9,]+ of {len(WHOLE):,} bytes", told)
    fetched(tmp_path / "whole", bad, serve(good))
    able = serve(with_ranges)
    fetched(tmp_path / "rest", bad, able)
    assert [is_shortly_before(begin, end) for begin in able.asked_from] == [True]


@pytest.mark.parametrize("end", TENTHS[1:])
def test_cut_off_at_each_tenth_with_ranges(serve, tmp_path, end):
    """The same server is asked for the rest, as often as it brings some."""
    able = serve(lambda request: request.give(until=request.begin + end, ranges=True))
    fetched(tmp_path, able)
    assert able.asked_from == sorted(set(able.asked_from))
    assert able.asked_from[0] == 0
    assert len(able.asked_from) <= 1 + len(WHOLE) // (end - 4096)


def test_a_later_fetch_goes_on_where_an_earlier_one_ended(serve, tmp_path):
    """What had come is kept between two commands, and not under the file's name."""
    refused(tmp_path, serve(lambda request: request.give(until=20_000)))
    assert [path.name for path in tmp_path.iterdir()] == [f".{NAME}.partial"]
    able = serve(with_ranges)
    fetched(tmp_path, able)
    assert is_shortly_before(able.asked_from[0], 20_000)
    assert len(able.asked_from) == 1


@pytest.mark.parametrize("left", [OTHER[:20_000], OTHER + OTHER[:99], b"junk", WHOLE + b"tail"])
def test_what_was_left_by_something_else_is_thrown_away(serve, tmp_path, left):
    """It does not fit the rest: the whole is fetched again, from the same mirror."""
    (tmp_path / f".{NAME}.partial").write_bytes(left)
    fetched(tmp_path, serve(with_ranges))


def test_a_wrong_part_is_not_taken(serve, tmp_path):
    """A server that goes on elsewhere than it was asked to."""
    (tmp_path / f".{NAME}.partial").write_bytes(WHOLE[:9000])
    bad = serve(lambda request: request.give(ranges=True, begin=8000))
    assert "sends a different part of the file than requested" in refused(tmp_path, bad)
    fetched(tmp_path, bad, serve(good))


def test_a_part_after_a_redirection_is_taken(serve, tmp_path):
    """Mirrors send on to other servers, and those can go on, too."""
    (tmp_path / f".{NAME}.partial").write_bytes(WHOLE[:9000])
    able = serve(with_ranges)
    door = serve(lambda request: request.head(302, 0, Location=able.address + NAME))
    fetched(tmp_path, door)
    assert able.asked_from == [9000]


def test_bad_bytes_from_one_mirror_do_not_spoil_the_next(serve, tmp_path):
    """The first half is another file's, the rest does not fit: all is fetched from the second."""
    bad = serve(lambda request: request.give(until=30_000), content=OTHER)
    able = serve(with_ranges)
    fetched(tmp_path, bad, able)
    assert is_shortly_before(able.asked_from[0], 30_000)
    assert able.asked_from[1:] == [0]


def test_a_login_page_does_not_cost_what_had_come(serve, tmp_path):
    """A network that wants a login first, in the middle of it all."""
    (tmp_path / f".{NAME}.partial").write_bytes(WHOLE[:9000])
    refused(tmp_path, serve(send(b"<html>log in")))
    assert (tmp_path / f".{NAME}.partial").read_bytes() == WHOLE[:9000]


def test_a_compressed_answer_is_not_asked_for(serve, tmp_path):
    """A server that would unpack the file on the way is told not to."""
    seen = []

    def behave(request):
        seen.append(request.headers["Accept-Encoding"])
        request.give()

    fetched(tmp_path, serve(behave))
    assert seen == ["identity"]


def test_a_gzip_file_that_the_server_calls_compressed_is_left_as_it_is(serve, tmp_path):
    """Apache may name gzip as the encoding of a file that ends in .gz."""

    def behave(request):
        request.head(200, len(WHOLE), Content_Encoding="gzip")
        request.wfile.write(WHOLE)

    fetched(tmp_path, serve(behave))


@pytest.mark.parametrize("size", [1, 5000])
def test_chunks_are_taken_and_what_came_of_them_is_kept(serve, tmp_path, size):
    """Of a server that does not know the length: it is cut off, then another goes on."""

    def chunks(request):
        request.head(200, None, Transfer_Encoding="chunked")
        for begin in range(0, 10_000, size):
            request.wfile.write(b"%x\r\n%b\r\n" % (size, WHOLE[begin : begin + size]))
        request.break_off()

    able = serve(with_ranges)
    said = fetched(tmp_path, serve(chunks), able)
    assert re.search(r"was lost after [0-9,]+ bytes", said[0])
    assert is_shortly_before(able.asked_from[0], 10_000)


def test_two_at_once_ask_the_server_once(serve, tmp_path):
    """Who comes second waits, and finds what the first has fetched."""

    def slow(request):
        time.sleep(0.5)
        request.give()

    server = serve(slow)
    threads = [threading.Thread(target=fetch, args=(tmp_path, [server.address])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert server.asked_from == [0]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_without_a_secure_connection_the_clock_is_named(serve, tmp_path):
    """A Pi has no battery: before it has asked for the time, no certificate is valid."""
    server = serve(good)
    address = server.address.replace("http:", "https:")
    with pytest.raises(DownloadError, match=r"no secure connection: is .* clock right"):
        fetch(tmp_path, [address])


class Terminal(io.StringIO):
    """A standard error that somebody looks at."""

    def isatty(self):
        """Say so."""
        return True


@pytest.mark.parametrize("stderr", [Terminal(), io.StringIO(), None])
def test_a_bar_is_shown_on_a_terminal_alone(serve, tmp_path, monkeypatch, stderr):
    """Neither in a log, nor where standard error is closed."""
    monkeypatch.setattr(sys, "stderr", stderr)
    fetched(tmp_path, serve(good))
    if stderr:
        assert (NAME in stderr.getvalue()) == stderr.isatty()
