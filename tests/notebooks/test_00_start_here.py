"""The first notebook: the way through, and whether everything is here."""

import re

import nbformat
import pytest

from scripts.bench.notebook_runner import executed
from tests.conftest import PROJECT

IN_ORDER = [
    "00_start_here.ipynb",
    "01_look_at_the_data.ipynb",
    "02_a_network_of_three_layers.ipynb",
    "03_train_on_mnist.ipynb",
    "04_rotations.ipynb",
    "05_your_own_handwriting.ipynb",
    "06_inside_the_mind.ipynb",
    "07_how_the_error_goes_back.ipynb",
    "08_where_the_time_goes.ipynb",
    "09_a_little_calculus.ipynb",
    "10_the_same_network_in_other_languages.ipynb",
    "11_many_pis_one_question.ipynb",
    "12_digits_of_our_own.ipynb",
]


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed."""
    with executed(kit, "00", mnist_or_sample) as run:
        yield run


def test_all_notebooks_are_linked_in_order():
    """One line each in the table, and none in the folder is left out."""
    notebook = nbformat.read(PROJECT / "notebooks" / IN_ORDER[0], as_version=4)
    (table,) = [cell.source for cell in notebook.cells if cell.id == "the-way"]
    assert re.findall(r"^\| \[\d\d [^]]+\]\(([^)]+)\) \| .+ \|$", table, re.M) == IN_ORDER
    assert {path.name for path in (PROJECT / "notebooks").glob("*.ipynb")} <= set(IN_ORDER)


def test_everything_is_found(run, kit):
    """Nothing is missing; the kit is the unpacked one."""
    assert run.value("missing") == []
    assert f"in {kit / 'nn'}" in run.texts


def test_the_digits_are_named_and_counted(run, mnist_or_sample):
    """MNIST's published size, or the sample's, which is never called MNIST's."""
    counts = run.value("[training_digits, test_digits]")
    if mnist_or_sample:
        assert counts == [60_000, 10_000]
        assert "Digits: MNIST\n" in run.texts
    else:
        assert counts == [10_000, 1000]
        assert "Digits: bundled sample (drawn by this kit, not MNIST)\n" in run.texts


def test_a_picture_is_drawn_in_little_memory(run):
    """The ten digits of the last cell; under 150 MB."""
    assert run.pictures == 1
    assert run.peak_mb < 150
