"""Notebook 08: the structure of its timings, and that all ways learn the same; never a time."""

import json
import shutil

import numpy as np
import pytest

from nn.data.dataset import open_dataset
from nn.data.sources import find_source
from scripts.bench.notebook_runner import executed
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

WAYS = ["the book's loop", "+ block parser", "+ float32", "+ batches of 16", "+ sparse pixels"]
NUMPY_WAYS = ["numpy.outer", "dot of column and row", "column @ row", "einsum"]


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed on the sample, and on MNIST where it is."""
    with executed(kit, "08", mnist_or_sample) as run:
        yield run


@pytest.fixture(scope="module")
def digits(mnist_or_sample):
    """Inputs and labels: the first 500 to train on, and up to 1,000 to test."""
    source = find_source(environ={"MNIST_DIR": str(mnist_or_sample or "")}, offline=True)

    def read(path, limit):
        blocks = list(open_dataset(path).blocks())
        pixels, labels = (np.concatenate(each)[:limit] for each in zip(*blocks, strict=True))
        return pixels, labels

    return *read(source.train, 500), *read(source.test, 1000)


def accuracy_in_plain_numpy(digits, batch_size):
    """Learn once from 500 digits with 100 hidden nodes, and count what is read correctly."""

    def squash(x):
        return 1 / (1 + np.exp(-x))

    pixels, labels, test_pixels, test_labels = digits
    generator = np.random.default_rng(1)
    first = generator.normal(0, 784**-0.5, (100, 784)).T
    last = generator.normal(0, 0.1, (10, 100)).T
    for start in range(0, 500, batch_size):
        rows = slice(start, start + batch_size)
        x = pixels[rows] / 255 * 0.99 + 0.01
        t = np.where(np.arange(10) == labels[rows, None], 0.99, 0.01)
        h = squash(x @ first)
        o = squash(h @ last)
        back = (t - o) @ last.T
        last += 0.1 * h.T @ ((t - o) * o * (1 - o))
        first += 0.1 * x.T @ (back * h * (1 - h))
    answers = squash(squash((test_pixels / 255 * 0.99 + 0.01) @ first) @ last).argmax(axis=1)
    return float((answers == test_labels).mean())


def test_the_shares_of_the_four_parts_add_up(run):
    """Parsing, forward, error, update: to one, for each size of network."""
    for parts in run.value("shares").values():
        assert list(parts) == ["parsing", "forward", "error", "update"]
        assert sum(parts.values()) == pytest.approx(1)
        assert min(parts.values()) > 0


def test_the_ladder_has_each_way_and_the_loop_as_its_measure(run):
    """Five ways, each with a time, a ratio and a peak of memory."""
    for name in ("ladder_seconds", "ratios", "memory"):
        figures = run.value(name)
        assert list(figures) == WAYS
        assert min(figures.values()) > 0
    assert run.value("ratios")[WAYS[0]] == 1


def test_each_way_learns_what_the_loop_learns(run):
    """But for roundings; batches differ, and sparse pixels are the same batches."""
    differences = run.value("differences")
    assert differences["+ block parser"] < 1e-12
    assert differences["+ float32"] < 1e-4
    assert differences["+ batches of 16"] > 1e-3
    assert run.value("sparse_difference") < 1e-4


def test_accuracies_are_those_of_another_implementation(run, digits):
    """Plain numpy, one digit at a time and sixteen: within one point."""
    accuracies = run.value("accuracies")
    expected = {1: WAYS[:3], 16: WAYS[3:]}
    for batch_size, ways in expected.items():
        accuracy = accuracy_in_plain_numpy(digits, batch_size)
        assert [accuracies[way] for way in ways] == pytest.approx([accuracy] * len(ways), abs=0.01)


def test_ink_is_counted(run, digits):
    """The share of pixels that are not blank, in the first 500 digits."""
    assert run.value("ink") == pytest.approx(np.count_nonzero(digits[0]) / digits[0].size)
    assert 0.1 < run.value("ink") < 0.3


def test_memory_grows_with_lines_and_not_with_blocks(run, digits):
    """Eight times the lines: eight times the memory, at least their text; blocks stay."""
    by_lines, by_blocks = run.value("by_lines"), run.value("by_blocks")
    pixels, labels = digits[:2]
    text = sum(len(",".join(map(str, row))) for row in pixels.tolist()) + 3 * len(labels)
    assert by_lines[-1] > 8 * text / 1e6
    assert by_lines[-1] == pytest.approx(8 * by_lines[0], rel=0.15)
    assert max(by_blocks) < 1.2 * min(by_blocks)
    assert run.value("whole_mnist") == pytest.approx(120 * text / 1e6, rel=0.15)


def test_outer_products_are_equal_in_each_language(run):
    """Numpy's four, and R's three where it is installed; which is said otherwise."""
    in_r = ["R's %*%", "R's tcrossprod", "R's outer"] if shutil.which("Rscript") else []
    assert list(run.value("outer_seconds")) == NUMPY_WAYS + in_r
    assert set(run.value("outer_equal").values()) == {True}
    assert ("R is not installed here" in run.texts) == (not in_r)


def test_the_pi_is_calibrated_by_the_published_25_minutes(run):
    """60,000 digits in 25 minutes, and the ratio to this machine follows."""
    loop = '("the book\'s loop", 10)'
    assert run.value(f"pi_minutes[{loop}]") == pytest.approx(25)
    here = sum(run.value("seconds[10]").values()) / 500
    assert run.value("pi_factor") == pytest.approx(25 * 60 / 60_000 / here)
    assert "estimated" in run.texts


def test_the_other_ways_keep_the_ratios_of_emulated_arm(run):
    """As in the file that `make bench-arm` writes."""
    file = PROJECT / "nn" / "lessons" / "measured.json"
    measured = json.loads(file.read_text())["emulated_arm_ms_a_row"]
    for way, by_nodes in measured.items():
        for nodes, milliseconds in by_nodes.items():
            minutes = 25 * milliseconds / measured["the book's loop"]["10"]
            assert run.value(f"pi_minutes[({way!r}, {nodes})]") == pytest.approx(minutes)


def test_pictures_memory_and_leftovers(run):
    """Four pictures, within a Pi's memory; the folder is gone."""
    assert run.pictures == 4
    assert run.peak_mb < 150
    assert not run.value("path.parent.exists()")
