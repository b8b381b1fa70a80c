"""The kit where POSIX's modules are missing, as on Windows; see tests/windows_like."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from nn.data import download
from nn.data.drawn_digits import draw_digits
from tests.conftest import PROJECT, csv_text

WINDOWS_LIKE = PROJECT / "tests" / "windows_like"
TRAIN = "train --preset smoke --train digits_train.csv --epochs 3 --model".split()


@pytest.fixture
def environ(tmp_path):
    """Environment variables of a pupil whose console is not UTF-8; nor are text files by default.

    File names always are on Windows, so the locale is UTF-8, and a text file that the kit opens
    without naming its encoding raises an error.
    """
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return inherited | {
        "PYTHONPATH": os.pathsep.join(map(str, (WINDOWS_LIKE, PROJECT))),
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
        "PYTHONWARNDEFAULTENCODING": "1",
        "LC_ALL": "C.UTF-8",
        "LOCALAPPDATA": str(tmp_path / "AppData" / "Local"),
    }


@pytest.fixture
def folder(tmp_path):
    """A folder with a space and an umlaut in its name, with drawn digits in two files."""
    folder = tmp_path / "Ada's Bücher"
    folder.mkdir()
    for name, rows, seed in (("train", 400, 1), ("test", 50, 2)):
        pixels, labels = draw_digits(rows, seed)
        (folder / f"digits_{name}.csv").write_bytes(csv_text(pixels, labels))
    return folder


@pytest.fixture
def kit(folder, environ):
    """Run the command line there."""

    def run(*words, **more):
        return subprocess.run(
            [sys.executable, "-m", "nn", *words],
            cwd=folder,
            env={**environ, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding=more.get("PYTHONIOENCODING", "cp1252"),
        )

    return run


def succeeded(done) -> str:
    """Return what a command printed; a traceback or an error fails."""
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(code: str, folder, environ) -> str:
    """Run a few lines of Python there."""
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, encoding="cp1252")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_imitation_lacks_what_windows_lacks(folder, environ):
    """Otherwise the tests below would prove nothing."""
    code = """
import os, signal, subprocess
for name in "fcntl", "resource", "termios", "pwd":
    try:
        __import__(name)
    except ModuleNotFoundError:
        print("no", name)
print(hasattr(signal, "SIGHUP"), hasattr(os, "fchmod"), hasattr(os, "O_DIRECTORY"))
file = open("held", "w")
for action in (lambda: os.replace("held", "other"), lambda: os.remove("held"),
               lambda: os.open(".", os.O_RDONLY)):
    try:
        action()
    except PermissionError:
        print("refused")
"""
    said = python(code, folder, environ).split("\n")
    assert said == [
        *("no fcntl", "no resource", "no termios", "no pwd", "False False False"),
        *["refused"] * 3,
        "",
    ]


def test_a_training_is_saved_tested_and_used(folder, kit):
    """From digits to an answer; memory is unknown, and no file is left over."""
    summary = json.loads(succeeded(kit(*TRAIN, "my model.npz", "--curve", "curve.png", "--json")))
    assert summary["accuracy"] > 0.3
    assert summary["peak_rss_mb"] is None
    assert "unknown" in succeeded(kit(*TRAIN, "my model.npz"))
    pixels, _ = draw_digits(1, 1)
    Image.fromarray(255 - pixels[0].reshape(28, 28)).resize((280, 280)).save(folder / "digit.png")
    assert "digit.png: " in succeeded(kit("query", "digit.png", "--model", "my model.npz"))
    assert "×28" in succeeded(kit("data", "info", "digits_test.csv"))
    succeeded(kit("data", "convert", "digits_test.csv", "converted.csv.gz"))
    said = succeeded(kit("test", "--model", "my model.npz", "--test", "digits_test.csv"))
    assert f"{100 * summary['accuracy']:.2f} %" in said
    succeeded(kit("backquery", "--model", "my model.npz"))
    succeeded(kit("weights", "--hidden-nodes", "3", "--out", "weights.txt"))
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".packed") == [
        *("backquery.png", "converted.csv.gz", "curve.png", "digit.png"),
        *("digits_test.csv", "digits_train.csv", "my model.npz", "weights.txt"),
    ]


def test_the_model_is_the_same_as_elsewhere(folder, kit, run):
    """Weight for weight: only the system's calls differ."""
    succeeded(kit(*TRAIN, "there.npz"))
    assert run(*TRAIN[:4], folder / TRAIN[4], *TRAIN[5:], folder / "here.npz").returncode == 0
    with np.load(folder / "there.npz") as there, np.load(folder / "here.npz") as here:
        for name in ("weights_input_hidden", "weights_hidden_output"):
            assert np.array_equal(there[name], here[name])


def test_a_stopped_training_is_resumed(folder, kit, environ):
    """By a signal that both systems have; the weights are those of one that was never stopped."""
    pixels, labels = draw_digits(400, 1)
    many = csv_text(np.tile(pixels, (10, 1)), np.tile(labels, 10))
    (folder / "digits_train.csv").write_bytes(many)
    long = [*TRAIN, "stopped.npz", "--epochs", "300", "--samples", "4000"]
    words = [sys.executable, "-m", "nn", *long, "--checkpoint-every", "0"]
    training = subprocess.Popen(
        words, cwd=folder, env=environ, stderr=subprocess.PIPE, encoding="cp1252"
    )
    while not (folder / "stopped.npz.checkpoint-b").exists():
        assert training.poll() is None
        time.sleep(0.02)
    training.send_signal(signal.SIGTERM)
    assert "resume it with" in training.communicate(timeout=60)[1]
    assert training.returncode == 143
    assert "has an unfinished training" in kit(*long).stderr
    shorter = [word if word != "300" else "301" for word in long]
    assert "epochs: 300 then, 301 now" in kit(*shorter, "--resume").stderr
    succeeded(kit(*long, "--resume"))
    succeeded(kit(*[word.replace("stopped", "whole") for word in long]))
    assert not list(folder.glob("*.checkpoint-*"))
    assert not list(folder.glob(".*"))
    with np.load(folder / "stopped.npz") as one, np.load(folder / "whole.npz") as other:
        assert np.array_equal(one["weights_hidden_output"], other["weights_hidden_output"])


def test_two_trainings_of_a_model_are_told_apart(folder, kit, environ):
    """The second is refused while the first holds the lock, and runs when the first was killed."""
    code = """
import sys, time
from nn.saving.atomic import AtomicFile, alone_with
with alone_with("model.npz"):
    AtomicFile("model.npz").write(b"half")
    print(flush=True)
    time.sleep(600)
"""
    first = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environ, stdout=subprocess.PIPE
    )
    first.stdout.readline()
    assert "is being trained by another process" in kit(*TRAIN, "model.npz").stderr
    assert len(list(folder.glob(".model.npz.*"))) == 2  # the lock and what the first is writing
    first.kill()
    first.communicate()
    succeeded(kit(*TRAIN, "model.npz"))
    assert not list(folder.glob(".model.npz.*"))


def test_waiting_for_a_lock_ends_when_its_holder_does(folder, environ):
    """As two fetches into one folder wait for each other."""
    code = """
import subprocess, sys, time
from nn.saving.atomic import alone_with
if len(sys.argv) > 1:
    with alone_with("file", wait=True):
        print("second", flush=True)
else:
    with alone_with("file"):
        second = subprocess.Popen([sys.executable, __file__, "wait"])
        time.sleep(2)
        print("first", flush=True)
    sys.exit(second.wait())
"""
    (folder / "wait.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "wait.py"],
        cwd=folder,
        env=environ,
        capture_output=True,
        encoding="cp1252",
    )
    assert done.stdout.split() == ["first", "second"], done.stderr
    assert not list(folder.glob(".file*"))


def test_a_file_that_another_program_holds_is_replaced_when_it_lets_go(folder, environ):
    """A virus scanner looks at each new file for a moment."""
    code = """
import threading
from nn.saving.atomic import atomic_write
held = open("file", "wb")
threading.Timer(0.5, held.close).start()
with atomic_write("file", backup="old") as file:
    file.write(b"new")
print(open("file", "rb").read())
"""
    (folder / "file").write_text("")
    assert python(code, folder, environ) == "b'new'\n"


def test_a_replaced_file_is_kept_as_a_backup(folder, environ):
    """Twice, although there are no links, and a rename replaces nothing there."""
    code = """
from nn.saving.atomic import atomic_write
for number in b"1", b"2", b"3":
    with atomic_write("file", backup="old", mode=0o600) as file:
        file.write(number)
print(open("file", "rb").read(), open("old", "rb").read())
"""
    assert python(code, folder, environ) == "b'3' b'2'\n"


def test_mnist_is_fetched_from_a_folder(folder, environ, mnist_folder):
    """Into a folder whose name has a space, and it trains from there."""
    words = ["data", "fetch", "--folder", "My MNIST", "--mirror", str(mnist_folder)]
    for command in (words, ["data", "verify", "My MNIST"]):
        done = subprocess.run(
            [sys.executable, "-m", "nn", *command], cwd=folder, env=environ, capture_output=True
        )
        assert done.returncode == 0, done.stderr
    names = {path.name for path in (folder / "My MNIST").iterdir()}
    assert names == {file.name for file in download.FILES}


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_no_console_stops_a_command(kit, encoding):
    """Signs that a console lacks are written in another way: ±, ×, …, a file's umlaut."""
    words = ["presets"], ["train", "--help"], ["data", "info", "digits_test.csv"]
    for command in words:
        succeeded(kit(*command, PYTHONIOENCODING=encoding))
    rotated = [*TRAIN[:-1], "--augment", "10", "--model", "Zürich.npz"]
    assert "Accuracy" in succeeded(kit(*rotated, PYTHONIOENCODING=encoding))


@pytest.mark.parametrize("encoding", ["cp1252", "cp437"])
def test_the_progress_bar_is_drawn_in_any_console(folder, environ, encoding):
    """On a terminal: the bar's own signs, and those of a file's name beside it."""
    code = f"""
import io, sys
class Terminal(io.TextIOWrapper):
    def isatty(self): return True
sys.stderr = Terminal(io.BytesIO(), encoding="{encoding}")
from nn.cli import main
assert main(["data", "convert", "digits_test.csv", "2 \\u00d7 25 \\u2026.csv"]) == 0
print(ascii(sys.stderr.buffer.getvalue()))
"""
    assert "0%|" in python(code, folder, environ)


def test_paths_of_windows_are_taken_as_they_are(folder, kit):
    r"""Backslashes and a drive letter reach messages and files unchanged; C: is no address."""
    path = r"C:\Users\Ada Lovelace\model.npz"
    said = succeeded(kit(*TRAIN, path))
    assert f"Model     {path}" in said
    done = kit("data", "fetch", "--folder", "MNIST", "--mirror", r"C:\MNIST files")
    assert "no such file" in done.stderr
