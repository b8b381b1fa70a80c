"""The page to draw on, on a real systemd machine: in a browser, under load, and what it may see.

Each test goes on where the one before it ended. Jupyter is not installed: the page needs none.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from importlib import resources
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw
from selenium.webdriver.common.keys import Keys

from nn.page.fetching import NAME
from nn.page.reader import MOST_DIGITS
from scripts.bench.browser import Browser
from scripts.bench.drawers import TYPE, draw_at_once
from scripts.machines.host import call
from tests.conftest import PROJECT
from tests.machines.machine import ASKED_FOR, Machine
from tests.provision.playbooks import Playbooks, controller_variables

ROLES = "base,scientific_python,kit,draw"
ONE = [(0, -90), (0, -45), (0, 0), (0, 45), (0, 90)]
DIGITS = f"/var/lib/private/pi-nn-draw/{NAME}"
MEMORY_MB = 128
IS_BLANK = """
const canvas = document.querySelector(".pi-nn-pad-canvas");
const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
return data.every((level) => level === 255);
"""
VERIFIED = (("base", "user"), ("draw", "verify"))


@pytest.fixture(scope="module", params=ASKED_FOR)
def machine(request):
    """A machine with the kit and the page, whose user's home is closed, and a model in it."""
    with Machine(request.param, "pi-9", memory_mb=430) as machine:
        machine.run("chmod 0700 /home/pi", user="root")
        yield machine


@pytest.fixture(scope="module")
def playbooks(machine, tmp_path_factory):
    """The playbooks for that machine."""
    folder = tmp_path_factory.mktemp("controller")
    variables = {**controller_variables(folder), "draw_install": True, "draw_collect": True}
    return Playbooks(machine, folder, variables)


@pytest.fixture(scope="module")
def url(machine):
    return f"http://{machine.address}"


@pytest.fixture(scope="module")
def browser(url):
    """A phone, held upright."""
    with Browser(url) as browser:
        browser.resize(360, 740, touch=True)
        yield browser


def shown(machine, name, unit="pi-nn-draw.service"):
    return machine.run(f"systemctl show {unit} -p {name} --value").stdout.strip()


def status_of(machine, name):
    """Return a line of the service's status in the kernel's words, in MB."""
    text = machine.run(f"cat /proc/{shown(machine, 'MainPID')}/status", user="root").stdout
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) / 1024


def test_converge(machine, playbooks):
    """The port is open, and nothing is in memory."""
    start = time.monotonic()
    playbooks.succeed("site", "--tags", ROLES)
    print(f"\n{machine.release}: provisioned in {time.monotonic() - start:.0f} s")
    assert shown(machine, "ActiveState", "pi-nn-draw.socket") == "active"
    assert shown(machine, "MainPID") == "0"


def test_the_second_run_changes_nothing(machine, playbooks):
    """changed=0, and still nothing in memory."""
    assert playbooks.succeed("site", "--tags", "base,kit,draw").changed == 0
    assert shown(machine, "MainPID") == "0"


def test_a_model_of_a_closed_home_is_offered(machine, browser, url):
    """As Jupyter saves it: for its user and the group. The first visitor is asked to wait."""
    train = [sys.executable, "-m", "nn", "train", "--preset", "smoke"]
    model = machine.root / "home/pi/pi-nn/models/ours.npz"
    sample = PROJECT / "mnist_dataset"
    data = ["--train", sample / "sample_train.csv.gz", "--test", sample / "sample_test.csv.gz"]
    subprocess.run([*train, *data, "--model", model], capture_output=True, check=True)
    machine.run("chown pi: ~pi/pi-nn/models/ours.npz; chmod 0640 ~pi/pi-nn/models/*", user="root")
    start = time.monotonic()
    browser.go("/")
    browser.find_text("#model", "ours")
    print(f"\n{machine.release}: awake in {time.monotonic() - start:.1f} s")
    assert shown(machine, "MainPID") != "0"
    assert browser.find("#model").text.split("\n")[0] == "ours"


def test_a_digit_drawn_with_a_finger_is_read(browser):
    """The answer, its ten bars, and what the network saw; the page asks for nothing else."""
    browser.touch(browser.find(".pi-nn-pad-canvas"), ONE)
    browser.find_text(".pi-nn-pad-status", "The network reads 1")
    browser.find_text("#answers .answer", "1")
    names = (
        "return [...document.querySelectorAll('#answers tbody th')].map((each) => each.innerText)"
    )
    assert browser.run(names) == [*"0123456789"]
    assert browser.find("#answers .winner").text.startswith("1")
    assert browser.find("figure canvas").size["width"] >= 112
    assert browser.log() == []


def test_a_finger_does_not_scroll_and_all_fits_the_phone(browser):
    """No sideways scrolling; all that can be touched is large enough for a finger."""
    width, scrolled = browser.run("return [document.documentElement.scrollWidth, window.scrollX]")
    assert (width, scrolled) == (360, 0)
    sizes = browser.run(
        "return [...document.querySelectorAll('button, select, input')].filter("
        "(each) => each.offsetParent).map((each) => each.getBoundingClientRect().height)"
    )
    assert len(sizes) >= 13
    assert min(sizes) >= 40


def test_who_draws_says_which_digit_it_is(machine, browser):
    """It is one line on the disk, with the label, and not a second one."""
    browser.find("#labels button:nth-child(2)").click()
    browser.find_text("#kept", "Kept as 1: your class has 1 digit")
    assert browser.run(IS_BLANK)  # for the next one
    line = machine.run(f"cat {DIGITS}", user="root").stdout
    assert re.fullmatch(r"1(,\d{1,3}){784}\n", line)
    assert browser.find("#labels button:nth-child(2)").get_attribute("aria-disabled") == "true"

    browser.run("document.querySelector('#labels button:nth-child(2)').focus()")
    assert browser.run("return document.activeElement.innerText") == "1"
    browser.find("#labels button:nth-child(2)").click()
    time.sleep(1)
    assert machine.run(f"cat {DIGITS}", user="root").stdout == line


def test_it_keeps_the_rules_of_axe(browser, url):
    """For those who see little, or use a keyboard or a screen reader; the wall, too."""
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text()
    for path in ("/wall", "/"):
        browser.go(path)
        browser.find("a")
        browser.run(axe)
        browser.run("axe.run().then((found) => (window.found = found))")
        while not (found := browser.run("return window.found")):
            time.sleep(0.2)
        assert found["violations"] == []
        assert len(found["passes"]) > 20
    browser.touch(browser.find(".pi-nn-pad-canvas"), ONE)
    browser.find_text(".pi-nn-pad-status", "The network reads 1")


def test_a_photo_is_read(browser, tmp_path):
    """Larger than the server takes: the browser makes it smaller. Two digits, two answers."""
    picture = Image.new("RGB", (2400, 1800), "white")
    pen = ImageDraw.Draw(picture)
    for left in (800, 1500):
        pen.line([(left, 500), (left, 1300)], fill=(20, 20, 60), width=90)
    picture.save(tmp_path / "photo.jpg")
    browser.find(".pi-nn-upload input").send_keys(str(tmp_path / "photo.jpg"))
    browser.find_text(".pi-nn-pad-status", "The network reads 2 digits: ")
    (tmp_path / "no.jpg").write_text("no picture")
    browser.find(".pi-nn-upload input").send_keys(str(tmp_path / "no.jpg"))
    browser.find_text(".pi-nn-pad-status", "This picture is not a valid PNG picture")


def test_the_keyboard_draws_as_well(browser):
    """Arrow keys move the pen, the space bar sets it down; the answer is read aloud."""
    browser.find(".pi-nn-pad-clear").click()
    browser.find_text(".pi-nn-pad-status", "Draw a digit here")
    canvas = browser.find(".pi-nn-pad-canvas")
    canvas.send_keys(Keys.ARROW_UP * 7, " ", Keys.ARROW_DOWN * 14, " ")
    browser.find_text(".pi-nn-pad-status", "The network reads 1")
    assert browser.find(".pi-nn-pad-status").get_attribute("role") == "status"
    assert "arrow keys" in browser.find(".pi-nn-pad-keys").text
    browser.find("#labels button:nth-child(2)").click()
    browser.find_text("#kept", "Kept as 1: your class has 2 digits")


def test_the_wall_shows_answers_and_the_sheet_grows(browser, url):
    """Without a reload."""
    browser.resize(1280, 800)
    browser.go("/wall")
    browser.find_text("#answers", "1")
    browser.find_text("#sheet", "Our own digits: 2")
    before = len(browser.run("return document.querySelectorAll('#answers li')"))
    draw_at_once(url, 1, 1)
    deadline = time.monotonic() + 20
    while len(browser.run("return document.querySelectorAll('#answers li')")) == before:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    browser.go("about:blank")


def test_it_sees_nothing_of_the_users_files(machine, url):
    """But the models, which it cannot write; nor the password of Jupyter, nor the network."""
    machine.run("mkdir /etc/pi-nn; echo secret > /etc/pi-nn/jupyter-password.json", user="root")
    machine.run("systemctl stop pi-nn-draw.service", user="root")
    assert draw_at_once(url, 1, 1)["answers"] == 1
    inside = f"nsenter --target {shown(machine, 'MainPID')} --mount --net "
    assert machine.run(f"{inside} ls -A /home /home/pi /home/pi/pi-nn", user="root").stdout == (
        "/home:\npi\n\n/home/pi:\npi-nn\n\n/home/pi/pi-nn:\nmodels\nnotebooks\n"
    )
    assert machine.run(f"{inside} ls /etc/pi-nn", user="root").stdout == ""
    write = machine.run(f"{inside} touch /home/pi/pi-nn/models/x", user="root", check=False)
    assert "Read-only file system" in write.stderr
    if "eth0" in machine.run(f"{inside} ip link", user="root").stdout:
        # systemd 257 gives it no network of its own in this container, and says so
        said = machine.run("journalctl -u pi-nn-draw.service", user="root").stdout
        assert "lack privileges for network namespace, proceeding without" in said
    listed = machine.run(f"ls -A {DIGITS}", check=False)
    assert "Permission denied" in listed.stderr
    machine.run("rm -r /etc/pi-nn", user="root")


def test_it_calls_nobody(machine):
    """A program in its place can open no socket of a network; it was given the one it has."""
    program = "/usr/bin/python3 -c 'import socket; socket.socket(socket.%s)'"
    unit = "/run/systemd/system/pi-nn-try"
    ended = {}
    for family in ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_UNIX"):
        changed = f"[Service]\nType=oneshot\nExecStart=\nExecStart={program % family}\n"
        machine.run(
            f"mkdir -p {unit}.service.d && printf %s {shlex.quote(changed)} > "
            f"{unit}.service.d/try.conf && cp /etc/systemd/system/pi-nn-draw.service "
            f"{unit}.service && systemctl daemon-reload",
            user="root",
        )
        run = machine.run("systemctl start pi-nn-try.service", user="root", check=False)
        ended[family] = run.returncode == 0
    said = machine.run("journalctl -b -u pi-nn-try.service", user="root").stdout
    machine.run(f"rm -r {unit}.service {unit}.service.d; systemctl daemon-reload", user="root")
    assert said.count("Address family not supported by protocol") == 4
    assert [family for family, opened in ended.items() if opened] == ["AF_UNIX"]


def test_systemd_calls_it_safe(machine):
    """An exposure below 3.0."""
    checked = "systemd-analyze security --threshold=30 pi-nn-draw.service"
    said = machine.run(checked, user="root").stdout.splitlines()[-1]
    print("\n" + said)
    assert float(re.search(r"service: ([\d.]+)", said)[1]) < 3.0


def test_thirty_at_once_on_one_core(machine, url):
    """Nothing is lost, nothing needs more than the memory it may have; the 95th percentile."""
    machine.run(f"taskset -acp 0 {shown(machine, 'MainPID')}", user="root")
    sources = [f"{machine.network.gateway}{number:02}" for number in range(30)]  # 10.77.N.100 on
    for source in sources:
        call("ip", "address", "add", f"{source}/24", "dev", machine.network.veth)
    load = draw_at_once(url, 30, 5, sources)
    peak = status_of(machine, "VmHWM")
    print(f"\n{machine.release}: {json.dumps(load)}, {peak:.0f} MB at most")
    assert load["answers"] == 150
    assert load["lost"] == []
    assert peak < MEMORY_MB
    assert load["p95_s"] < 10


def test_large_photos_at_once_need_no_more(machine, url):
    """The largest that it takes, of as many digits as it answers, by three who ask at once."""
    grain = np.random.default_rng(1).normal(228, 20, (1000, 1000))
    picture = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for number in range(MOST_DIGITS):
        left, top = 80 + 180 * (number % 5), 80 + 230 * (number // 5)
        pen.line([(left, top), (left + 10, top + 120)], fill=10, width=16)
    content = BytesIO()
    picture.save(content, "PNG")
    process = shown(machine, "MainPID")

    def send(number):
        source = f"{machine.network.gateway}{number:02}", 0
        connection = HTTPConnection(machine.address, 80, timeout=120, source_address=source)
        with closing(connection):
            connection.request("POST", "/photo", content.getvalue(), TYPE)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())

    with ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(send, range(3)))
    peak = status_of(machine, "VmHWM")
    print(f"\n{machine.release}: {content.tell() / 1e6:.1f} MB each, {peak:.0f} MB at most")
    assert [(status, len(found["digits"])) for status, found in replies] == [(200, MOST_DIGITS)] * 3
    assert peak < MEMORY_MB
    assert shown(machine, "MainPID") == process


def test_the_teacher_turns_the_switch_over_ssh(machine, url):
    """With sudo's password typed on a terminal; no visitor can say which digit it was while off."""

    def switch(to):
        command = f"python3 -m nn draw --class-digits {to}"  # pi-nn comes with Jupyter
        typed = f"cd pi-nn && script -qec '{command}' /dev/null"
        return machine.run(f"(sleep 2; echo {machine.password}; sleep 2) | ({typed})").stdout

    def state():
        with urllib.request.urlopen(f"{url}/state", timeout=60) as reply:
            return json.load(reply)["collects"]

    assert state()
    assert "keeps nothing" in switch("off")
    assert not state()
    keep = urllib.request.Request(f"{url}/keep?id=1&label=1", data=b"", headers=TYPE)
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(keep, timeout=60)
    refused.value.close()
    assert "asks which digit it is" in switch("on")
    assert state()


def test_it_sleeps_and_wakes(machine, playbooks):
    """After ten minutes; the class's digits and the port are there after a reboot, too."""
    assert "--idle-minutes 10 " in machine.run("cat /etc/systemd/system/pi-nn-draw.service").stdout
    machine.reboot()
    assert shown(machine, "MainPID") == "0"
    roles = [{"name": name, "tasks_from": tasks} for name, tasks in VERIFIED]
    tasks = [{"ansible.builtin.include_role": role} for role in roles]
    play = playbooks.folder / "verify_draw.yml"
    play.write_text(json.dumps([{"hosts": "pis", "tasks": tasks}]))
    playbooks.succeed(os.path.relpath(play.with_suffix(""), PROJECT / "ansible/playbooks"))
    assert shown(machine, "MainPID") != "0"


def test_a_backup_has_the_digits_and_brings_them_back(machine, playbooks):
    """Though their folder is closed to the user; a lost file is restored, a longer one stays."""
    before = machine.run(f"cat {DIGITS}", user="root").stdout
    playbooks.succeed("backup")
    copy = machine.root / f"home/pi/pi-nn/mnist_dataset/{NAME}"
    assert copy.read_text() == before
    machine.run(f"systemctl stop pi-nn-draw.service; rm {DIGITS}", user="root")
    copy.unlink()
    playbooks.succeed("restore")
    assert copy.read_text() == before
    assert machine.run(f"cat {DIGITS}", user="root").stdout == before
    assert playbooks.succeed("restore").changed == 0


def test_a_page_that_is_no_longer_wanted_goes(machine, playbooks):
    """Its port closes; the class's digits stay."""
    playbooks.succeed("site", "--tags", "base,draw", draw_install=False)
    assert machine.run(f"ls {DIGITS}", user="root").stdout == f"{DIGITS}\n"
    assert machine.run("ls /opt/pi-nn /etc/systemd/system", user="root").stdout.count("draw") == 0
    with pytest.raises(ConnectionRefusedError, match="refused"):
        socket.create_connection((machine.address, 80), timeout=10)
