"""What strangers on the network get at, tried from their own: `make test-provision ALL=1`.

Each test goes on where the one before it ended.
"""

import hashlib
import http.client
import itertools
import json
import os
import re
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import websocket

from scripts.machines.host import call
from tests.machines.jupyter_client import Visitor
from tests.machines.machine import ASKED_FOR, Machine
from tests.machines.stranger import Stranger, is_open, open_ports
from tests.provision.playbooks import Playbooks, controller_variables

pytestmark = pytest.mark.skipif(
    not os.environ.get("PROVISION_ALL"), reason="asked for with ALL=1: each takes five minutes"
)
SERVED = {22: "SSH", 8888: "Jupyter"}
LOOPBACK = re.compile(r" (127\.|\[::1\])")
EVIL = "http://evil.example:8888"
NOTEBOOK = {
    "cells": [{"cell_type": "code", "source": "1 + 1", "metadata": {}, "outputs": []}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 4,
}
NOTEBOOK["cells"][0]["execution_count"] = None

# Each would show something, or start something, if it were answered.
PAGES = """
/api/contents /api/contents/mine.ipynb?content=1 /api/contents/mine.ipynb/checkpoints /api/sessions
/api/kernels /api/kernelspecs /api/terminals /api/status /api/me /api/config/notebook /api/spec.yaml
/api/nbconvert /api/contents?token= /api/contents?token=pi /files/mine.ipynb /files/README.md
/nbconvert/html/mine.ipynb /view/mine.ipynb /tree /lab /edit/README.md /notebooks/mine.ipynb
/consoles /terminals/1 /metrics /kernelspecs/python3/logo-64x64.png /lab/api/settings
/lab/api/workspaces /lab/api/translations /lab/api/extensions /lab/api/listings/blocked.json
/lsp/status /doesnotexist
""".split()
ORDERS = [
    ("POST", "/api/kernels", "{}"),
    ("POST", "/api/terminals", "{}"),
    ("POST", "/api/sessions", '{"path": "mine.ipynb", "type": "notebook", "kernel": {}}'),
    ("POST", "/api/shutdown", ""),
    ("POST", "/api/contents", '{"type": "notebook"}'),
    ("PUT", "/api/contents/mine.ipynb", '{"type": "file", "format": "text", "content": "x"}'),
    ("PATCH", "/api/contents/mine.ipynb", '{"path": "stolen.ipynb"}'),
    ("DELETE", "/api/contents/mine.ipynb", ""),
    ("POST", "/api/contents/mine.ipynb/trust", ""),
    ("PATCH", "/api/me?user={}", ""),
    ("POST", "/nbconvert/html", json.dumps({"type": "notebook", "content": NOTEBOOK})),
]
CHANNELS = ["/terminals/websocket/1", "/api/kernels/{kernel}/channels", "/api/events/subscribe"]
UP = "../../../../../../../../"
CLIMBS = [
    UP,
    "/" + UP,
    UP.replace("/", "%2f"),
    UP.replace(".", "%2e"),
    UP.replace(".", "%2e").replace("/", "%2F"),
    UP.replace(".", "%252e").replace("/", "%252f"),
    UP.replace("/", "\\"),
    UP.replace("/", "%5c"),
    UP.replace("../", "....//"),
    UP.replace(".", "%c0%ae"),
    UP.replace("/", "%c0%af"),
    UP.replace("../", "..;/"),
    "%00/" + UP,
    "/",
    "//",
    "%2f",
    "~root/" + UP,
    "notebooks/" + UP,
]
DOORS = """
/ /static/ /static/notebook/ /files/ /view/ /api/contents/ /nbconvert/html/ /tree/ /edit/ /lab/tree/
/kernelspecs/python3/ /nbextensions/ /custom/ /static/components/ /lab/extensions/ /lab/api/themes/
/lab/api/translations/ /lab/api/settings/ /lab/static/ /static/logo/ /api/kernelspecs/ /terminals/
""".split()


@pytest.fixture(scope="module", params=ASKED_FOR)
def machine(request):
    """A machine with the memory of a Pi Zero."""
    with Machine(request.param, "pi-6", memory_mb=430) as machine:
        yield machine


@pytest.fixture(scope="module")
def playbooks(machine, tmp_path_factory):
    """Its playbooks, run, and a notebook of its owner's."""
    folder = tmp_path_factory.mktemp("controller")
    playbooks = Playbooks(machine, folder, controller_variables(folder))
    playbooks.succeed("site")
    return playbooks


@pytest.fixture(scope="module")
def password(playbooks):
    return (playbooks.folder / "secrets" / "jupyter-password").read_text().strip()


@pytest.fixture(scope="module")
def owner(machine, password):
    """The owner, logged in, with a notebook and a kernel."""
    owner = Visitor(f"http://{machine.address}:8888")
    owner.wait()
    assert owner.log_in(password)
    owner.save("mine.ipynb", NOTEBOOK)
    answer = owner.session.post(f"{owner.url}/api/kernels", headers=token(owner), timeout=60)
    answer.raise_for_status()
    owner.kernel = answer.json()["id"]
    return owner


@pytest.fixture(scope="module")
def stranger(machine, owner):
    """At an address of their own, once the owner has begun to work."""
    with Stranger(machine) as stranger:
        yield stranger


def token(visitor):
    return {"X-XSRFToken": visitor.session.cookies["_xsrf"]}


def state(machine, owner):
    """Return what no stranger may change: process, kernels, terminals, files."""
    process = machine.run("systemctl show -p MainPID --value pi-nn-jupyter").stdout.strip()
    kernels = owner.session.get(f"{owner.url}/api/kernels", timeout=60).json()
    terminals = owner.session.get(f"{owner.url}/api/terminals", timeout=60)
    files = machine.run(
        "cd pi-nn && find . -type f ! -name '*.pyc' | sort | xargs -d '\\n' sha256sum"
    )
    return process, [each["id"] for each in kernels], terminals.text, files.stdout


@pytest.fixture
def unchanged(machine, owner):
    """Compare before and after a test."""
    before = state(machine, owner)
    yield
    assert state(machine, owner) == before


def ask(address, method, path, body="", **headers):
    """Send a request exactly as it is written; return the status, the headers and the body."""
    connection = http.client.HTTPConnection(address, 8888, timeout=60)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")
    finally:
        connection.close()


def cookies(visitor):
    return "; ".join(f"{each.name}={each.value}" for each in visitor.session.cookies)


def handshake(url, **options):
    """Return the status with which a websocket is refused; 101 if it is not."""
    try:
        websocket.create_connection(url, timeout=60, **options).close()
    except websocket.WebSocketBadStatusException as refusal:
        return refusal.status_code
    return 101


def test_no_port_but_ssh_and_jupyter_is_open(machine, stranger):
    """All 65,535 of TCP from outside, while a kernel runs; from within also IPv6, and UDP."""
    assert stranger.do(open_ports, machine.address) == list(SERVED)
    listening = machine.run("ss -H -ltun | awk '{print $1, $5}'", user="root").stdout
    heard = [line.rpartition(":") for line in listening.splitlines() if not LOOPBACK.search(line)]
    assert {(socket.split()[0], int(port)) for socket, _, port in heard} == {
        ("tcp", port) for port in SERVED
    }


@pytest.mark.parametrize(
    "extra", [{}, {"Authorization": "token "}, {"X_Forwarded_For": "127.0.0.1"}], ids=str
)
def test_without_the_password_nothing_is_shown(machine, stranger, unchanged, extra):
    """Nor with an empty token, nor to who pretends to be on the Pi itself."""
    for path in PAGES:
        status, headers, body = stranger.do(ask, machine.address, "GET", path, **extra)
        login = status == 302 and headers["Location"].startswith("/login?next=")
        assert login or status in (400, 403, 404), (path, status)
        assert "1 + 1" not in body
        assert "mine.ipynb" not in body.replace("/login?next", ""), path
    assert "version" in stranger.do(ask, machine.address, "GET", "/api")[2]  # all that is told


def test_without_the_password_nothing_is_done(machine, stranger, unchanged):
    """No kernel, no terminal, no file; also with the mark against foreign forms, which all get."""
    visitor = Visitor(f"http://{machine.address}:8888")
    stranger.do(visitor.session.get, f"{visitor.url}/login")
    marks = {"Cookie": cookies(visitor), "X_XSRFToken": visitor.session.cookies["_xsrf"]}
    for method, path, body in ORDERS:
        for headers in ({}, marks):
            status, *_ = stranger.do(ask, machine.address, method, path, body, **headers)
            assert status in (302, 401, 403, 404, 405), (method, path, status)


def test_without_the_password_no_channel_is_opened(machine, owner, stranger, unchanged):
    """To a kernel that runs, to a terminal, to the events."""
    for path in CHANNELS:
        url = f"ws://{machine.address}:8888{path.format(kernel=owner.kernel)}"
        assert stranger.do(handshake, url) in (403, 404), path


def guess(session, url, word):
    """Send a password to the login page; return the status and how long to wait."""
    answer = session.post(
        f"{url}/login",
        data={"password": word, "_xsrf": session.cookies["_xsrf"]},
        headers={"X-Forwarded-For": f"10.0.0.{len(word)}"},  # a lie that must not count
        allow_redirects=False,
        timeout=60,
    )
    return answer.status_code, int(answer.headers.get("Retry-After", 0))


def guess_at_once(url, words):
    """Send many passwords, twenty at a time; return their statuses."""
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=20))
    session.get(f"{url}/login", timeout=60)
    with ThreadPoolExecutor(20) as threads:
        return [status for status, _ in threads.map(lambda word: guess(session, url, word), words)]


def test_guessing_is_slowed_down_for_who_guesses_alone(machine, stranger, password, unchanged):
    """Of 400 guesses some are looked at, not the right one in a wait; the owner gets in."""
    words = [f"guess-{number}" for number in range(400)]
    url = f"http://{machine.address}:8888"
    start = time.monotonic()
    answers = stranger.do(guess_at_once, url, words)
    seconds = time.monotonic() - start
    looked_at = answers.count(401)
    print(f"\n{len(words)} guesses in {seconds:.1f} s, of which {looked_at} were looked at")
    assert set(answers) == {401, 429}
    assert 5 <= looked_at <= 5 + (seconds + 1)  # at least a second after each beyond the fifth
    session = requests.Session()
    stranger.do(session.get, f"{url}/login")
    wait = 0
    for _ in range(20):  # with each that is looked at it is longer
        if wait >= 8:
            break
        time.sleep(wait)
        wait = stranger.do(guess, session, url, "wrong")[1]
    status, wait = stranger.do(guess, session, url, password)
    assert status == 429
    assert 1 <= wait <= 60
    assert Visitor(url).log_in(password)  # at the owner's address, meanwhile
    time.sleep(wait)
    assert stranger.do(guess, session, url, password)[0] == 302  # an owner at that address
    assert stranger.do(guess, session, url, "wrong")[0] == 401  # counted again


def test_a_flood_does_not_end_the_server(machine, owner, stranger, unchanged):
    """More than the memory of the board, sent to the login page as one password."""

    def flood():
        try:
            return requests.post(
                f"http://{machine.address}:8888/login", data=b"x" * 300 * 2**20, timeout=120
            ).status_code
        except requests.ConnectionError:
            return 0  # told to go away before all was sent

    assert stranger.do(flood) in (0, 400, 413)


@pytest.mark.parametrize("who", ["stranger", "owner"])
def test_no_path_leads_out_of_the_folder(machine, owner, stranger, unchanged, who):
    """In many spellings, at each door of the server, the public ones among them."""
    headers = {"Cookie": cookies(owner)} if who == "owner" else {}
    headers["Referer"] = f"http://{machine.address}:8888/tree"

    targets = ("etc/passwd", "etc/pi-nn/jupyter-password.json")
    paths = ["".join(parts) for parts in itertools.product(DOORS, CLIMBS, targets)]
    for path in paths:
        status, _, body = stranger.do(ask, machine.address, "GET", path, **headers)
        assert "root:x:0" not in body, path
        assert "argon2" not in body, path
        assert status != 200 or who == "owner", path  # whom an app's empty page may be shown
    print(f"\n{len(paths)} paths were tried as {who}")


def test_another_site_can_do_nothing_with_the_owners_browser(machine, owner, unchanged):
    """It sends the owner's cookie with whatever a foreign page asks for, and names that page."""
    browser = {"Cookie": cookies(owner)}
    for method, path, body in ORDERS:
        for foreign in (
            {"Origin": EVIL, "Referer": f"{EVIL}/trap"},
            {"Origin": "null", "Content_Type": "text/plain"},
            {"Content_Type": "application/x-www-form-urlencoded"},
        ):
            status, headers, _ = ask(machine.address, method, path, body, **browser, **foreign)
            assert status in (403, 404, 405), (method, path, foreign, status)
            assert "Access-Control-Allow-Origin" not in headers
    foreign = {"Origin": EVIL, "Referer": f"{EVIL}/trap"}
    for path in PAGES:  # a page may be asked for, but the foreign one does not get to see it
        _, headers, _ = ask(machine.address, "GET", path, **browser, **foreign)
        assert "Access-Control-Allow-Origin" not in headers, path
    for path in ("/files/mine.ipynb", "/nbconvert/html/mine.ipynb"):  # nor to run it
        assert ask(machine.address, "GET", path, **browser, **foreign)[0] == 403, path


def test_another_site_opens_no_channel(machine, owner, unchanged):
    """Of a kernel or of the events; the same with the own page's name works."""
    for path in CHANNELS[1:]:
        url = f"ws://{machine.address}:8888{path.format(kernel=owner.kernel)}"
        for origin in (EVIL, "null", f"http://{machine.address}:8889"):
            assert handshake(url, cookie=cookies(owner), origin=origin) == 403, (path, origin)
        own = f"http://{machine.address}:8888"
        assert handshake(url, cookie=cookies(owner), origin=own) == 101, path


def test_the_session_is_kept_from_scripts_and_frames(machine, stranger, password):
    """By the cookie's marks, and by what the pages allow."""
    session = requests.Session()
    url = f"http://{machine.address}:8888"
    session.get(f"{url}/login", timeout=60)
    form = {"password": password, "_xsrf": session.cookies["_xsrf"]}
    answer = session.post(f"{url}/login", data=form, allow_redirects=False, timeout=60)
    cookie = next(
        line for line in answer.raw.headers.getlist("Set-Cookie") if line.startswith("username-")
    )
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    page = session.get(f"{url}/tree", timeout=60)
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    elsewhere = session.post(f"{url}/login?next=//evil.example/", data=form, allow_redirects=False)
    assert elsewhere.headers["Location"] == "/"


def secrets_of(machine, password):
    """Return what must not be read: passwords, the hash, what sessions are signed with."""
    kept = json.loads(machine.run("cat /etc/pi-nn/jupyter-password.json", user="root").stdout)
    hashed = kept["PasswordIdentityProvider"]["hashed_password"]
    signed_with = hashlib.sha256(hashed.encode()).hexdigest()
    return {
        "password": password,
        "hash": hashed,
        "key of sessions": signed_with,
        "sudo's password": machine.password,
    }


def files_with(machine, secret, where, readable_by_all=False):
    """Return the files that hold a secret; it goes there by a file, no command line shows it."""
    words = machine.root / "root/words"
    words.write_text(secret + "\n")
    words.chmod(0o600)
    readable = "-perm -o=r" if readable_by_all else ""
    found = machine.run(
        f"find {where} -xdev -type f {readable} ! -path /root/words -print0 "
        "| xargs -0r grep -alF -f /root/words; rm /root/words",
        user="root",
    )
    return found.stdout.split()


def test_no_secret_can_be_read_by_all(machine, password, owner):
    """In settings, programs and homes; nor a private key, in any file of theirs."""
    where = "/etc /opt /home /root /srv /var /boot /tmp"
    for name, secret in secrets_of(machine, password).items():
        assert files_with(machine, secret, where, readable_by_all=True) == [], name
    keys = files_with(machine, "PRIVATE KEY-----", where, readable_by_all=True)
    assert [path for path in keys if "/site-packages/" not in path] == []
    runtime = machine.run("stat -c '%a' .local/share/jupyter/runtime/*.json").stdout.split()
    assert set(runtime) == {"600"}  # the keys of kernels


def test_only_the_hash_is_kept(machine, password):
    """In one file, of root and the service."""
    secrets = secrets_of(machine, password)
    where = "/etc /opt /home /root /srv /var /boot /tmp /run"
    assert files_with(machine, secrets["password"], where) == []
    assert files_with(machine, secrets["hash"], where) == ["/etc/pi-nn/jupyter-password.json"]
    assert machine.run("stat -c '%a %U:%G' /etc/pi-nn/jupyter-password.json").stdout == (
        "640 root:pi\n"
    )


def test_no_secret_is_logged_or_seen_in_a_list_of_processes(machine, password, owner):
    """Neither the passwords nor what was typed wrongly, which may be nearly right."""
    journal = machine.run("journalctl --all --no-pager -o export", user="root").stdout
    assert "ansible-ansible.legacy.command" in journal
    assert "POST /login" in journal
    processes = machine.run(
        "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'", user="root"
    ).stdout
    assert "ipykernel_launcher" in processes
    for name, secret in {**secrets_of(machine, password), "guess": "guess-17"}.items():
        assert files_with(machine, secret, "/var/log") == [], name
        assert secret not in journal, name
        assert secret not in processes, name


def test_the_service_has_few_rights(machine):
    """By systemd's own rating, below 5.0 of 10."""
    rating = machine.run("systemd-analyze security pi-nn-jupyter --no-pager", user="root").stdout
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", rating)[1])
    print(f"\nexposure {exposure}")
    assert exposure < 5


def fingerprint(pem):
    """Return the SHA-256 of a certificate as openssl writes it."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    return ":".join(digest[place : place + 2] for place in range(0, 64, 2))


def served(machine, stranger):
    """Return the fingerprint of the certificate that a stranger is shown."""
    return fingerprint(stranger.do(ssl.get_server_certificate, (machine.address, 8888)))


def wait_for_port(machine):
    """Wait for a server that was started again."""
    deadline = time.monotonic() + 300
    while not is_open(machine.address, 8888):
        assert time.monotonic() < deadline, "Jupyter did not answer in five minutes"
        time.sleep(0.5)


def answers_plainly(machine):
    """Return whether the server answers who speaks without encryption."""
    try:
        return bool(ask(machine.address, "GET", "/login")[0])
    except (http.client.HTTPException, ConnectionError):
        return False


def test_encryption_with_a_certificate_of_the_pis_own(machine, playbooks, stranger, password):
    """The fingerprint that is told is served; plain http is not; the key is the service's."""
    assert answers_plainly(machine)
    play = playbooks.succeed("site", "--tags", "base,jupyter", jupyter_tls="self-signed")
    assert f"https://{machine.address}:8888/" in play.words
    wait_for_port(machine)
    assert f"Fingerprint={served(machine, stranger)}" in play.words.replace(" ", "")
    assert not answers_plainly(machine)
    assert machine.run("stat -c '%a %U:%G' /etc/pi-nn/self-signed.pem").stdout == "640 root:pi\n"
    key = machine.run("openssl pkey -in /etc/pi-nn/self-signed.pem", user="root").stdout
    assert files_with(machine, key.splitlines()[1], "/etc /home /opt /var /tmp") == [
        "/etc/pi-nn/self-signed.pem"
    ]
    again = playbooks.succeed("site", "--tags", "base,jupyter", jupyter_tls="self-signed")
    assert again.changed == 0
    playbooks.succeed("verify", jupyter_tls="self-signed")


def test_the_session_is_for_the_encrypted_page_alone(machine, playbooks, password):
    """A browser that was told to trust the certificate takes it, for the Pi's address."""
    certificate = playbooks.folder / "pi.crt"
    certificate.write_text(machine.run("openssl x509 -in /etc/pi-nn/self-signed.pem").stdout)
    visitor = Visitor(f"https://{machine.address}:8888")
    visitor.session.trust_env = False  # which may name other certificates
    visitor.session.verify = str(certificate)
    assert visitor.log_in(password)
    assert all(each.secure for each in visitor.session.cookies if each.name != "_xsrf")


@pytest.fixture
def given(playbooks):
    """A certificate and its key in one file, as a school's IT may hand them out."""
    folder = playbooks.folder
    new = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=given")
    call(*new, "-days", "9", "-keyout", folder / "given.key", "-out", folder / "given.crt")
    both = (folder / "given.crt").read_text() + (folder / "given.key").read_text()
    (folder / "given.pem").write_text(both)
    return folder / "given.pem"


def test_encryption_with_a_certificate_that_was_given(machine, playbooks, stranger, given):
    """It is served in place of the Pi's own; and without either all is as before."""
    play = playbooks.succeed("site", "--tags", "base,jupyter", jupyter_tls=str(given))
    assert "PRIVATE KEY" not in play.output
    wait_for_port(machine)
    assert served(machine, stranger) == fingerprint(given.with_suffix(".crt").read_text())
    playbooks.succeed("verify", jupyter_tls=str(given))
    playbooks.succeed("site", "--tags", "base,jupyter", jupyter_tls="")
    Visitor(f"http://{machine.address}:8888").wait()
    playbooks.succeed("verify")


def test_a_certificate_without_its_key_is_refused(playbooks, given):
    """Before anything is changed, with what was expected and what is wrong."""
    for wrong in (given.with_suffix(".crt"), given.with_name("missing.pem")):
        play = playbooks.run("site", "--tags", "base,jupyter", jupyter_tls=str(wrong))
        assert play.code != 0
        assert play.changed == 0
        assert f"jupyter_tls is {wrong}: expected 'self-signed', or a file" in play.words


def test_uninstalling_takes_the_key_along(machine, playbooks, stranger):
    """Of the encrypted page nothing is left, and no port but SSH's is open; the work stays."""
    playbooks.succeed("site", "--tags", "base,jupyter", jupyter_tls="self-signed")
    key = machine.run("openssl pkey -in /etc/pi-nn/self-signed.pem", user="root").stdout
    work = machine.run("sha256sum pi-nn/notebooks/mine.ipynb").stdout
    playbooks.succeed("uninstall", jupyter_tls="self-signed")
    assert files_with(machine, key.splitlines()[1], "/etc /home /opt /var /tmp") == []
    assert stranger.do(open_ports, machine.address) == [22]
    assert machine.run("sha256sum pi-nn/notebooks/mine.ipynb").stdout == work
