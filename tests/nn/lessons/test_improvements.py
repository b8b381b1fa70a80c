"""The improvements, against the book's loop: they must learn the same."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import expit

from nn.data.csv_file import write_csv
from nn.lessons import book_loop
from nn.lessons.improvements import (
    IMPROVEMENTS,
    PI_ZERO_SECONDS_PER_ROW,
    SEED,
    emulated_arm_milliseconds,
)
from scripts.bench import lesson_figures
from tests.conftest import PROJECT

WAYS = ["the book's loop", "block parser alone", "batches alone", "sparse pixels alone"]


@pytest.fixture
def path(tmp_path, digits):
    """A CSV file of 300 digits."""
    pixels, labels = digits
    with (tmp_path / "digits.csv").open("wb") as file:
        write_csv(file, [(pixels[:300], labels[:300])])
    return tmp_path / "digits.csv"


def learned(way, path):
    network = IMPROVEMENTS[way](path, 12)
    return network.weights_input_hidden, network.weights_hidden_output


def in_batches(path, hidden_nodes, batch_size):
    """Learn by sums of the book's updates, each from the same weights."""
    lines = path.read_text().splitlines()
    wih, who = book_loop.initial_weights(hidden_nodes, SEED)
    for start in range(0, len(lines), batch_size):
        updates = np.zeros_like(wih), np.zeros_like(who)
        for line in lines[start : start + batch_size]:
            label, inputs = book_loop.parse(line)
            changed = wih.copy(), who.copy()
            book_loop.learn(*changed, inputs, book_loop.targets_of(label))
            for update, after, before in zip(updates, changed, (wih, who), strict=True):
                update += after - before
        wih, who = wih + updates[0], who + updates[1]
    return wih, who


@pytest.mark.parametrize(("way", "tolerance"), [("+ block parser", 1e-12), ("+ float32", 1e-4)])
def test_row_by_row_they_learn_what_the_books_loop_learns(path, way, tolerance):
    """Another parser and shorter numbers change roundings alone."""
    expected = learned("the book's loop", path)
    for weights, book in zip(learned(way, path), expected, strict=True):
        assert np.abs(weights - book).max() < tolerance


@pytest.mark.parametrize("way", ["+ batches of 16", "+ sparse pixels"])
def test_batches_sum_the_books_updates(path, way):
    """Sixteen of the book's updates at a time, summed."""
    for weights, book in zip(learned(way, path), in_batches(path, 12, 16), strict=True):
        assert np.abs(weights - book).max() < 1e-4


def test_nothing_is_left_beside_the_file(path):
    """No packed file: each run parses the text again."""
    for way in IMPROVEMENTS:
        IMPROVEMENTS[way](path, 5)
    assert list(path.parent.glob("*")) == [path]


def test_the_books_loop_is_the_same_with_a_clock(path):
    """A profile has four parts, and learns what the loop learns."""
    lines = path.read_text().splitlines()
    seconds, (wih, who) = book_loop.profile(lines, 12, SEED)
    assert list(seconds) == ["parsing", "forward", "error", "update"]
    assert min(seconds.values()) > 0
    expected = book_loop.train(lines, 12, SEED)
    assert np.array_equal(wih, expected[0])
    assert np.array_equal(who, expected[1])


def test_the_books_loop_learns_by_hand():
    """One step on one sample, its updates written out element by element."""
    wih, who = np.array([[0.3, -0.2]]), np.array([[0.5], [-1.0]])
    inputs, targets = np.array([0.4, 0.9]), np.array([0.99, 0.01])
    hidden = expit(0.3 * 0.4 - 0.2 * 0.9)
    outputs = [expit(0.5 * hidden), expit(-1.0 * hidden)]
    errors = [0.99 - outputs[0], 0.01 - outputs[1]]
    back = 0.5 * errors[0] - 1.0 * errors[1]
    expected = [
        [
            0.3 + 0.1 * back * hidden * (1 - hidden) * 0.4,
            -0.2 + 0.1 * back * hidden * (1 - hidden) * 0.9,
        ]
    ]
    book_loop.learn(wih, who, inputs, targets)
    assert wih == pytest.approx(np.array(expected))
    steps = [0.1 * e * o * (1 - o) * hidden for e, o in zip(errors, outputs, strict=True)]
    assert who == pytest.approx(np.array([[0.5 + steps[0]], [-1.0 + steps[1]]]))


def test_the_pi_zeros_seconds_are_those_of_the_books_author():
    """60,000 digits in 25 minutes."""
    seconds = PI_ZERO_SECONDS_PER_ROW * 60_000
    assert seconds == pytest.approx(25 * 60)


def test_the_measured_figures_are_whole():
    """Each way that notebook 08 shows, for both sizes of network; the parser knows no sizes."""
    figures = emulated_arm_milliseconds()
    assert list(figures) == WAYS
    for by_nodes in figures.values():
        assert list(by_nodes) == [10, 100]
        assert 0 < by_nodes[10] <= by_nodes[100]
    assert figures["block parser alone"][10] == figures["block parser alone"][100]


def test_the_measured_figures_are_those_of_the_readme():
    """`make bench-arm` writes both, on one host; the README's rows have testing in them."""
    table = (PROJECT / "README.md").read_text().split("<!-- bench-arm:begin -->")[1]
    small, large = (
        float(re.search(rf"^\| `{preset}`: [^|]+\| ([\d.]+) ms", table, re.M)[1])
        for preset in ("pi-zero", "pi-zero-100")
    )
    loop = emulated_arm_milliseconds()["the book's loop"]
    assert loop[10] == pytest.approx(small, rel=0.3)
    assert loop[100] == pytest.approx(large, rel=0.3)


def test_what_is_measured_is_what_is_read(path, tmp_path):
    """As JSON through a pipe, into the file, and back."""
    words = [sys.executable, "-m", "scripts.bench.lesson_figures", path]
    run = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    printed = json.loads(run.stdout)
    lesson_figures.write(printed, tmp_path / "measured.json")
    figures = emulated_arm_milliseconds(tmp_path / "measured.json")
    assert list(figures) == WAYS
    assert all(0 < ms < 100 for by_nodes in figures.values() for ms in by_nodes.values())
    assert {str(nodes): ms for nodes, ms in figures[WAYS[0]].items()} == printed[WAYS[0]]
