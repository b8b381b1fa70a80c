"""The whole way of a Pi, in order, on a real systemd machine: from a fresh card to uninstalled.

Each test goes on where the one before it ended.
"""

import json
import re
import subprocess
import sys
import time
from math import cos, pi, sin

import numpy as np
import pytest
from PIL import Image

from nn.data.download import FILES
from scripts.bench.browser import Browser
from scripts.machines.host import MachineError
from tests.conftest import PROJECT
from tests.machines.jupyter_client import Visitor
from tests.machines.machine import ASKED_FOR, Machine
from tests.provision.playbooks import Playbooks, controller_variables

NOTEBOOK = "pi-nn/notebooks/mine.ipynb"
SHIPPED = "pi-nn/notebooks/README.md"


UPLOADED = ".widget-vbox .widget-html-content"
RING = [2 * pi * step / 16 for step in range(17)]
SCRIPT = "<p>a foreign notebook</p><script>steal()</script>"
EARLIER = "patient_login durable_contents expendable_kernels atomic set_password".split()
RPI_SWAP = "/etc/rpi/swap.conf.d/80-pi-nn.conf"
LANGUAGES = {"r": "r-base-core", "forth": "gforth", "c": "gcc libc6-dev"}
APT_COST = "LC_ALL=C apt-get install --assume-no --no-install-recommends -o Debug::NoLocking=1"
COST = re.compile(r"^(?:Need to get|After this operation).*", re.M)
HUNGRY = """\
import mmap
held = []
while True:
    held.append(mmap.mmap(-1, 2**20))
    held[-1].write(bytes(2**20))"""
COMMAND_LINE = "console=serial0,115200 console=tty1 root=PARTUUID=4d8097e2-02 rootwait"


@pytest.fixture(scope="module", params=ASKED_FOR)
def machine(request):
    """A fresh machine of a release, for all tests of this file."""
    with Machine(request.param, "pi-1", memory_mb=430) as machine:
        make_like_raspberry_pi_os(machine)
        machine.fresh_packages = installed_packages(machine)
        yield machine


def make_like_raspberry_pi_os(machine):
    """Add what its images have and Debian's have not: the boot partition, and swap.

    A container may not turn swap on, so swapon and swapoff are stand-ins; the program that makes
    the file is the real one. rpi-swap is not in Debian: its settings file alone is there.
    """
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
    swap = {
        "bookworm": (
            "ln -sf /bin/true /sbin/swapon; ln -sf /bin/true /sbin/swapoff; "
            "echo CONF_SWAPSIZE=100 > /etc/dphys-swapfile; "
            f"apt-get update -qq; {install} -o Dpkg::Options::=--force-confold dphys-swapfile; "
            "rm -rf /var/lib/apt/lists/*"  # a new card has none
        ),
        "trixie": "mkdir -p /etc/rpi; echo '[Main]' > /etc/rpi/swap.conf",
    }
    machine.run(
        f"mkdir -p /boot/firmware; echo '{COMMAND_LINE}' > /boot/firmware/cmdline.txt; "
        + swap[machine.release],
        user="root",
        timeout=300,
    )


def installed_packages(machine):
    packages = machine.snapshot().packages.items()
    return {name.split(":")[0] for name, state in packages if state.startswith("installed")}


@pytest.fixture(scope="module")
def playbooks(machine, tmp_path_factory):
    """The playbooks for that machine; secrets, backups and data in a folder of the test's own."""
    folder = tmp_path_factory.mktemp("controller")
    settings = {"base_timezone": "Europe/Berlin", "base_locale": "de_DE.UTF-8"}
    return Playbooks(machine, folder, {**controller_variables(folder), **settings})


@pytest.fixture
def visitor(machine):
    visitor = Visitor(f"http://{machine.address}:8888")
    visitor.wait()
    return visitor


def used_mb(machine):
    return int(machine.run("du -smx /", user="root").stdout.split()[0])


def hash_of(machine, path):
    return machine.run(f"sha256sum {path}").stdout.split()[0]


def test_check_mode_changes_nothing_on_a_fresh_machine(machine, playbooks):
    """And does not fail; files and packages are compared, here and on the controller."""
    before = machine.snapshot()
    # which add to the tasks
    playbooks.succeed("site", "--check", jupyter_tls="self-signed", languages_install=[*LANGUAGES])
    assert before.differences(machine.snapshot()) == []
    assert sorted(path.name for path in playbooks.folder.iterdir()) == [
        "hosts.yml",
        "variables.json",
    ]


@pytest.mark.parametrize("wrong", [["r", "python"], ["R"], "r,c"], ids=str)
def test_an_unknown_language_is_refused(machine, playbooks, wrong):
    """By name, before anything is changed; the message lists those that there are."""
    before = machine.snapshot()
    play = playbooks.run("site", languages_install=wrong)
    assert play.code != 0
    assert "to be a list of any of r, forth, c, such as [r, c], got" in play.words
    assert json.dumps(wrong) in play.words
    assert "TASK [base" not in play.output
    assert before.differences(machine.snapshot()) == []


def test_converge(machine, playbooks):
    """One command; how long it took and how much it installed is reported."""
    used = used_mb(machine)
    start = time.monotonic()
    play = playbooks.succeed("site")
    seconds = time.monotonic() - start
    installed = used_mb(machine) - used
    print(f"\n{machine.release}: provisioned in {seconds:.0f} s, {installed} MB installed")
    assert play.changed > 10
    assert f"http://{machine.address}:8888/" in play.words
    password = (playbooks.folder / "secrets" / "jupyter-password").read_text().strip()
    assert len(password) == 16
    assert password not in play.output


def test_the_second_run_changes_nothing(playbooks):
    """changed=0."""
    assert playbooks.succeed("site").changed == 0


def test_files_of_earlier_versions_are_removed(machine, playbooks):
    """Programs that lie elsewhere now: an upgraded machine has the files of a fresh one."""
    before = machine.snapshot()
    old = [f"/etc/pi-nn/{name}.py" for name in EARLIER] + ["/var/lib/pi-nn/remember_packages.py"]
    machine.run(f"touch {' '.join(old)}", user="root")
    assert len(before.differences(machine.snapshot())) == len(old)
    playbooks.succeed("site", "--tags", "base,jupyter")
    lines = before.differences(machine.snapshot())
    assert [line for line in lines if "/pi-nn/" in line.split(":")[0]] == []


def test_the_board_is_set_up_as_asked(machine):
    """Time zone, locale, size of swap, and a kernel that can limit memory."""
    assert machine.run("readlink /etc/localtime").stdout.endswith("/Europe/Berlin\n")
    assert machine.run("cat /etc/default/locale").stdout.splitlines()[-1] == "LANG=de_DE.UTF-8"
    assert "de_DE.utf8" in machine.run("locale -a").stdout.split()
    if machine.release == "trixie":
        settings = machine.run(f"cat {RPI_SWAP}").stdout
        assert settings.endswith("[File]\nFixedSizeMiB=512\n")
    words = machine.run("cat /boot/firmware/cmdline.txt").stdout
    assert words == f"{COMMAND_LINE} cgroup_enable=memory\n"


def test_verify(playbooks):
    """Each role's own checks."""
    playbooks.succeed("verify")


def test_numpy_uses_the_fast_blas(machine):
    """And the kit the backend that is faster with it."""
    ask = "from nn.backends import *; import numpy; print(loaded_blas(), faster_backend(200, 16))"
    assert machine.run(f"/opt/pi-nn/venv/bin/python -c '{ask}'").stdout == "openblas dense\n"


def test_jupyter_refuses_strangers(visitor):
    """No password, wrong password: no notebooks, no kernels, no terminals."""
    assert visitor.status("/api/contents") == 403
    assert visitor.status("/api/kernels") == 403
    assert visitor.status("/tree") == 302  # to the login page
    assert not visitor.log_in("wrong password")
    assert visitor.status("/api/terminals") in (403, 404)


def test_jupyter_computes_for_those_with_the_password(visitor, playbooks):
    """A kernel started through the API computes a numpy result, and finds the kit."""
    password = (playbooks.folder / "secrets" / "jupyter-password").read_text().strip()
    assert visitor.log_in(password)
    assert visitor.compute("import numpy; print(numpy.arange(10).sum())") == "45\n"
    code = "from nn.book import neuralNetwork; print(neuralNetwork(2, 3, 1, 0.1).wih.shape)"
    assert visitor.compute(code) == "(3, 2)\n"
    plot = "%matplotlib inline\nfrom matplotlib import pyplot\npyplot.plot([1, 2]); print('drawn')"
    assert visitor.compute(plot) == "drawn\n"
    hoard = "try:\n    bytearray(2 * 2**30)\nexcept MemoryError:\n    print('refused')"
    assert visitor.compute(hoard) == "refused\n"  # and the kernel lives


def test_a_kernel_that_eats_all_memory_is_killed_alone(machine, visitor, playbooks):
    """In small pieces, up to the board's 430 MB; LimitDATA does not count shared memory."""
    assert visitor.log_in((playbooks.folder / "secrets" / "jupyter-password").read_text().strip())
    code = HUNGRY
    cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": []}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [{**cell, "execution_count": None}], "metadata": kernel}
    visitor.save("hungry.ipynb", {**notebook, "nbformat": 4, "nbformat_minor": 4})
    saved = hash_of(machine, "pi-nn/notebooks/hungry.ipynb")
    assert visitor.compute("print(open('/proc/self/oom_score_adj').read())") == "1000\n\n"
    kills = machine.cgroups.kills()
    before = machine.run("systemctl show -p MainPID,NRestarts pi-nn-jupyter ssh").stdout
    with pytest.raises(MachineError, match="the kernel was killed, says the server"):
        visitor.compute(code)
    assert machine.run("systemctl show -p MainPID,NRestarts pi-nn-jupyter ssh").stdout == before
    assert machine.cgroups.kills() == kills + 1
    assert hash_of(machine, "pi-nn/notebooks/hungry.ipynb") == saved
    kept = json.loads(machine.run("cat pi-nn/notebooks/hungry.ipynb").stdout)
    assert kept["cells"][0]["source"] in (code, code.splitlines(keepends=True))
    assert visitor.compute("print(6 * 7)") == "42\n"


def test_a_kernel_that_collects_memory_is_refused_more_and_lives(machine, visitor, playbooks):
    """By a limit of its own: it holds on this machine, whose service has no limit of memory."""
    assert visitor.log_in((playbooks.folder / "secrets" / "jupyter-password").read_text().strip())
    kills = machine.cgroups.kills()
    hoard = "try:\n    while True:\n        held.append(bytearray(2**20))\nexcept MemoryError:"
    product = "import numpy\nnumpy.ones((300, 300)) @ numpy.ones((300, 300))"  # OpenBLAS reserves
    code = f"{product}\nheld = []\n{hoard}\n    print(len(held))"
    assert 100 < int(visitor.compute(code)) < 320
    assert machine.cgroups.kills() == kills


def test_kernels_that_do_nothing_are_ended(machine):
    """After half an hour, as the server itself says."""
    said = machine.run("journalctl -u pi-nn-jupyter --no-pager", user="root").stdout
    assert "Culling kernels with idle durations > 1800 seconds at 300 second intervals" in said


@pytest.fixture(scope="module")
def window(machine, playbooks, tmp_path_factory):
    """Somebody who logged in with the password, at a browser."""
    Visitor(f"http://{machine.address}:8888").wait()
    with Browser(f"http://{machine.address}:8888") as browser:
        browser.log_in((playbooks.folder / "secrets" / "jupyter-password").read_text().strip())
        yield browser


@pytest.fixture
def browser(window):
    """The same, for one notebook after another."""
    yield window
    window.end_kernels()


def test_the_first_notebook_shows_the_data_in_a_browser(browser):
    """All cells run, pictures are seen, and nothing went wrong."""
    browser.open_notebook("01_look_at_the_data.ipynb")
    browser.run_all()
    text, pictures = browser.walk()
    assert "Traceback" not in text, text[text.index("Traceback") :]
    assert "<- the label" in text
    assert pictures >= 3, text


def test_following_a_link_shuts_the_old_kernel_down(browser, visitor, playbooks):
    """On the server: two notebooks may need more memory than there is. All cells run in the new."""
    assert visitor.log_in((playbooks.folder / "secrets" / "jupyter-password").read_text().strip())
    browser.open_notebook("00_start_here.ipynb")
    browser.run_all()
    assert visitor.notebooks() == ["00_start_here.ipynb"]
    browser.follow_link("01_look_at_the_data.ipynb")
    assert visitor.notebooks() == ["01_look_at_the_data.ipynb"]
    browser.run_all()
    assert "Traceback" not in browser.walk()[0]
    assert visitor.notebooks() == ["01_look_at_the_data.ipynb"]


def test_a_killed_kernel_is_explained_in_its_notebook(browser):
    """Below the cell that was running."""
    browser.open_notebook("hungry.ipynb")
    browser.run_all(wait=False)
    browser.find_text(".jp-Notebook", "kernel was killed, almost certainly because the Pi ran out")
    browser.find(".jp-Dialog .jp-mod-accept").click()


def test_the_third_notebook_trains_in_a_browser(browser):
    """On MNIST, as brought to the Pi, with a progress bar and an accuracy."""
    browser.open_notebook("03_train_on_mnist.ipynb")
    browser.run_all()
    text, pictures = browser.walk()
    assert "Traceback" not in text, text[text.index("Traceback") :]
    assert "60,000 digits learned in" in text
    accuracy = re.search(r"([\d.]+) % of 10,000 test digits read correctly", text)[1]
    assert 80 < float(accuracy) < 95  # what the preset says, and a little more
    assert pictures == 6, text


def test_a_digit_drawn_with_the_mouse_is_read(browser):
    """An upright stroke is a 1; a ring beside it is not, and a cleared pad is no digit."""
    browser.open_notebook("05_your_own_handwriting.ipynb")
    browser.run_all()
    text, pictures = browser.walk()
    assert "Traceback" not in text
    assert pictures == 2  # the file that the notebook reads, and the digit in it
    canvas = browser.find(".pi-nn-pad-canvas")
    browser.find_text(".pi-nn-answer", "Nothing is drawn yet")
    browser.draw(canvas, [[(0, -90), (0, -30), (0, 30), (0, 90)]])
    browser.find_text(".pi-nn-answer", "The network reads 1")
    browser.find(".pi-nn-pad-clear").click()
    browser.find_text(".pi-nn-answer", "Nothing is drawn yet")
    ring = [(round(60 * cos(turn)), round(85 * sin(turn))) for turn in RING]
    browser.draw(canvas, [ring])
    browser.find_text(".pi-nn-answer", "The network reads 0")
    browser.find(".pi-nn-answer img")
    browser.find(".pi-nn-pad-clear").click()
    browser.find_text(".pi-nn-answer", "Nothing is drawn yet")
    browser.touch(canvas, [(0, -90), (0, -30), (0, 30), (0, 90)])
    browser.find_text(".pi-nn-answer", "The network reads 1")


def photograph_of_a_one(path):
    """Save 5 megapixels of noisy paper, darker to the right, with an upright stroke: over 10 MB."""
    noise = np.random.default_rng(1).integers(-30, 30, (2400, 2100, 3))
    sheet = np.linspace(220, 160, 2100)[:, np.newaxis] + noise
    sheet[400:2000, 950:1150] -= 130
    Image.fromarray(sheet.clip(0, 255).astype(np.uint8)).save(path, compress_level=1)


def test_a_file_is_uploaded_and_answered(browser, tmp_path):
    """A photograph too large for one message, and a file that is no picture."""
    browser.open_notebook("05_your_own_handwriting.ipynb")
    browser.run_all()
    browser.walk()
    upload = browser.find(".pi-nn-upload input")
    (tmp_path / "notes.png").write_bytes(b"no picture" * 1_500_000)
    upload.send_keys(str(tmp_path / "notes.png"))
    browser.find_text(UPLOADED, "notes.png is not a valid PNG, JPEG, GIF, BMP or WebP picture")
    photograph_of_a_one(tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 10 * 2**20
    upload.send_keys(str(tmp_path / "one.png"))
    browser.find_text(UPLOADED, "The network reads 1")


def test_a_new_password_ends_old_sessions(machine, visitor, playbooks):
    """Somebody who got hold of a session is out when the password changes."""
    old = (playbooks.folder / "secrets" / "jupyter-password").read_text().strip()
    assert visitor.log_in(old)
    play = playbooks.succeed("site", "--tags", "base,jupyter", jupyter_password="another-word")
    assert "another-word" not in play.output
    visitor.wait()
    assert visitor.status("/api/contents") == 403
    assert not visitor.log_in(old)
    assert visitor.log_in("another-word")


def test_a_run_broken_off_before_the_restart_is_made_good(machine, visitor, playbooks):
    """Settings that were written, but not taken up, are at the next run."""
    machine.run("touch /etc/pi-nn/jupyter-password.json", user="root")
    before = machine.run("systemctl show -p MainPID pi-nn-jupyter").stdout
    play = playbooks.succeed("site", "--tags", "jupyter", jupyter_password="another-word")
    assert "TASK [jupyter : Restart Jupyter]" in play.output
    assert machine.run("systemctl show -p MainPID pi-nn-jupyter").stdout != before
    again = playbooks.succeed("site", "--tags", "jupyter", jupyter_password="another-word")
    assert again.changed == 0
    visitor.wait()


def test_a_foreign_notebook_is_converted_without_its_scripts(machine, visitor, playbooks):
    """Its page has the origin of Jupyter: a script in it could do all that the user can."""
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": SCRIPT}}
    cell = {"cell_type": "code", "source": "", "metadata": {}, "execution_count": 1}
    foreign = {"cells": [{**cell, "outputs": [output]}], "metadata": {}}
    notebook = json.dumps({**foreign, "nbformat": 4, "nbformat_minor": 4})
    machine.run(f"cat > pi-nn/notebooks/foreign.ipynb <<'END'\n{notebook}\nEND")
    assert visitor.log_in("another-word")
    page = visitor.page("/nbconvert/html/foreign.ipynb")
    assert "a foreign notebook" in page
    assert "<script>steal" not in page


def test_the_service_has_no_rights_beyond_the_users(machine):
    """It runs as the user, and systemd rates its exposure."""
    user = machine.run("systemctl show -p User --value pi-nn-jupyter").stdout.strip()
    assert user == "pi"
    rating = machine.run("systemd-analyze security pi-nn-jupyter --no-pager", user="root").stdout
    assert float(rating.rsplit("exposure level for pi-nn-jupyter.service: ")[1].split()[0]) < 5


def test_all_that_pip_installed_is_pure_python(machine):
    """Nothing compiled that Python imports: that comes from apt.

    debugpy's pure wheel has libraries that it puts into processes of other kinds when a debugger
    is attached to one; nothing does that here.
    """
    attached = "*/debugpy/_vendored/pydevd/pydevd_attach_to_process/*"
    found = machine.run(f"find /opt/pi-nn/venv/lib -name '*.so' ! -path '{attached}'")
    assert found.stdout == ""
    assert machine.run("/opt/pi-nn/venv/bin/pip check", check=False).stdout == (
        "No broken requirements found.\n"
    )


def test_secrets_are_for_those_they_concern(machine, playbooks):
    """The password on the controller for its owner; its hash on the Pi for the service."""
    secret = playbooks.folder / "secrets" / "jupyter-password"
    assert secret.stat().st_mode & 0o077 == 0
    assert machine.run("stat -c '%a %U:%G' /etc/pi-nn/jupyter-password.json").stdout == (
        "640 root:pi\n"
    )
    password = secret.read_text().strip()
    found = machine.run(f"grep -rl {password} /etc /opt /home /var/log", user="root", check=False)
    assert found.stdout == ""
    journal = machine.run("journalctl --all --no-pager", user="root").stdout
    assert "ansible-ansible.legacy.command" in journal  # what Ansible did is in it
    for secret_word in (password, "another-word", machine.password):
        assert secret_word not in journal


def test_the_data_is_mnists(machine):
    """By the published checksums of the uncompressed files, and where the kit finds it."""
    for file in FILES:
        path = f"pi-nn/mnist_dataset/{file.name}"
        digest = machine.run(f"zcat {path} | sha256sum").stdout.split()[0]
        assert digest == file.sha256


def test_train_on_pi_brings_model_and_summary(machine, playbooks):
    """Over SSH, by the inventory."""
    inventory = playbooks.folder / "hosts.yml"
    inventory.write_text(machine.inventory())
    command = [sys.executable, "-m", "scripts.classroom.train", "--inventory", inventory]
    output = playbooks.folder / "trained"
    result = subprocess.run(
        [*command, "--preset", "smoke", "--output", output],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    summary = json.loads((output / "pi-1" / "smoke.json").read_text())
    assert summary["dataset"] == "MNIST"
    assert summary["accuracy"] > 0.7
    assert (output / "pi-1" / "smoke.npz").stat().st_size > 90_000
    assert "pi-1: " in result.stdout


def test_languages_are_installed_with_their_cost_announced(machine, playbooks):
    """All three work; a second run changes nothing. How long it took and the cost are reported."""
    for language, packages in LANGUAGES.items():
        cost = machine.run(f"{APT_COST} {packages}", check=False).stdout
        print(f"\n{machine.release}, {language}: {' '.join(COST.findall(cost)) or 'is there'}")
    used, start = used_mb(machine), time.monotonic()
    play = playbooks.succeed("site", "--tags", "base,languages", languages_install=[*LANGUAGES])
    seconds, installed = time.monotonic() - start, used_mb(machine) - used
    print(f"{machine.release}: languages in {seconds:.0f} s, {installed} MB installed")
    announced = "c on pi-1, says apt: Need to get"
    assert announced in play.words
    password = {"jupyter_password": "another-word"}  # that an earlier test has set
    playbooks.succeed("verify", languages_install=[*LANGUAGES], **password)
    again = playbooks.succeed("site", "--tags", "base,languages", languages_install=[*LANGUAGES])
    assert again.changed == 0
    assert announced not in again.words


def test_without_a_desktop_no_browser_is_set(playbooks):
    """And the reason is told."""
    play = playbooks.succeed("site", "--tags", "base,browser")
    assert "has no desktop (Raspberry Pi OS Lite)" in play.words


def test_with_a_desktop_epiphany_is_the_browser(machine, playbooks):
    """In both senses; and setting it again changes nothing."""
    machine.run(
        "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openbox",
        user="root",
        timeout=600,
    )
    playbooks.succeed("site", "--tags", "base,browser")
    assert machine.run("readlink -f /usr/bin/x-www-browser").stdout == "/usr/bin/epiphany-browser\n"
    default = machine.run("xdg-mime query default x-scheme-handler/http").stdout
    assert default == "org.gnome.Epiphany.desktop\n"
    assert playbooks.succeed("site", "--tags", "base,browser").changed == 0


def test_a_students_work_survives_an_update(machine, playbooks):
    """A notebook of their own, and a shipped file that they changed."""
    machine.run(f"echo '{{\"cells\": []}}' > {NOTEBOOK}; echo mine >> {SHIPPED}")
    before = {path: hash_of(machine, path) for path in (NOTEBOOK, SHIPPED)}
    machine.run("chmod 700 pi-nn pi-nn/notebooks .local .local/share")
    playbooks.succeed("update")
    playbooks.succeed("verify")
    assert {path: hash_of(machine, path) for path in before} == before
    modes = machine.run("stat -c %a pi-nn pi-nn/notebooks .local .local/share").stdout
    assert modes.split() == ["700"] * 4


def test_everything_is_up_again_after_a_reboot(machine, playbooks):
    """Jupyter, by itself; and there is as much swap as was asked for."""
    machine.reboot()
    if machine.release == "bookworm":
        assert machine.run("stat -c %s /var/swap").stdout == f"{512 * 2**20}\n"
    playbooks.succeed("verify")


def test_backup_uninstall_restore(machine, playbooks):
    """Uninstalling leaves the student's work; after its loss the backup brings it back."""
    before = {path: hash_of(machine, path) for path in (NOTEBOOK, SHIPPED)}
    for name in ("verify", "backup", "uninstall"):
        playbooks.succeed(name, "--check")
    assert not (playbooks.folder / "backups").exists()
    playbooks.succeed("backup")
    playbooks.succeed("restore", "--check")
    play = playbooks.succeed("uninstall")
    assert re.search(r"pi-1: kept \S+: needed by ", play.words)  # openbox is the user's
    assert {path: hash_of(machine, path) for path in before} == before
    left = machine.run("find pi-nn -type f").stdout.split()
    assert set(left) >= {NOTEBOOK, SHIPPED, "pi-nn/models/smoke.npz"}
    assert not [path for path in left if path.startswith(("pi-nn/nn", "pi-nn/mnist_dataset"))]
    gone = ("/opt/pi-nn", "/etc/pi-nn", "/etc/systemd/system/pi-nn-jupyter.service", RPI_SWAP)
    for path in (*gone, "/usr/local/bin/pi-nn"):
        assert machine.run(f"test -e {path}", check=False).returncode == 1
    if machine.release == "bookworm":
        assert machine.run("cat /etc/dphys-swapfile").stdout == "CONF_SWAPSIZE=100\n"
    languages = set(" ".join(LANGUAGES.values()).split()) | {"binutils", "cpp", "gforth-lib"}
    ours = "python3-numpy libopenblas0-serial python3-zmq epiphany-browser xdg-utils".split()
    assert {*ours, *languages} & installed_packages(machine) == set()
    assert playbooks.succeed("uninstall").changed == 0
    apt = "apt-get -o APT::AutoRemove::SuggestsImportant=false"
    machine.run(f"{apt} purge -y -qq --autoremove openbox", user="root")
    playbooks.succeed("uninstall")
    assert "Remv " not in machine.run(f"{apt} --simulate autoremove", user="root").stdout
    kept = installed_packages(machine) - machine.fresh_packages
    assert len(kept) < 10  # such as libidn2-0, which libc6 recommends

    machine.run("rm -r pi-nn")
    playbooks.succeed("restore")
    assert {path: hash_of(machine, path) for path in before} == before
    machine.run(f"echo newer > {NOTEBOOK}")
    playbooks.succeed("restore")
    assert hash_of(machine, NOTEBOOK) == before[NOTEBOOK]
    assert machine.run("cat pi-nn/notebooks/mine.before-restore-1.ipynb").stdout == "newer\n"
