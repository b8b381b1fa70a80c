"""The languages of `make compare-languages`: their commands, their accuracies, what is missing."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nn.lessons import book_loop
from nn.lessons.languages import LANGUAGES
from nn.presets import PRESETS
from nn.saving.weights_text import read_weights
from scripts.bench.comparison import NAMES, Medians
from scripts.bench.languages import (
    COMPARISON,
    check_accuracy,
    sides_in,
    with_each_blas,
    write_first_weights,
)
from scripts.bench.places import Here, Job, Run, Side
from tests.conftest import unpack_sample

SAMPLE_ROWS = 200


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The local computer, with some drawn digits in place of MNIST, and the first weights."""
    folder = tmp_path_factory.mktemp("languages")
    for kind in ("train", "test"):
        unpack_sample(kind, SAMPLE_ROWS, folder).rename(folder / f"whole_{kind}.csv")
    write_first_weights(folder)
    return Here(folder)


def side_of(language: str, place: Here) -> Side:
    """Return a side of a language that can run here."""
    found = [side for name, side in sides_in(place).items() if name.split(",")[0] == language]
    present = [side for side in found if not place.missing(side)]
    if not present:
        pytest.skip(f"{language} is not installed here: {place.missing(found[0])}")
    return present[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_learns_the_same(language, here):
    """As the book's loop in this process, from the same weights; its cost is measured."""
    side = side_of(language, here)
    files = (here.folder / f"whole_{kind}.csv" for kind in ("train", "test"))
    train, test = map(book_loop.read_lines, files)
    wih, who = book_loop.train(train, 100, seed=1)
    answers = [book_loop.parse(line) for line in test]
    right = sum(book_loop.answer(wih, who, inputs).argmax() == label for label, inputs in answers)
    run = here.run(side, PRESETS["pi-zero-100"])
    assert run.accuracy == pytest.approx(right / len(test), abs=5.1e-5)  # of four decimals
    assert run.accuracy > 0.4  # of digits that are harder than MNIST's
    assert 0 < run.seconds < 60
    assert 1 < run.peak_mb < 300
    learned = read_weights(here.folder / "last.txt")
    for expected, matrix in zip((wih, who), learned, strict=True):
        assert abs(matrix - expected).max() < 1e-8


def test_all_get_the_same_arguments(here):
    """Those of the preset, the same files, the weights for as many nodes."""
    job = Job(PRESETS["book"], here.folder, "whole")
    for name, side in sides_in(here).items():
        if here.missing(side):
            continue
        *_, hidden, rate, epochs, train, test, first, last = here.command(side, job)
        assert (hidden, rate, epochs) == ("200", "0.1", "5"), name
        assert (Path(train).name, Path(test).name) == ("whole_train.csv", "whole_test.csv")
        assert len(read_weights(first)[0]) == 200
        assert Path(last).parent == here.folder


def test_each_installed_blas_can_be_chosen(tmp_path):
    """By its folder, as the system sees it; one that is missing is a need, with its package."""
    side = Side(("R",))
    assert with_each_blas(side, tmp_path) == {}
    folder = tmp_path / "usr/lib/arm-linux-gnueabihf/openblas-pthread"
    folder.mkdir(parents=True)
    (folder / "libblas.so.3").touch()
    sides = with_each_blas(side, tmp_path)
    assert list(sides) == ["reference BLAS", "OpenBLAS"]
    assert sides["OpenBLAS"].settings == (
        "LD_LIBRARY_PATH=/usr/lib/arm-linux-gnueabihf/openblas-pthread",
        "R_LD_LIBRARY_PATH=/usr/lib/arm-linux-gnueabihf/openblas-pthread",
    )
    here = Here(tmp_path)
    assert here.missing(sides["OpenBLAS"]) == ""
    assert here.missing(sides["reference BLAS"]) == "run `apt-get install libblas3`"


def test_r_uses_the_blas_that_is_chosen(here):
    """It says so itself: its start script would otherwise prefer the system's."""
    side_of("R", here)
    for side in with_each_blas(Side(("Rscript",)), Path("/")).values():
        if here.missing(side):
            continue
        words = ("Rscript", "--vanilla", "-e", "cat(extSoftVersion()[['BLAS']])")
        done = subprocess.run(
            [*map(str, here.prefix), *side.settings, *words], capture_output=True, text=True
        )
        folder = Path(side.settings[-1].partition("=")[2])
        assert Path(done.stdout).resolve().parent == folder.resolve()


def test_a_missing_language_is_named_with_its_package(here, tmp_path, monkeypatch):
    """In the very command that installs it; Python is always there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    why = {name.split(",")[0]: here.missing(side) for name, side in sides_in(here).items()}
    assert why["Python"] == ""
    assert "apt-get install r-base-core" in why["R"]
    assert why["Forth"] == "run `apt-get install gforth`"
    assert why["C"] == "run `apt-get install gcc libc6-dev`"


def test_the_others_are_compared_without_a_missing_language(here, tmp_path, monkeypatch):
    """Below their table stands what is missing; so few digits do not teach what is promised."""
    (tmp_path / "env").symlink_to(shutil.which("env"))
    monkeypatch.setenv("PATH", str(tmp_path))
    text, failures = COMPARISON.compare(here, runs=1)
    (row,) = [line for line in text.splitlines()[2:] if line.startswith("|")]
    assert re.fullmatch(r"\| Python, .+? \|( \d+\.\d\d s, \d\d\.\d\d%, \d+ MB \|){3}", row)
    assert "Left out: Forth. To have it, run `apt-get install gforth`." in text.splitlines()
    (complaint,) = failures
    assert complaint.startswith("Python, ")
    assert "expected an accuracy of at least 97% at 200 nodes, got " in complaint


def medians_of(**accuracy: float) -> Medians:
    return {name: dict.fromkeys(NAMES, Run(1.0, each, 50)) for name, each in accuracy.items()}


def test_a_language_below_the_promise_is_told():
    """97 % at 200 nodes, 5 epochs."""
    assert check_accuracy(medians_of(R=0.97, C=0.971)) == []
    (complaint,) = check_accuracy(medians_of(R=0.9699, C=0.971))
    assert complaint == "R: expected an accuracy of at least 97% at 200 nodes, got 96.99%"


@pytest.mark.parametrize("preset", ["pi-zero-100", "book"])
def test_languages_that_disagree_are_told(preset):
    """From the same weights, they must end with the same accuracy, but for rounding."""
    assert check_accuracy({}) == []
    assert check_accuracy(medians_of(R=0.9730, C=0.9749)) == []
    medians = medians_of(R=0.9751, C=0.9751)
    medians["C"][preset] = Run(1.0, 0.9730, 50)
    (complaint,) = check_accuracy(medians)
    assert complaint == (
        f"{preset}: expected the same accuracy of all languages, got 97.30% of C and 97.51% of R"
    )


def test_ten_nodes_may_disagree():
    """They amplify the rounding of sums; see docs/performance.md."""
    medians = medians_of(R=0.9751, C=0.9751)
    medians["C"]["pi-zero"] = Run(1.0, 0.95, 50)
    assert check_accuracy(medians) == []
