"""Measures by their structure, faster ways by what they learn; no figure of this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nn.data.csv_file import write_csv
from nn.lessons import book_loop, speed
from nn.lessons.speed import (
    IMPROVEMENTS,
    KEEP_MEMORY,
    NUMPY_WAYS,
    PI_ZERO_SECONDS_PER_ROW,
    R_WAYS,
    R_ZEROS,
    SEED,
    RError,
    cost_of,
    emulated_arm_milliseconds,
    has_r,
    median_seconds,
    outer_in_r,
    peak_megabytes,
    r_environs,
)
from scripts.bench import lesson_figures
from tests.conftest import PROJECT

WAYS = ["the book's loop", "block parser alone", "batches alone", "sparse pixels alone"]
COLUMN, ROW = np.array([1.0, -2.0, 0.5]), np.array([4.0, 3.0])
PRODUCT = [[4.0, 3.0], [-8.0, -6.0], [2.0, 1.5]]

needs_r = pytest.mark.skipif(not has_r(), reason="R is not installed")


def test_actions_take_turns():
    """Two actions, three runs, twice in each; and each turn is told."""
    calls, turns = [], []
    actions = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = median_seconds(actions, runs=3, repeats=2, on_run=lambda: turns.append(1))
    assert "".join(calls) == "aabb" * 3
    assert len(turns) == 6
    assert list(seconds) == ["a", "b"]


def test_the_median_leaves_a_disturbed_run_out(monkeypatch):
    """Turns of 2, 9 and 3 seconds, of two calls each, give 1.5 a call."""
    clock = iter([0, 2, 10, 19, 20, 23])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert median_seconds({"a": lambda: None}, runs=3, repeats=2) == {"a": 1.5}


def test_another_clock_may_be_given():
    """It is asked before and after each turn."""
    clock = iter([0, 8, 10, 14, 20, 22])
    assert median_seconds({"a": lambda: None}, repeats=2, clock=lambda: next(clock)) == {"a": 2}


@pytest.mark.parametrize("text", ["", "0.5 ", "two\nlines\n", "no end\nof line", "\n\n"])
def test_what_a_program_prints_is_returned_as_it_is(text):
    """Whether or not its last line has an end."""
    cost = cost_of([sys.executable, "-c", f"print({text!r}, end='')"])
    assert cost.output == text
    assert cost.seconds > 0


def test_peak_memory_counts_what_was_freed_again():
    """Two arrays of 4 MB at a time, then none; what was there before does not count."""
    kept = np.zeros(1_000_000)
    peak = peak_megabytes(lambda: (np.ones(500_000), np.ones(500_000)))
    assert peak == pytest.approx(8, abs=0.1)
    assert peak_megabytes(lambda: kept.sum()) < 1


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


def test_the_measured_figures_are_those_of_the_report():
    """`make bench-arm` writes both, on one host; rows of docs/performance.md include testing."""
    table = (PROJECT / "docs" / "performance.md").read_text().split("<!-- bench-arm:begin -->")[1]
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


@pytest.mark.parametrize("way", NUMPY_WAYS)
def test_numpy_multiplies_each_by_each(way):
    """All ways give the product that a pencil gives."""
    assert NUMPY_WAYS[way](COLUMN, ROW).tolist() == PRODUCT


@needs_r
@pytest.mark.parametrize("way", R_WAYS)
def test_r_multiplies_each_by_each(way):
    """R's product comes back row by row, with a time."""
    seconds, product = outer_in_r(COLUMN, ROW, R_WAYS[way], runs=1, repeats=2)
    assert product.tolist() == PRODUCT
    assert seconds >= 0


@needs_r
@pytest.mark.parametrize("setting", [{}, KEEP_MEMORY])
def test_r_makes_as_many_zeros(setting):
    """Of the product's shape; the memory may be kept."""
    environ = os.environ | setting
    zeros = outer_in_r(COLUMN, ROW, R_ZEROS, runs=1, repeats=2, environ=environ)[1]
    assert zeros.tolist() == np.zeros((3, 2)).tolist()


def test_each_blas_has_a_folder(tmp_path, monkeypatch):
    """Named by its folder, Netlib's by what it is; without any, R takes its own."""
    monkeypatch.setattr(speed.sysconfig, "get_config_var", lambda name: "arm-linux-gnueabihf")
    assert list(r_environs(tmp_path)) == ["R's own"]
    for folder in ("blas", "openblas-serial", "lapack"):
        (tmp_path / "arm-linux-gnueabihf" / folder).mkdir(parents=True)
    for folder in ("blas", "openblas-serial"):
        (tmp_path / "arm-linux-gnueabihf" / folder / "libblas.so.3").touch()
    environs = r_environs(tmp_path)
    assert list(environs) == ["reference", "openblas-serial"]
    for name, folder in (("reference", "blas"), ("openblas-serial", "openblas-serial")):
        place = tmp_path / "arm-linux-gnueabihf" / folder
        assert environs[name] == os.environ | {"R_LD_LIBRARY_PATH": str(place)}


@needs_r
def test_r_loads_the_blas_that_it_is_told(tmp_path, monkeypatch):
    """One in a folder of ours, as R itself says."""
    (name, usual), *_ = r_environs().items()
    if name == "R's own":
        pytest.skip("no folder of a BLAS was found: this is not Debian")
    ours = tmp_path / "arch" / "openblas-ours" / "libblas.so.3"
    ours.parent.mkdir(parents=True)
    shutil.copy(Path(usual["R_LD_LIBRARY_PATH"], "libblas.so.3"), ours)
    monkeypatch.setattr(speed.sysconfig, "get_config_var", lambda name: "arch")
    environ = r_environs(tmp_path)["openblas-ours"]
    code = "cat(extSoftVersion()[['BLAS']])"
    assert cost_of(["Rscript", "--vanilla", "-e", code], environ).output == str(ours)


@needs_r
def test_what_r_complains_of_is_told():
    """The expression and R's own words."""
    with pytest.raises(RError, match=r"R stopped at 'colum'.*object 'colum' not found"):
        outer_in_r(COLUMN, ROW, "colum")


def test_without_r_the_error_says_how_to_get_it(monkeypatch):
    """A name of a package to install."""
    monkeypatch.setattr(speed.shutil, "which", lambda name: None)
    with pytest.raises(RError, match="R is not installed: sudo apt install r-base-core"):
        outer_in_r(COLUMN, ROW, "column %*% t(row)")
