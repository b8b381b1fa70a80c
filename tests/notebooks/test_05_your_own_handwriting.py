"""Notebook 05: what is drawn, read from a file, or uploaded is answered by the network."""

import csv
import gzip
import os
import re
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit

from scripts.bench.notebook_runner import executed
from scripts.bench.packed_kit import unpack_kit
from tests.conftest import PROJECT, write_idx


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    with executed(kit, "05", mnist_or_sample) as run:
        yield run


@pytest.fixture(scope="module")
def sample_digits():
    """The sample's first test digit of each kind: {label: (28, 28) grey levels}."""
    with gzip.open(PROJECT / "mnist_dataset" / "sample_test.csv.gz", "rt", newline="") as file:
        rows = [[int(value) for value in row] for row in csv.reader(file)]
    return {row[0]: np.array(row[1:], np.uint8).reshape(28, 28) for row in reversed(rows)}


@pytest.fixture(scope="module")
def outputs_for(run):
    """The notebook's network, queried by plain arithmetic on its weights."""
    input_hidden = np.array(run.value("network.weights_input_hidden"))
    hidden_output = np.array(run.value("network.weights_hidden_output"))

    def query(pixels):
        inputs = np.array(pixels) / 255 * 0.99 + 0.01
        return expit(hidden_output @ expit(input_hidden @ inputs))

    return query


def draw(run, digit):
    """Send a digit four times enlarged, as the browser does after a stroke."""
    ink = np.kron(digit, np.ones((4, 4), np.uint8)).tobytes().hex()
    run.value(f"pad.set_state({{'ink': memoryview(bytes.fromhex('{ink}'))}})")


def likeness(one, other):
    """Correlate two digits; fitting again may move one by a pixel."""
    one, other = np.reshape(one, (28, 28)), np.reshape(other, (28, 28))
    steps = (-1, 0, 1)
    moved = [np.roll(other, (down, right), (0, 1)) for down in steps for right in steps]
    return max(np.corrcoef(one.ravel(), each.ravel())[0, 1] for each in moved)


def shown(html):
    """Read answer and outputs off an answer card."""
    figures = [float(each) for each in re.findall(r"</span> ([\d.]+)<", html)]
    return int(re.search(r'data-answer="(\d)"', html)[1]), figures


def test_an_empty_pad_is_answered_clearly(run):
    """Nothing is drawn yet, and the pad says what to do."""
    assert "Nothing is drawn yet" in run.value("answer.value")
    assert run.value("pad.message") == "Draw a digit here."


def test_each_drawing_is_answered_by_the_network(run, sample_digits, outputs_for):
    """Ten drawings: the card shows what the weights say of what the pad saw."""
    answers = {}
    for label, digit in sample_digits.items():
        draw(run, digit)
        pixels = run.value("pad.pixels")
        assert likeness(pixels, digit) > 0.9
        answers[label], figures = shown(run.value("answer.value"))
        assert figures == pytest.approx(outputs_for(pixels), abs=0.006)
        assert answers[label] == np.argmax(outputs_for(pixels))
        assert f"reads {answers[label]} " in run.value("pad.message")
    assert len(set(answers.values())) > 5
    assert sum(label == answer for label, answer in answers.items()) >= 6


def test_clearing_takes_the_answer_away(run, sample_digits):
    """As the browser's Clear sends it."""
    draw(run, sample_digits[3])
    assert "data-answer" in run.value("answer.value")
    draw(run, np.zeros((28, 28), np.uint8))
    assert "Nothing is drawn yet" in run.value("answer.value")


def test_the_picture_file_is_read(run, outputs_for):
    """It is the first test digit, and its answer the network's."""
    pixels = run.value("read_page(picture).digits[0].pixels")
    assert likeness(pixels, run.value("pixels[0]")) > 0.9
    answer, figures = shown(run.value("answer_to_picture(read_page, picture)"))
    assert figures == pytest.approx(outputs_for(pixels), abs=0.006)
    assert answer == np.argmax(outputs_for(pixels))


@pytest.mark.parametrize("path", ["no_such.png", ".", "05_your_own_handwriting.ipynb"])
def test_a_path_to_no_picture_is_answered_with_the_reason(run, path):
    """Nothing there, a folder, and a file that is something else: a line, and no traceback."""
    said = run.value(f"answer_to_picture(read_page, {path!r})")
    assert said.startswith(f"<p>{path}")
    reasons = ("no such file", "is a folder", "is not a valid PNG, JPEG, GIF, BMP or WebP picture")
    assert any(reason in said for reason in reasons)


def upload(run, content, name):
    """Set the widget's value as the browser does."""
    sent = f"'content': memoryview(bytes.fromhex('{content.hex()}')), 'name': {name!r}"
    run.value(f"upload.set_state({{{sent}, 'number': upload.number + 1}})")


def test_an_uploaded_picture_is_read(run, sample_digits, outputs_for):
    """A PNG of a digit: the same answer as plain arithmetic gives."""
    file = BytesIO()
    Image.fromarray(255 - sample_digits[0]).save(file, format="PNG")
    upload(run, file.getvalue(), "zero.png")
    answer, figures = shown(run.value("upload_answer.value"))
    expected = outputs_for(sample_digits[0].ravel())
    assert answer == np.argmax(expected)
    assert figures == pytest.approx(expected, abs=0.2)  # fitted again: a pixel's edge may differ


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_an_upload_that_is_no_picture_is_answered_with_the_reason(run, content):
    """And nothing of it becomes HTML."""
    upload(run, content, "<b>notes</b>.txt")
    said = run.value("upload_answer.value")
    assert "&lt;b&gt;notes&lt;/b&gt;.txt is not a valid PNG, JPEG" in said
    assert "object at" not in said


def test_an_answer_is_cheap(run):
    """Half a second on a Pi Zero, which is 40 times as slow, is 12.5 ms here."""
    assert run.value("seconds_per_answer") < 0.0125


def test_the_accuracy_and_the_memory(run, mnist_or_sample):
    """The model that comes with the kit reads most test digits; the kernel stays small."""
    assert run.value("accuracy") > (0.98 if mnist_or_sample else 0.7)
    assert "best-night, which comes with the kit: 300 hidden nodes" in run.value("origin")
    assert run.peak_mb < 150


@pytest.mark.slow
def test_what_make_train_pi_trained_is_loaded(tmp_path, digits):
    """The command itself, in the kit's folder, on something that goes by MNIST's names."""
    kit, mnist = unpack_kit(tmp_path), tmp_path / "digits"
    mnist.mkdir()
    for stem in ("train", "t10k"):
        write_idx(mnist, *digits, stem=stem)
    environment = {key: word for key, word in os.environ.items() if not key.startswith("MAKE")}
    python = kit / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (kit / ".venv" / ".ready").touch()
    subprocess.run(
        ["make", "train-pi", "VENV=.venv"],
        cwd=kit,
        env=environment | {"MNIST_DIR": str(mnist)},
        check=True,
        capture_output=True,
    )
    with executed(kit, "05") as run:
        assert run.value("origin").startswith("loaded from models/pi-zero.npz: 10 hidden nodes")
        assert "by their checksums not MNIST" in run.value("origin")
