"""The peers of `make bench-peers`: the C loop against the book's, and a limit that is slow."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from nn.lessons import book_loop
from scripts.bench import peers
from scripts.bench.comparison import NAMES, Medians
from scripts.bench.peers import BOOK, LIMIT
from scripts.bench.places import Here, Run
from tests.conftest import PROJECT, csv_text, unpack_sample

FOLDER = tempfile.TemporaryDirectory(prefix="pi-nn-peers-")  # removed when Python ends
TRAIN, TEST = (
    unpack_sample(kind, rows, Path(FOLDER.name)) for kind, rows in (("train", 1000), ("test", 200))
)
HIDDEN, EPOCHS, SEED = 100, 5, 1
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def limit(tmp_path_factory):
    """The C loop, compiled by the command's flags; called with words, it returns how it ended."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is missing: apt-get install gcc libc6-dev")
    program = tmp_path_factory.mktemp("limit") / "limit"
    source = PROJECT / "scripts" / "bench" / "limit.c"
    strict = ("-Wall", "-Wextra", "-Werror")
    flags = (*peers.FLAGS, *Here.processor, *strict)
    subprocess.run(["gcc", *flags, "-o", program, source, "-lm"], check=True)
    return lambda *words: subprocess.run(
        [program, *map(str, words)], capture_output=True, text=True, timeout=60
    )


def accuracy(done: subprocess.CompletedProcess) -> float:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["accuracy"]


@pytest.mark.slow
def test_the_limit_learns_what_the_book_does(limit, capsys):
    """As many digits right as the book's loop, on average over first weights of their own."""
    expected = []
    for seed in SEEDS:
        book_loop.main(TRAIN, TEST, HIDDEN, EPOCHS, seed)
        expected.append(json.loads(capsys.readouterr().out)["accuracy"])
    assert mean(expected) > 0.5
    for mode in ("dense", "sparse"):
        learned = [accuracy(limit(mode, TRAIN, TEST, HIDDEN, EPOCHS, seed)) for seed in SEEDS]
        assert mean(learned) == pytest.approx(mean(expected), abs=0.03)


@pytest.mark.parametrize("hidden", [1, 10, 16, 100])
def test_dense_and_sparse_are_equal(limit, hidden):
    """From the same first weights: leaving blank pixels out is exact, but for rounding."""
    dense, sparse = (
        accuracy(limit(mode, TRAIN, TEST, hidden, 2, SEED)) for mode in ("dense", "sparse")
    )
    assert sparse == pytest.approx(dense, abs=0.011)  # two of the 200 digits


@pytest.mark.parametrize("seed", SEEDS)
def test_dense_and_sparse_are_equal_on_dim_pictures(limit, tmp_path, seed):
    """Where the 0.01 of blank pixels counts as much as the ink does: a wrong sum would show."""
    files = [tmp_path / "train.csv", tmp_path / "test.csv"]
    for source, dim in zip((TRAIN, TEST), files, strict=True):
        rows = np.loadtxt(source, delimiter=",", dtype=np.uint8)
        dim.write_bytes(csv_text(rows[:, 1:] // 32, rows[:, 0]))
    dense, sparse = (accuracy(limit(mode, *files, 30, 30, seed)) for mode in ("dense", "sparse"))
    assert dense > 0.25
    assert sparse == pytest.approx(dense, abs=0.006)  # one of the 200 digits


def test_a_seed_repeats_and_another_differs(limit):
    """Of six seeds, at the least two end in another accuracy."""
    found = [accuracy(limit("sparse", TRAIN, TEST, 10, 1, seed)) for seed in (3, 3, 4, 5, 6, 7)]
    assert found[0] == found[1]
    assert len(set(found)) > 1


def test_numbers_of_each_length_are_read(limit, tmp_path, digits):
    """Memorised, random pictures are known again, with both line ends and no last one."""
    pixels, labels = digits
    text = csv_text(pixels[:40], labels[:40])
    rows = tmp_path / "rows.csv"
    for changed in (text, text.replace(b"\n", b"\r\n"), text[:-1]):
        rows.write_bytes(changed)
        for mode in ("dense", "sparse"):
            assert accuracy(limit(mode, rows, rows, 50, 60, SEED)) == 1


ROW = ["7", *["0"] * 784]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (["x", *ROW[1:]], "expected a label from 0 to 9, got 'x'"),
        (["10", *ROW[1:]], "expected a label from 0 to 9, got '10'"),
        ([*ROW[:300], "256", *ROW[301:]], "expected a pixel from 0 to 255, got '256'"),
        ([*ROW[:300], "1000", *ROW[301:]], "expected a pixel from 0 to 255, got '1000'"),
        ([*ROW[:300], "", *ROW[301:]], "expected a pixel from 0 to 255, got ''"),
        ([*ROW[:300], "-1", *ROW[301:]], "expected a pixel from 0 to 255, got '-1'"),
        (ROW[:-1], "expected 784 pixels, got 783"),
        ([*ROW, "0"], "expected 784 pixels, got more"),
        ([], "expected a label from 0 to 9, got ''"),
    ],
)
def test_a_bad_line_is_refused(limit, tmp_path, row, complaint):
    """With file and line, what was expected and what it got."""
    bad = tmp_path / "bad.csv"
    bad.write_text("".join(f"{','.join(line)}\n" for line in (ROW, ROW, row, ROW)))
    for files in ((bad, TEST), (TRAIN, bad)):
        refused = limit("sparse", *files, 10, 1, SEED)
        assert refused.returncode == 1
        assert refused.stderr == f"limit: {bad}:3: {complaint}\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "expected dense|sparse TRAIN.csv TEST.csv HIDDEN EPOCHS SEED"),
        (("fast", TRAIN, TEST, 10, 1, 1), "expected dense or sparse, got 'fast'"),
        (("dense", TRAIN, TEST, 0, 1, 1), "expected HIDDEN from 1 to 100000, got '0'"),
        (("dense", TRAIN, TEST, 10, "1x", 1), "expected EPOCHS from 1 to 100000, got '1x'"),
        (("dense", TRAIN, TEST, 10, 1, ""), "expected SEED from 0 to 2147483647, got ''"),
        (("dense", "/none.csv", TEST, 10, 1, 1), "/none.csv: No such file or directory"),
        (("dense", "/tmp", TEST, 10, 1, 1), "/tmp: expected a file, got something else"),
        (("dense", "/dev/null", TEST, 10, 1, 1), "expected a file, got something else"),
    ],
)
def test_wrong_arguments_are_refused(limit, words, complaint):
    """In a sentence, with exit code 1."""
    refused = limit(*words)
    assert refused.returncode == 1
    assert complaint in refused.stderr


def test_an_empty_file_is_refused(limit, tmp_path):
    """There is nothing to learn from it."""
    (tmp_path / "empty.csv").touch()
    refused = limit("sparse", tmp_path / "empty.csv", TEST, 10, 1, 1)
    assert refused.returncode == 1
    assert "empty.csv: expected a label and 784 pixels a line, got none" in refused.stderr


def medians_of(**seconds: float) -> Medians:
    sides = {"book": BOOK, "limit": LIMIT, "kit": "this kit"}
    return {sides[key]: dict.fromkeys(NAMES, Run(each, 0.95, 50)) for key, each in seconds.items()}


def test_a_slow_limit_is_told():
    """It must be 25 times as fast as the book's loop, and be there."""
    assert peers.check_limit(medians_of(book=50, limit=2)) == []
    (complaint,) = peers.check_limit(medians_of(book=49, limit=2))
    assert "at least 25 times as long as C by hand, sparse at 200 nodes, got 24.5" in complaint
    (complaint,) = peers.check_limit(medians_of(book=49))
    assert "expected both the book's loop and C by hand, sparse, got the book's loop" in complaint
