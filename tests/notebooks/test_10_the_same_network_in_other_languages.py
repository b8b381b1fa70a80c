"""Notebook 10: each language's weights against the book's class, and what a missing one says."""

import re
import shutil

import numpy as np
import pytest

from nn.book import neuralNetwork
from scripts.bench.notebook_runner import executed
from tests.notebooks.oracles import read_digits

pytestmark = pytest.mark.slow

ROWS, HIDDEN_NODES = 500, 100
LANGUAGES = ["Python", "R", "Forth", "C"]
ADVICE = {
    "R": "R is not installed: sudo apt install r-base-core",
    "Forth": "Forth is not installed: sudo apt install gforth (Debian 13 has none)",
    "C": "C is not installed: sudo apt install gcc libc6-dev",
}


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed with all languages, on the sample, and on MNIST where it is."""
    for command in ("Rscript", "gforth", "gcc"):
        if not shutil.which(command):
            pytest.skip(f"{command} is not installed")
    with executed(kit, "10", mnist_or_sample) as run:
        yield run


@pytest.fixture(scope="module")
def run_alone(kit, tmp_path_factory):
    """The notebook, executed on the sample where Python is the only language."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
        with executed(kit, "10") as run:
            yield run


def scaled(pixels):
    return pixels / 255.0 * 0.99 + 0.01


def train_the_books_class(pixels, labels):
    """Learn once from the first digits with the book's class, from the notebook's first weights."""
    network = neuralNetwork(784, HIDDEN_NODES, 10, 0.1)
    generator = np.random.default_rng(1)
    network.wih = generator.normal(0.0, 784**-0.5, (HIDDEN_NODES, 784))
    network.who = generator.normal(0.0, HIDDEN_NODES**-0.5, (10, HIDDEN_NODES))
    for row, label in zip(scaled(pixels[:ROWS]), labels[:ROWS], strict=True):
        targets = np.full(10, 0.01)
        targets[label] = 0.99
        network.train(row, targets)
    return network


@pytest.fixture(scope="module")
def books_network(kit, mnist_or_sample):
    return train_the_books_class(*read_digits(kit, mnist_or_sample, "train"))


def largest_difference(run, language, network):
    """Of any weight, in units of float64."""
    learned = run.value(f"[each.tolist() for each in learned[{language!r}]]")
    pairs = zip(learned, (network.wih, network.who), strict=True)
    return max(abs(np.array(mine) - books).max() for mine, books in pairs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_learns_the_weights_of_the_books_class(run, books_network, language):
    """But for the order of the sums; and the notebook's own comparison says the same."""
    assert largest_difference(run, language, books_network) < 1e-12
    assert run.value("differences")[language] < 1e-12


def test_accuracies_are_those_of_the_books_class(run, books_network, kit, mnist_or_sample):
    """The share of test digits that it reads correctly, for each language."""
    pixels, labels = read_digits(kit, mnist_or_sample, "test")
    answers = [books_network.query(row).argmax() for row in scaled(pixels[:ROWS])]
    accuracy = (np.array(answers) == labels[:ROWS]).mean()
    accuracies = run.value("{name: each.accuracy for name, each in results.items()}")
    assert accuracies == pytest.approx(dict.fromkeys(LANGUAGES, accuracy), abs=5e-5)


def test_each_has_a_cost(run):
    """Seconds and megabytes; those of C are the fewest."""
    costs = run.value("{name: [each.seconds, each.peak_mb] for name, each in results.items()}")
    assert list(costs) == LANGUAGES
    assert all(seconds > 0 and peak_mb > 1 for seconds, peak_mb in costs.values())
    assert min(costs, key=lambda name: costs[name][1]) == "C"


def test_forth_leaves_one_half_on_the_stack(run):
    """The sigmoid of 0."""
    (cell,) = [cell for cell in run.notebook.cells if cell.id == "stack"]
    assert cell.outputs[0].text.split() == ["0.5"]


def test_forth_writes_each_digit_as_bits(run):
    """Ten digits in binary, all outputs within 0.01, and an error that falls."""
    text = run.value("bits")
    lines = re.findall(
        r"^ +(\d)  ([01]) ([01]) ([01]) ([01]) +(\S+) +(\S+) +(\S+) +(\S+)$", text, re.M
    )
    assert [int(digit) for digit, *_ in lines] == list(range(10))
    for digit, *columns in lines:
        bits = [int(each) for each in f"{int(digit):04b}"]
        assert [int(each) for each in columns[:4]] == bits
        assert [float(each) for each in columns[4:]] == pytest.approx(bits, abs=0.0105)
    errors = [float(each) for each in re.findall(r"largest error ([\d.]+)", text)]
    assert errors[0] > 0.5
    assert errors[-1] <= 0.01


def test_r_says_where_its_time_goes(run):
    """The outer product is a part of the update, and that of the whole."""
    shares = dict(re.findall(r"^(\S.*?) +[\d.]+ +([\d.]+)$", run.value("profile"), re.M))
    assert 0 < float(shares["its outer product"]) <= float(shares["update"]) < 100


def test_outer_products_in_r_are_numpys(run):
    """Three ways with each BLAS, one with the memory kept; and a time for all."""
    equal = run.value("{f'{name} {n}': each for (name, n), each in products_equal.items()}")
    blas = run.value("list(environs)")
    ways = [f"R's {way}, {each}" for each in blas for way in ("%*%", "tcrossprod", "outer")]
    ways.append("R's %*%, memory kept")
    assert set(equal) == {f"{way} {n}" for way in ways for n in (10, 200)}
    assert set(equal.values()) == {True}
    assert run.value("min(microseconds.values())") >= 0


def test_the_whole_job_takes_longer_with_more_nodes(run):
    """In both languages: twenty times the nodes are more than noise."""
    for few, _, many in run.value("per_digit").values():
        assert 0 < few < many


def test_pictures_memory_and_leftovers(run):
    """Bars, R's digit and R's curve; within a Pi's memory; the folder is gone."""
    assert run.pictures == 3
    assert run.peak_mb < 150
    assert not run.value("folder.exists()")


def test_a_missing_language_is_one_sentence(run_alone, kit):
    """Python learns as ever; each of the others says how to install it, and nothing fails."""
    network = train_the_books_class(*read_digits(kit, None, "train"))
    assert run_alone.value("list(results)") == ["Python"]
    assert largest_difference(run_alone, "Python", network) < 1e-12
    for cell, missing in {
        "look": ADVICE.values(),
        "race": ADVICE.values(),
        "stack": [ADVICE["Forth"]],
        "bits-run": [ADVICE["Forth"]],
        "r-digit": [ADVICE["R"]],
        "r-curve": [ADVICE["R"]],
        "r-profile": [ADVICE["R"]],
    }.items():
        assert said(run_alone, cell) == list(missing)
    assert run_alone.pictures == 1


def said(run, cell_id):
    """The lines that a cell printed of missing languages."""
    (cell,) = [cell for cell in run.notebook.cells if cell.id == cell_id]
    printed = "".join(each.text for each in cell.outputs if each.get("name") == "stdout")
    return [line for line in printed.splitlines() if line != "Python is installed"]
