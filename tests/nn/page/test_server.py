"""The page's server, asked over real connections: answers, limits, plain errors, strict headers."""

import argparse
import base64
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
import zlib
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import nn.page
from nn.cli import draw
from nn.data.csv_file import read_csv
from nn.errors import KitError
from nn.images import read_drawing
from nn.network import Network
from nn.page import limits
from nn.page.models import NoModelError
from nn.page.server import MOST_CONNECTIONS_OF_CLIENT, DrawServer
from nn.page.state import PageState
from nn.page.waiting import SocketError, listening_socket
from nn.saving.model_file import load_model, save_model
from nn.signals import scale_pixels
from tests.nn.page.conftest import Served, seven

STATIC = Path(nn.page.__file__).with_name("static")
FIRST_ANSWER = """
import argparse, sys
from contextlib import ExitStack
from nn.cli import draw
parser = argparse.ArgumentParser()
draw.add_arguments(parser)
page = draw.load_page(parser.parse_args(["--models", sys.argv[1]]), ExitStack())
print(len(page.state.models._loaded))
from nn.page.reader import answer_drawing
before = set(sys.modules)
answer_drawing(page.state.models, "", sys.stdin.buffer.read())
print(set(sys.modules) - before)
"""
SOURCE = re.compile(r"""(?:src|href)="([^"]+)"|from "([^"]+)"|(https?:[^"'` ]+)""")


def photo(width: int = 600, height: int = 400, kind: str = "PNG") -> bytes:
    """Draw a photo of a 7 and a 1, side by side."""
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    pen.line([(100, 100), (220, 100), (150, 300)], fill="black", width=22, joint="curve")
    pen.line([(400, 100), (400, 300)], fill="black", width=22)
    file = BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def test_a_drawing_is_answered_as_the_network_answers(visitor, tmp_path):
    """The outputs, and what the network saw, are those of the kit's own functions."""
    (digit,) = visitor.draw().json["digits"]
    pixels = read_drawing(seven())
    outputs = load_model(tmp_path / "models/first.npz").query(scale_pixels(pixels))
    assert base64.b64decode(digit["pixels"]) == pixels.tobytes()
    assert digit["outputs"] == pytest.approx(outputs.tolist(), abs=1e-4)
    assert digit["answer"] == str(np.argmax(outputs))
    assert digit["names"] == [*"0123456789"]
    assert digit["sentence"].startswith(f"The network reads {digit['answer']} (output 0.")


def test_each_digit_of_a_photo_is_answered(visitor):
    """From left to right."""
    digits = visitor.ask("/photo", photo()).json["digits"]
    assert len(digits) == 2
    seen = [np.frombuffer(base64.b64decode(each["pixels"]), np.uint8) for each in digits]
    widths = [(each.reshape(28, 28).any(axis=0)).sum() for each in seen]
    assert widths[0] > 2 * widths[1]


def test_the_newest_model_answers_first(visitor, tmp_path):
    """Or the one that is asked for; a model that is trained meanwhile is offered at once."""
    answered = visitor.draw().json["digits"][0]
    assert answered["model"] == "first"
    save_model(Network(seed=2, hidden_nodes=5), tmp_path / "models/second.npz")
    assert visitor.ask("/state").json["models"] == ["second", "first"]
    newer = visitor.draw().json["digits"][0]
    assert newer["model"] == "second"
    assert newer["outputs"] != answered["outputs"]
    again = visitor.ask("/drawing?model=first", seven()).json["digits"][0]
    assert again["outputs"] == answered["outputs"]


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/drawing", bytes(112 * 112), 400, "Nothing is drawn yet"),
        ("/drawing", b"\xff" * 9, 400, "expected a drawing of 112×112 grey levels, got 9 bytes"),
        ("/drawing", bytes(112 * 112 + 1), 413, "Expected at most 12544 bytes"),
        ("/drawing?model=none", None, 400, "expected one of the models first, got 'none'"),
        ("/drawing?model=../first", None, 400, "expected one of the models first"),
        ("/photo", b"no picture", 400, "This picture is not a valid PNG picture"),
        ("/photo", photo(kind="JPEG"), 400, "This picture is not a valid PNG picture"),
        ("/photo", photo(2000, 1000), 400, "expected at most 1,000,000"),
        ("/nowhere", None, 404, "Draw at /"),
        ("/static/server_py.js", None, 404, "no such page"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_told(visitor, path, body, status, told):
    """In a sentence that the page shows; the server goes on."""
    sent = seven() if body is None and path.startswith("/drawing") else body
    reply = visitor.ask(path, sent)
    assert reply.status == status
    assert told in reply.json["error"]
    assert not reply.json["again"]
    assert visitor.draw().status == 200


def test_a_bomb_is_not_unpacked(visitor):
    """A small file of many pixels is refused by its size alone."""
    file = BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    start = time.monotonic()
    assert visitor.ask("/photo", file.getvalue()).status == 400
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("kind", [b"IDAT", b"iCCP"])
def test_a_picture_of_many_parts_is_refused(visitor, kind):
    """Pillow would take half a minute on a Pi Zero to look at each of them."""
    part = bytes(4) + kind + zlib.crc32(kind).to_bytes(4)
    content = photo()
    reply = visitor.ask("/photo", content[:33] + 200_000 * part + content[33:])
    assert reply.status == 400
    assert "too many parts" in reply.json["error"]


def test_a_client_sends_one_photo_at_a_time(page):
    """Another of its photos has to wait, and another client's has not."""
    taken, busy = page.photos.place, pytest.raises(limits.BusyError, match="Many people")
    with taken("a"), taken("b"), busy, taken("a"):
        pass


@pytest.mark.parametrize("path", ["/", "/wall", "/state", "/static/draw.js", "/nowhere"])
def test_each_answer_has_strict_headers(visitor, path):
    """A browser runs nothing from elsewhere, and shows the page in no other."""
    headers = visitor.ask(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "pi-nn"


def test_the_pages_need_nothing_from_elsewhere(visitor):
    """Each file that one of them names is served here; nothing in them is inline."""
    for path in STATIC.glob("*.html"):
        assert not re.search(r"<script[^>]*>[^<]|<style|style=| on\w+=", path.read_text())
    named = {
        next(filter(None, found))
        for path in STATIC.iterdir()
        for found in SOURCE.findall(path.read_text())
    }
    assert len(named) > 8
    for name in named - {"http://www.w3.org/2000/svg"}:
        path = f"/static/{name[2:]}" if name.startswith("./") else name
        assert visitor.ask(path).status == 200, path


def test_another_sites_page_cannot_post(visitor):
    """Neither with its origin, nor as a form, which needs no permission."""
    assert visitor.draw(Origin="http://example.org").status == 403
    assert visitor.draw(Content_Type="text/plain").status == 415
    assert visitor.draw(Origin="http://[").status == 403
    own = f"http://127.0.0.1:{visitor.port}"
    assert visitor.draw(Origin=own).status == 200


def test_the_wall_shows_the_last_twenty(visitor):
    """Those after a number; all of them to a wall from before a restart."""
    for _ in range(22):
        visitor.draw()
    news = visitor.ask("/recent").json
    numbers = [each["number"] for each in news["answers"]]
    assert numbers == list(range(3, 23))
    later = visitor.ask(f"/recent?run={news['run']}&after=21").json["answers"]
    assert [each["number"] for each in later] == [22]
    assert len(visitor.ask("/recent?run=before&after=21").json["answers"]) == 20
    assert all("id" not in each for each in news["answers"])


def test_a_digit_is_kept_once_with_its_label(visitor, tmp_path):
    """As a line of the kit's format, which the kit's reader reads; the wall gets it."""
    (digit,) = visitor.draw().json["digits"]
    path = f"/keep?id={digit['id']}&label=7"
    assert visitor.ask(path, b"").json == {"kept": 1}
    again = visitor.ask(path, b"")
    assert again.status == 410
    assert "draw it again" in again.json["error"]
    (rows,) = read_csv(tmp_path / "class_digits.csv")
    assert rows.tolist() == [[7, *read_drawing(seven()).tolist()]]
    news = visitor.ask("/recent").json
    assert news["counts"] == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert [(each["number"], each["label"]) for each in news["digits"]] == [(1, 7)]
    assert visitor.ask(f"/recent?run={news['run']}&digits_after=1").json["digits"] == []
    assert visitor.ask("/class_digits.csv").body == (tmp_path / "class_digits.csv").read_bytes()


@pytest.mark.parametrize("label", ["", "10", "x", "-1", "7,0"])
def test_no_other_label_is_kept(visitor, tmp_path, label):
    """Nothing but a digit gets into the file."""
    (digit,) = visitor.draw().json["digits"]
    assert visitor.ask(f"/keep?id={digit['id']}&label={label}", b"").status == 400
    assert not (tmp_path / "class_digits.csv").exists()


def test_nothing_is_kept_while_the_switch_is_off(visitor, tmp_path):
    """The teacher's switch is a file; it holds at once, and answers have no id then."""
    (digit,) = visitor.draw().json["digits"]
    assert visitor.ask("/state").json["collects"]
    (tmp_path / "switch").unlink()
    assert not visitor.ask("/state").json["collects"]
    assert visitor.ask(f"/keep?id={digit['id']}&label=7", b"").status == 403
    assert "id" not in visitor.draw().json["digits"][0]
    assert not (tmp_path / "class_digits.csv").exists()


def test_the_file_is_only_for_this_computer(visitor, page, monkeypatch):
    """Its digits are on the wall; the file itself is for commands on the Pi."""
    (digit,) = visitor.draw().json["digits"]
    visitor.ask(f"/keep?id={digit['id']}&label=7", b"")
    assert visitor.ask("/class_digits.csv").status == 200
    page.class_digits.path.write_bytes(b"")  # as a disk leaves it that is full
    assert visitor.ask("/class_digits.csv").status == 404
    monkeypatch.setattr("nn.page.handlers.ip_address", lambda text: _Elsewhere())
    assert visitor.ask("/class_digits.csv").status == 403


@pytest.mark.parametrize("host", ["pi-1.local", "localhost:80", "[::1]:8080", "192.168.1.7"])
def test_the_page_has_several_names(visitor, host):
    """Of this computer, with or without a port; the file has those of the loopback alone."""
    assert visitor.ask("/state", Host=host).status == 200
    expected = 404 if host.startswith(("localhost", "[::1]")) else 403
    assert visitor.ask("/class_digits.csv", Host=host).status == expected


@pytest.mark.parametrize("name", ["{0}", "{0}.", "{0}.fritz.box", "{0}.lan:80"])
def test_what_a_router_puts_behind_a_name_is_known(visitor, name):
    """Not every network has names that end in .local."""
    own = socket.gethostname().partition(".")[0]
    assert visitor.ask("/state", Host=name.format(own)).status == 200


def test_a_site_that_is_named_like_this_computer_is_refused(visitor):
    """Its name may point here once its page is loaded."""
    own = socket.gethostname().partition(".")[0]
    assert visitor.ask("/state", Host=f"{own}.example.org").status == 403


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org", "["])
def test_a_sites_name_that_points_here_is_refused(visitor, host):
    """Its pages could read what is drawn."""
    reply = visitor.ask("/recent", Host=host)
    assert reply.status == 403
    assert "own name" in reply.json["error"]


@pytest.mark.parametrize("path", ["/drawing", "/keep"])
@pytest.mark.parametrize("length", ["9" * 5000, "-1", "x"])
def test_an_impossible_length_is_refused(visitor, path, length, caplog):
    """Without a traceback in the log."""
    with socket.create_connection(("127.0.0.1", visitor.port)) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(99).startswith(b"HTTP/1.1 400 ")
    assert "Traceback" not in caplog.text


def test_a_drawing_needs_a_length(visitor):
    """The answer says so, not that it is too large."""
    with socket.create_connection(("127.0.0.1", visitor.port)) as client:
        client.sendall(b"POST /drawing HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"its size in Content-Length" in client.recv(5000)


def test_a_digit_that_was_not_kept_can_be_kept_again(visitor, page, monkeypatch):
    """As when the disk was full for a moment."""
    (digit,) = visitor.draw().json["digits"]
    path = f"/keep?id={digit['id']}&label=7"
    with monkeypatch.context() as patch:
        patch.setattr(page.class_digits, "append", _full_disk)
        assert "No space left" in visitor.ask(path, b"").json["error"]
    assert visitor.ask(path, b"").json == {"kept": 1}
    assert visitor.ask(path, b"").status == 410


def _full_disk(label, pixels):
    raise OSError(28, "No space left on device")


def test_the_wall_shows_no_kept_digits_while_the_switch_is_off(visitor, tmp_path):
    """They are there again when it is on."""
    (digit,) = visitor.draw().json["digits"]
    visitor.ask(f"/keep?id={digit['id']}&label=7", b"")
    (tmp_path / "switch").unlink()
    assert not {"counts", "digits"} & visitor.ask("/recent").json.keys()
    (tmp_path / "switch").touch()
    assert len(visitor.ask("/recent").json["digits"]) == 1


def test_the_wall_begins_again_with_another_class(visitor, tmp_path):
    """When its teacher has removed the file."""
    runs = []
    for _ in range(2):
        for _ in range(2):
            (digit,) = visitor.draw().json["digits"]
            visitor.ask(f"/keep?id={digit['id']}&label=7", b"")
        runs.append(visitor.ask("/recent").json["run"])
        (tmp_path / "class_digits.csv").unlink()
    assert runs[0] != runs[1]


class _Elsewhere:
    """An address of another computer."""

    is_loopback = False


def test_who_asks_too_often_is_asked_to_wait(visitor, page):
    """A friendly "busy" that the page repeats by itself."""
    page.rate.per_second = 0
    replies = [visitor.ask("/state") for _ in range(limits.BURST + 5)]
    refused = [reply for reply in replies if reply.status != 200]
    assert len(refused) >= 5
    assert {reply.status for reply in refused} == {503}
    assert all(reply.json["again"] for reply in refused)
    assert refused[0].headers["Retry-After"] == "1"
    assert "Wait a moment" in refused[0].json["error"]


def test_a_whole_class_loads_the_page_at_once(visitor, page):
    """Behind one router: a script that is refused would not be asked for again."""
    page.rate.per_second = page.files.per_second = 0
    assert [visitor.ask("/static/draw.js").status for _ in range(30 * 10)] == [200] * 300
    assert visitor.ask("/state").status == 200


def test_thirty_at_once_lose_nothing(visitor):
    """Each gets its own answer; they are computed one after another."""
    replies = {}

    def draw(number: int) -> None:
        ink = bytearray(seven())
        for pixel in range(number * 112, number * 112 + 112):
            ink[pixel] = 255  # a stroke of its own across the sheet
        while (reply := visitor.draw(bytes(ink))).status == 503:
            time.sleep(0.1)
        replies[number] = bytes(ink), reply

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 30
    for ink, reply in replies.values():
        (digit,) = reply.json["digits"]
        assert base64.b64decode(digit["pixels"]) == read_drawing(ink).tobytes()


def test_a_full_queue_refuses_and_recovers(page):
    """So many wait, no more; a place that was left is free again."""
    places = limits.Places(3, 2)
    with places.place("a"), places.place("a"):
        with pytest.raises(limits.BusyError, match="Many people"), places.place("a"):
            pass
        with places.place("b"), pytest.raises(limits.BusyError, match="Many"), places.place("c"):
            pass
    with places.place("a"), places.place("a"):
        pass


def test_half_a_request_holds_no_place(visitor, page):
    """Who goes away in the middle of a photo makes room for the next."""
    head = b"POST /photo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    for _ in range(2 * limits.MOST_PHOTOS):
        with socket.create_connection(("127.0.0.1", visitor.port)) as half:
            half.sendall(head + b"Content-Length: 1000\r\n\r\nabc")
            time.sleep(0.05)
    deadline = time.monotonic() + 10
    while visitor.ask("/photo", photo()).status == 503:
        assert time.monotonic() < deadline


def test_one_client_cannot_take_all_connections(visitor):
    """Those beyond its number are closed at once; when it closes some, it is served again."""
    held = [socket.create_connection(("127.0.0.1", visitor.port)) for _ in range(130)]
    try:
        closed, deadline = [], time.monotonic() + 20
        while len(closed) < 130 - MOST_CONNECTIONS_OF_CLIENT and time.monotonic() < deadline:
            closed, _, _ = select.select(held, [], [], 1)
        assert len(closed) >= 130 - MOST_CONNECTIONS_OF_CLIENT
        assert {each.recv(1) for each in closed} == {b""}
    finally:
        for each in held:
            each.close()
    deadline = time.monotonic() + 10
    while True:
        try:
            assert visitor.ask("/state").status == 200
            break
        except (ConnectionError, OSError):
            assert time.monotonic() < deadline


def test_visitors_are_asked_to_wait_while_it_loads(page):
    """A page that loads itself again, and JSON that a script repeats; then the page is there."""
    loaded = threading.Event()

    def load() -> DrawServer:
        loaded.wait(30)
        return DrawServer(page)

    with Served(load) as served:
        for path in ("/", "/wall"):
            reply = served.visitor.ask(path)
            assert reply.status == 200
            assert b'http-equiv="refresh"' in reply.body
            assert b"waking up" in reply.body
        for reply in (served.visitor.draw(), served.visitor.ask("/state")):
            assert reply.status == 503
            assert reply.json["again"]
        loaded.set()
        deadline = time.monotonic() + 10
        while served.visitor.draw().status == 503:
            assert time.monotonic() < deadline
        assert b"drawing_pad" in served.visitor.ask("/").body


def test_not_all_are_asked_to_wait(page, monkeypatch):
    """Beyond a number, a connection is closed at once; the others get their answer."""
    monkeypatch.setattr("nn.page.waiting.MOST_WAITING", 2)
    loaded = threading.Event()

    def load() -> DrawServer:
        loaded.wait(30)
        return DrawServer(page)

    with Served(load) as served, ExitStack() as open_ones:
        address = "127.0.0.1", served.visitor.port
        held = [open_ones.enter_context(socket.create_connection(address)) for _ in range(3)]
        held[2].settimeout(10)
        assert held[2].recv(1) == b""
        held[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"waking up" in held[0].recv(5000)
        loaded.set()


def test_it_ends_when_nobody_asks(models):
    """After the idle time; each request begins it again."""
    with Served(lambda: DrawServer(PageState(models), idle_seconds=1.5)) as served:
        while served.visitor.ask("/state").status == 503:
            pass
        for _ in range(4):
            time.sleep(0.7)
            assert served.visitor.ask("/state").status == 200
        assert not served.ended.is_set()
        assert served.ended.wait(10)


def test_without_a_model_it_says_what_to_do(tmp_path, page):
    """The page is there; an answer names the folders, and the command."""
    page.models.folders = [tmp_path]
    with pytest.raises(
        NoModelError, match=r"found none that can be read. Train one first: .*train"
    ):
        page.models.get()


def test_the_command_serves_and_ends(models, tmp_path):
    """`pi-nn draw`, as a user runs it; Ctrl-C ends it without an error."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--port", str(port), "--models", models.folders[0], "--collect", tmp_path / "c.csv"]
    process = subprocess.Popen(
        [sys.executable, "-m", "nn", "draw", *words], stderr=subprocess.PIPE, text=True
    )
    try:
        assert f"http://127.0.0.1:{port}/" in process.stderr.readline()
        from tests.nn.page.conftest import Visitor

        while (reply := Visitor(port).ask("/state")).status == 503:
            time.sleep(0.1)
        assert reply.json["models"] == ["first", "best-night, which comes with the kit"]
        assert reply.json["collects"]
        second = subprocess.run(
            [sys.executable, "-m", "nn", "draw", *words], capture_output=True, text=True
        )
        assert second.returncode == 1
        assert f"error: cannot listen on 127.0.0.1, port {port}:" in second.stderr
        assert "Choose another with --port" in second.stderr
    finally:
        process.terminate()
        code = process.wait(30)
        process.stderr.close()
    assert code == 0


def test_a_link_leads_to_the_same_file(models, tmp_path):
    """Two pages that add digits to one file could cut each other's lines."""
    (tmp_path / "link.csv").symlink_to("c.csv")
    parser = argparse.ArgumentParser()
    draw.add_arguments(parser)
    first, second = (
        parser.parse_args(["--models", str(models.folders[0]), "--collect", str(tmp_path / name)])
        for name in ("c.csv", "link.csv")
    )
    with ExitStack() as closing:
        draw.load_page(first, closing)
        with pytest.raises(draw.DrawError, match=r"link.csv: another 'draw' adds digits to it"):
            draw.load_page(second, closing)


@pytest.mark.parametrize("address", ["é..é", "no.such.host.invalid", "1.2.3"])
def test_an_address_that_is_none_is_told(address):
    """Also where it cannot be the name of a host."""
    with pytest.raises(SocketError, match=r"cannot listen on .*, port 8080: "):
        listening_socket(address, 8080)


@pytest.mark.parametrize(
    ("error", "told"),
    [(MemoryError(), "more memory than there is"), (KeyError(1), "The log of the page says")],
    ids=["memory", "unforeseen"],
)
def test_what_goes_wrong_here_is_told(visitor, page, monkeypatch, caplog, error, told):
    """In a sentence; the log has the rest, and the server goes on."""

    def fail(model):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(page.models, "get", fail)
        reply = visitor.draw()
    assert reply.status == 500
    assert told in reply.json["error"]
    assert type(error).__name__ in caplog.text
    assert visitor.draw().status == 200


def test_a_pis_page_does_without_a_damaged_file(models, tmp_path):
    """It answers, and keeps nothing; on a laptop, the command says what is wrong and ends."""
    (tmp_path / "c.csv").write_text("no digit\n")
    words = ["--models", str(models.folders[0]), "--collect", str(tmp_path / "c.csv")]
    with ExitStack() as closing, pytest.raises(KitError, match=r"c\.csv:1"):
        draw.load_page(draw_arguments(*words), closing)
    with ExitStack() as closing:
        page = draw.load_page(draw_arguments(*words, "--collect-while", str(tmp_path)), closing)
        assert not page.state.collects
    assert (tmp_path / "c.csv").read_text() == "no digit\n"


def test_a_pis_page_does_without_a_file_that_cannot_be_opened(models, tmp_path, capsys):
    """As when its rights are wrong, or it is a folder; it says so."""
    (tmp_path / "c.csv").mkdir()
    words = ["--models", str(models.folders[0]), "--collect", str(tmp_path / "c.csv")]
    with ExitStack() as closing:
        page = draw.load_page(draw_arguments(*words, "--collect-while", str(tmp_path)), closing)
        assert not page.state.collects
    assert "Is a directory" in capsys.readouterr().err


def test_the_first_answer_finds_all_loaded(models):
    """An awake page imports nothing more for it, and has read the newest model."""
    words = [sys.executable, "-c", FIRST_ANSWER, str(models.folders[0])]
    done = subprocess.run(words, input=seven(), capture_output=True)
    assert done.stdout.split() == [b"1", b"set()"], done.stderr


def test_waking_reads_no_certificates(models):
    """Which Tornado before 6.5 does; the rest of the process is not changed."""
    code = (
        "import os, ssl\n"
        "real, seen = ssl.create_default_context, set()\n"
        "def create(*words, **options):\n"
        "    seen.add(os.environ['SSL_CERT_FILE'])\n"
        "    return real(*words, **options)\n"
        "ssl.create_default_context = create\n"
        f"{FIRST_ANSWER}\n"
        "print(seen <= {os.devnull}, os.environ['SSL_CERT_FILE'])"
    )
    environ = {**os.environ, "SSL_CERT_FILE": "mine.pem"}
    words = [sys.executable, "-c", code, str(models.folders[0])]
    done = subprocess.run(words, input=seven(), capture_output=True, env=environ)
    assert done.stdout.split() == [b"1", b"set()", b"True", b"mine.pem"], done.stderr


def draw_arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    draw.add_arguments(parser)
    return parser.parse_args(words)


def test_json_is_what_the_server_sends(visitor):
    """Also for errors: a page that expects it can always read it."""
    assert json.loads(visitor.ask("/keep", b"").body)["error"]
