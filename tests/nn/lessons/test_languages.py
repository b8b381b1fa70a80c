"""The programs in R, Forth and C, against `nn.book`, the kit's reader and each other."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.special import expit

from nn.book import neuralNetwork
from nn.data.csv_file import read_csv
from nn.data.streams import DatasetError
from nn.errors import KitError
from nn.lessons import book_loop, languages
from nn.lessons.languages import FOLDER, LANGUAGES, MissingLanguageError, command_of
from nn.lessons.speed import ProgramError
from nn.saving.weights_text import WeightsTextError, read_weights, write_weights
from nn.signals import one_hot, scale_pixels
from tests.conftest import PROJECT, csv_text

OTHERS = ("R", "Forth", "C")
INKED = ",".join(["0"] * 700 + ["255"] * 84)
HEADER = ",".join(f"pixel{number}" for number in range(784))

each_language = pytest.mark.parametrize(
    "language",
    [
        pytest.param(
            LANGUAGES[name],
            id=name,
            marks=[
                pytest.mark.skipif(not LANGUAGES[name].is_installed, reason="not installed"),
                *([pytest.mark.slow] if name in ("Python", "R") else []),  # they start slowly
            ],
        )
        for name in LANGUAGES
    ],
)
needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
needs_gforth = pytest.mark.skipif(shutil.which("gforth") is None, reason="gforth is not installed")


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """A folder in which C is compiled once."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture
def small(tmp_path):
    """Two digits of two pixels, and the weights of a 2-3-2 network."""
    (tmp_path / "digits.csv").write_text("1,0,255\n0,7,9\n")
    generator = np.random.default_rng(1)
    weights = generator.normal(size=(3, 2)), generator.normal(size=(2, 3))
    write_weights(tmp_path / "first.txt", *weights)
    return tmp_path


def run(language, programs, folder, *words):
    """Run a program in a folder with the arguments."""
    return subprocess.run(
        [*command_of(language, programs), *map(str, words)],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=folder,
    )


def refusal(done) -> str:
    """Return the one line of an error."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"error: [^\n]+\n", done.stderr), done.stderr
    return done.stderr.removeprefix("error: ").rstrip()


def words_of(hidden_nodes=3, rate=0.1, epochs=1, train="digits.csv", test="digits.csv", **files):
    """Return the seven arguments."""
    first, last = files.get("first", "first.txt"), files.get("last", "last.txt")
    return [hidden_nodes, rate, epochs, train, test, first, last]


def learned_by_the_book(weights, pixels, labels, learning_rate, epochs=1):
    """Return the weights after the book's class has learned the digits one by one."""
    (hidden, inputs), outputs = weights[0].shape, len(weights[1])
    book = neuralNetwork(inputs, hidden, outputs, learning_rate)
    book.wih, book.who = weights
    targets = one_hot(labels, outputs, "float64")
    for _ in range(epochs):
        for row, target in zip(scale_pixels(pixels, "float64"), targets, strict=True):
            book.train(row, target)
    return book


def differences(path, book):
    """Return the largest difference of a weight, of each matrix."""
    pairs = zip(read_weights(path), (book.wih, book.who), strict=True)
    return [abs(got - its).max() for got, its in pairs]


@each_language
def test_it_learns_what_the_book_learns(language, programs, digits, tmp_path):
    """Its weights after two epochs, and its accuracy on other digits."""
    pixels, labels = digits
    (tmp_path / "train.csv").write_bytes(csv_text(pixels[:200], labels[:200]))
    (tmp_path / "test.csv").write_bytes(csv_text(pixels[200:], labels[200:]))
    generator = np.random.default_rng(3)
    weights = generator.normal(0, 784**-0.5, (7, 784)), generator.normal(0, 7**-0.5, (10, 7))
    write_weights(tmp_path / "first.txt", *weights)
    book = learned_by_the_book(weights, pixels[:200], labels[:200], 0.2, epochs=2)
    words = words_of(7, 0.2, 2, "train.csv", "test.csv")
    done = run(language, programs, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert max(differences(tmp_path / "last.txt", book)) < 1e-8
    answers = book.query(scale_pixels(pixels[200:], "float64")).argmax(axis=0)
    accuracy, seconds = re.fullmatch(
        r"accuracy (0\.\d{4})\nseconds (\d+\.\d\d)\n", done.stdout
    ).groups()
    assert float(accuracy) == pytest.approx((answers == labels[200:]).mean(), abs=5e-5)
    assert 0 <= float(seconds) < 60
    assert done.stderr == ""  # no progress where standard error is not a terminal


@each_language
@pytest.mark.mnist
@pytest.mark.slow
def test_on_mnist_all_weights_are_the_books(language, programs, mnist, tmp_path):
    """After 2,000 digits at 100 nodes, each weight agrees to 1e-8."""
    pixels, labels = mnist[0].pixels[:2000], mnist[0].labels[:2000]
    (tmp_path / "train.csv").write_bytes(csv_text(pixels, labels))
    generator = np.random.default_rng(1)
    weights = generator.normal(0, 784**-0.5, (100, 784)), generator.normal(0, 0.1, (10, 100))
    write_weights(tmp_path / "first.txt", *weights)
    book = learned_by_the_book(weights, pixels, labels, 0.1)
    result = languages.run(
        language,
        *(tmp_path / "train.csv", tmp_path / "train.csv"),
        *(tmp_path / "first.txt", tmp_path / "last.txt"),
    )
    assert max(differences(tmp_path / "last.txt", book)) < 1e-8
    answers = book.query(scale_pixels(pixels, "float64")).argmax(axis=0)
    assert result.accuracy == pytest.approx((answers == labels).mean(), abs=5e-5)


@each_language
@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    sizes=st.tuples(*(st.integers(1, 9) for _ in range(3))),
    rows=st.integers(1, 12),
    epochs=st.integers(1, 3),
    learning_rate=st.sampled_from([0.001, 0.1, 0.3, 1.0]),
    seed=st.integers(0, 999),
)
def test_small_networks_of_odd_sizes(
    language, programs, tmp_path, sizes, rows, epochs, learning_rate, seed
):
    """Any sizes, rows and learning rates: the weights are the book's."""
    inputs, hidden, outputs = sizes
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(hidden, inputs)), generator.normal(size=(outputs, hidden))
    pixels = generator.integers(0, 256, (rows, inputs), dtype=np.uint8)
    labels = generator.integers(0, outputs, rows, dtype=np.uint8)
    lines = np.column_stack([labels, pixels]).tolist()
    (tmp_path / "digits.csv").write_text("".join(f"{','.join(map(str, x))}\n" for x in lines))
    write_weights(tmp_path / "first.txt", *weights)
    done = run(language, programs, tmp_path, *words_of(hidden, learning_rate, epochs))
    assert done.returncode == 0, done.stderr
    book = learned_by_the_book(weights, pixels, labels, learning_rate, epochs)
    assert max(differences(tmp_path / "last.txt", book)) < 1e-8


C_UPDATE = """
#define main network_main
#include "network.c"
#undef main
int main(void)
{
    double weights[] = {2.0, 3.0}, hidden[] = {0.4, 0.5}, error[] = {ERROR}, output[1];
    forward(weights, hidden, 2, output, 1);
    update(weights, error, output, 1, hidden, 2, 0.1);
    printf("%.17g\\n", weights[0]);
    return 0;
}
"""
R_UPDATE = """
source("network.R")
weights <- matrix(c(2, 3), 1)
hidden <- matrix(c(0.4, 0.5))
cat(update(weights, ERROR, forward(weights, hidden), hidden, 0.1)[1])
"""
FORTH_UPDATE = """
warnings off  require FOLDER/layers.fs
' sigmoid is activation  ' sigmoid-slope is slope
create weights 2e f, 3e f,  create hidden 0.4e f, 0.5e f,
create error ERRORe f,  create output 1 floats allot
weights hidden 2 output 1 forward
weights error output 1 hidden 2 0.1e update
weights f@ fs. bye
"""


@each_language
@pytest.mark.parametrize(("error", "weight"), [(1.5, 2.005), (0.8, 2.00265)])
def test_the_authors_worked_example(language, error, weight, tmp_path):
    """2.0 becomes about 2.005 with an error of 1.5, and 2.00265 with the corrected 0.8."""
    texts = {"C": C_UPDATE, "R": R_UPDATE, "Forth": FORTH_UPDATE}
    path = tmp_path / f"update{language.program[-2:]}"
    if language.name == "Python":
        weights, hidden = np.array([[2.0, 3.0]]), np.array([[0.4], [0.5]])
        final = expit(weights @ hidden)
        book_loop.update(weights, np.array([[error]]), final, hidden, 0.1)
        assert weights[0, 0] == pytest.approx(weight, abs=5e-5)
        return
    path.write_text(
        texts[language.name].replace("ERROR", str(error)).replace("FOLDER", str(FOLDER))
    )
    if language.name == "C":
        program = tmp_path / "update"
        compile_it = ["gcc", "-std=c99", "-I", FOLDER, "-o", program, path, "-lm"]
        subprocess.run(compile_it, check=True)
        command = [program]
    else:
        command = [*language.command, path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER)
    assert float(done.stdout) == pytest.approx(weight, abs=5e-5), done.stderr


GOOD_FILES = {
    "no last newline": f"3,{INKED}\n4,{INKED}",
    "CRLF": f"3,{INKED}\r\n4,{INKED}\r\n",
    "byte-order mark": f"\ufeff3,{INKED}\n",
    "header": f"label,{HEADER}\n3,{INKED}\n",
    "quoted header after a mark": f'\ufeff"Label",{HEADER}\n3,{INKED}\n',
    "blank lines at the end": f"3,{INKED}\n\n\n",
    "leading zeros": f"3,007,{INKED[2:]}\n",
}
BAD_FILES = {
    "short row": f"3,{INKED}\n1,2,3\n",
    "long row": f"3,{INKED},0\n",
    "trailing comma": f"3,{INKED},\n",
    "letters": f"3,{INKED}\n3,abc,{INKED[2:]}\n",
    "over 255": f"3,{INKED[:-3]}256\n",
    "label 10": f"10,{INKED}\n",
    "negative": f"3,-1,{INKED[2:]}\n",
    "decimal": f"3,{INKED}\n\n".replace("3,0,", "3,1.0,"),
    "space": f"3, 1,{INKED[2:]}\n",
    "empty field": f"3,,{INKED[2:]}\n",
    "empty last field": f"3,{INKED[:-3]}\n",
    "empty label": f",{INKED}\n",
    "four digits": f"3,0007,{INKED[2:]}\n",
    "beyond any integer": f"3,{'9' * 30},{INKED[2:]}\n",
    "exponent": f"3,1e2,{INKED[2:]}\n",
    "hexadecimal": f"3,0x1,{INKED[2:]}\n",
    "R's missing value": f"3,NA,{INKED[2:]}\n",
    "quoted label": f'"3",{INKED}\n',
    "semicolons": f"3,{INKED}\n".replace(",", ";"),
    "a line of spaces": f"3,{INKED}\n   \n",
    "blank line": f"3,{INKED}\n\n4,{INKED}\n",
    "blank first line": f"\n4,{INKED}\n",
    "short header": f"label,a,b\n3,{INKED}\n",
    "byte of value 0": f"3,0\0,{INKED[2:]}\n",
    "not ASCII": f"3,é,{INKED[2:]}\n",
}


@pytest.fixture(scope="module")
def mnist_sized(tmp_path_factory):
    """The weights of a small network for digits of 784 pixels."""
    folder = tmp_path_factory.mktemp("mnist-sized")
    write_weights(folder / "first.txt", np.full((2, 784), 0.01), np.full((10, 2), 0.1))
    return folder


@each_language
@pytest.mark.parametrize("kind", GOOD_FILES)
def test_it_reads_what_the_kit_reads(language, kind, programs, mnist_sized):
    """Row for row: it learns what the book's class learns from the kit's reader."""
    path = mnist_sized / "digits.csv"
    path.write_bytes(GOOD_FILES[kind].encode())
    block = np.concatenate(list(read_csv(path)))
    done = run(language, programs, mnist_sized, *words_of(2))
    assert done.returncode == 0, done.stderr
    weights = read_weights(mnist_sized / "first.txt")
    book = learned_by_the_book(weights, block[:, 1:], block[:, 0], 0.1)
    assert max(differences(mnist_sized / "last.txt", book)) < 1e-12


@each_language
@pytest.mark.parametrize("kind", BAD_FILES)
def test_it_refuses_what_the_kit_refuses(language, kind, programs, mnist_sized):
    """In one line with the file, the same line and the same column."""
    path = mnist_sized / "digits.csv"
    path.write_bytes(BAD_FILES[kind].encode())
    with pytest.raises(DatasetError, match=r"digits.csv:\d+: ") as kit:
        list(read_csv(path))
    place = re.search(r"digits.csv:\d+: ", str(kit.value))[0]
    column = re.search(r"column \d+: ", str(kit.value))
    said = refusal(run(language, programs, mnist_sized, *words_of(2)))
    assert said.startswith(place + (column[0] if column else "")), said
    assert "expected" in said or "is blank" in said
    assert not list(mnist_sized.glob("*.part"))


@each_language
@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "has no rows"),
        (b"\n\n", "has no rows"),
        (f"label,{HEADER}\n".encode(), "has no rows"),
        (b"\x1f\x8b\x08\x00 and so on", "is a gzip file: unpack it with gunzip"),
        (b"1," * 40_000 + b"1\n", r"csv:1: is too long"),
        (None, r"digits.csv: No such file"),
    ],
)
def test_files_without_rows(language, content, match, programs, mnist_sized):
    """Empty, header alone, zipped, endless, missing: one line that names the file."""
    path = mnist_sized / "digits.csv"
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    said = refusal(run(language, programs, mnist_sized, *words_of(2)))
    assert said.startswith("digits.csv")
    assert re.search(match, said)


GOOD_WEIGHTS = "2 3 2\n1 2\n3 4\n5 6\n1 2 3\n4 5 6\n"
WEIGHTS = {
    "missing": None,
    "empty": "",
    "one less": GOOD_WEIGHTS.removesuffix(" 6\n"),
    "one more": GOOD_WEIGHTS + "7\n",
    "one more in a row": GOOD_WEIGHTS.replace("4 5 6", "4 5 6 7"),
    "not a number": GOOD_WEIGHTS.replace("4 5 6", "4 nan 6"),
    "infinite": GOOD_WEIGHTS.replace("4 5 6", "4 inf 6"),
    "too large": GOOD_WEIGHTS.replace("4 5 6", "4 1e999 6"),
    "a word": GOOD_WEIGHTS.replace("4 5 6", "4 x 6"),
    "commas": GOOD_WEIGHTS.replace(" ", ", "),
    "two sizes": GOOD_WEIGHTS.replace("2 3 2", "2 3"),
    "no inputs": GOOD_WEIGHTS.replace("2 3 2", "0 3 2"),
    "negative size": GOOD_WEIGHTS.replace("2 3 2", "-2 3 2"),
    "huge size": GOOD_WEIGHTS.replace("2 3 2", "99999999999 3 2"),
    "other hidden nodes": GOOD_WEIGHTS.replace("2 3 2", "2 4 2"),
    "digits": "5,0,0\n",
    "binary": "\0\1\2",
}


@each_language
@pytest.mark.parametrize("kind", WEIGHTS)
def test_bad_weights_are_refused(language, kind, programs, small):
    """By Python's reader as well."""
    path = small / "first.txt"
    path.unlink()
    if (text := WEIGHTS[kind]) is not None:
        path.write_text(text)
    with pytest.raises((WeightsTextError, OSError), match=r"first\.txt"):
        read_weights(path)
    assert refusal(run(language, programs, small, *words_of())).startswith("first.txt:")


@each_language
@pytest.mark.parametrize(
    "text",
    [GOOD_WEIGHTS.replace("\n", "\r\n"), GOOD_WEIGHTS[:-1], GOOD_WEIGHTS.replace("4", "4E0")],
)
def test_good_weights_are_read(language, text, programs, small):
    """CRLF, no last newline, an exponent."""
    (small / "first.txt").write_text(text)
    read_weights(small / "first.txt")
    assert run(language, programs, small, *words_of()).returncode == 0


@each_language
@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"hidden_nodes": 0}, r"HIDDEN_NODES: expected a whole number from 1 to 999999, got '0'"),
        ({"hidden_nodes": "1.5"}, r"HIDDEN_NODES: .*got '1.5'"),
        ({"hidden_nodes": 4}, r"first.txt: expected weights of 4 hidden nodes, got 3.*-nodes 4"),
        ({"rate": "-1"}, r"LEARNING_RATE: expected a number above 0, got '-1'"),
        ({"rate": "nan"}, r"LEARNING_RATE: .*got 'nan'"),
        ({"rate": "fast"}, r"LEARNING_RATE: .*got 'fast'"),
        ({"epochs": "x"}, r"EPOCHS: expected a whole number from 1 to 999999, got 'x'"),
        ({"train": "none.csv"}, r"none.csv: No such file"),
        ({"test": "none.csv"}, r"none.csv: No such file"),
        ({"train": "."}, r"^\.: "),
        ({"last": "none/last.txt"}, r"none/last.txt\S*: No such file"),
        ({"last": "digits.csv"}, r"digits.csv exists and is not a file of weights"),
    ],
)
def test_bad_arguments_cost_nothing(language, changed, match, programs, small):
    """One line that names the argument; no file is changed, and none is left."""
    before = {path.name: path.read_bytes() for path in small.iterdir()}
    assert re.search(match, refusal(run(language, programs, small, *words_of(**changed))))
    assert {path.name: path.read_bytes() for path in small.iterdir()} == before


@each_language
def test_usage(language, programs, small):
    """By --help on standard output; without arguments as an error."""
    helped = run(language, programs, small, "--help")
    assert helped.returncode == 0
    assert re.fullmatch(r"usage: .*HIDDEN_NODES.*LAST_WEIGHTS\n", helped.stdout)
    for count in (0, 6, 8):
        words = [*words_of(), "more"][:count]
        said = refusal(run(language, programs, small, *words))
        assert said.startswith(f"expected 7 arguments, got {count}; usage: ")


@each_language
def test_a_diverged_training_is_not_saved(language, programs, small):
    """Weights that are no numbers any more; the file of before stays, and no other is left."""
    (small / "first.txt").write_text("2 1 3\n1 1\n1.7e308\n1.7e308\n1.7e308\n")
    (small / "last.txt").write_text(GOOD_WEIGHTS)
    before = sorted(small.iterdir())
    said = refusal(run(language, programs, small, *words_of(1)))
    assert said == "the training diverged: lower LEARNING_RATE"
    assert (small / "last.txt").read_text() == GOOD_WEIGHTS
    assert sorted(small.iterdir()) == before


@each_language
def test_two_runs_at_once_and_a_stranger_beside_them(language, programs, small):
    """Both end well, with whole weights; and no other file is touched."""
    (small / "last.txt.part").write_text("mine")
    (small / "digits.csv").write_text("1,0,255\n0,7,9\n" * 2000)
    command = [*command_of(language, programs), *map(str, words_of(epochs=3))]
    runs = [subprocess.Popen(command, cwd=small, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [each.wait(60) for each in runs] == [0, 0]
    read_weights(small / "last.txt")
    assert {path.name for path in small.iterdir()} == {
        *("digits.csv", "first.txt", "last.txt", "last.txt.part"),
    }
    assert (small / "last.txt.part").read_text() == "mine"


@each_language
def test_an_interrupted_run_leaves_nothing(language, programs, small):
    """Ctrl-C in the middle of it: the files are those of before."""
    (small / "digits.csv").write_text("1,0,255\n0,7,9\n" * 1000)
    before = sorted(small.iterdir())
    command = [*command_of(language, programs), *map(str, words_of(epochs=100_000))]
    process = subprocess.Popen(command, cwd=small, stderr=subprocess.DEVNULL)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) not in (0, None)
    assert sorted(small.iterdir()) == before


@each_language
def test_memory_does_not_grow_with_the_file(language, tmp_path):
    """8,000 digits instead of 2,000: within a megabyte, 3 for R, which has a garbage collector."""
    write_weights(tmp_path / "first.txt", np.full((2, 784), 0.01), np.full((10, 2), 0.1))
    peaks = []
    for rows in (2000, 8000):
        path = tmp_path / f"{rows}.csv"
        path.write_text(f"3,{INKED}\n" * rows)
        result = languages.run(
            language, path, path, tmp_path / "first.txt", tmp_path / "last.txt", hidden_nodes=2
        )
        peaks.append(result.peak_mb)
    assert path.stat().st_size > 13e6
    assert peaks[1] - peaks[0] < (3 if language.name == "R" else 1), peaks
    assert 0.5 < peaks[0] < 250


@each_language
def test_progress_on_a_terminal(language, programs, mnist_sized):
    """Every 500 digits, on one line, which ends before the results."""
    (mnist_sized / "digits.csv").write_text(f"3,{INKED}\n" * 1000)
    master, slave = os.openpty()
    command = [*command_of(language, programs), *map(str, words_of(2, epochs=2))]
    done = subprocess.run(command, stderr=slave, stdout=subprocess.PIPE, cwd=mnist_sized)
    os.close(slave)
    said = b""
    with suppress(OSError):  # at the end of what was written
        while piece := os.read(master, 1000):
            said += piece
    os.close(master)
    said = said.decode()
    assert done.returncode == 0, said
    assert re.findall(r"\repoch (\d) of 2: (\d+) digits ", said) == [
        *[("1", "500"), ("1", "1000")],
        *[("2", "500"), ("2", "1000")],
    ]
    assert said.endswith("digits \r\n")


def test_a_missing_language_says_how_to_install_it(monkeypatch, tmp_path):
    """Without any of them on the path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert LANGUAGES["Python"].is_installed
    for name, package in {"R": "r-base-core", "Forth": "gforth", "C": "gcc libc6-dev"}.items():
        assert not LANGUAGES[name].is_installed
        with pytest.raises(MissingLanguageError, match=f"{name} is not.*apt install {package}"):
            command_of(LANGUAGES[name], tmp_path)


def test_a_refusal_is_an_error_with_the_programs_own_words(small):
    """As notebooks show it."""
    files = [small / name for name in ("digits.csv", "digits.csv", "first.txt", "last.txt")]
    files[0].write_text("1,0,255\n0,7\n")
    with pytest.raises(ProgramError, match=r"error: .*digits.csv:2: has 2 values: expected 3"):
        languages.run(LANGUAGES["Python"], *files, hidden_nodes=3)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_files_may_be_named_from_the_current_folder(small, monkeypatch):
    """Also the one that C is compiled beside."""
    monkeypatch.chdir(small)
    files = map(Path, ("digits.csv", "digits.csv", "first.txt", "last.txt"))
    languages.run(LANGUAGES["C"], *files, hidden_nodes=3)
    assert (small / "last.txt").exists()


def test_a_compiler_that_fails_is_told_in_one_line(tmp_path, monkeypatch):
    """As gcc does without the headers of libc6-dev."""
    gcc = tmp_path / "gcc"
    gcc.write_text("#!/bin/sh\necho 'errno.h: No such file' >&2; echo more >&2; exit 1\n")
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(MissingLanguageError, match=r"libc6-dev\. gcc says: errno.h: No such file$"):
        command_of(LANGUAGES["C"], tmp_path / "compiled")


def bits(*words):
    """Run the small network in Forth."""
    command = ["gforth", str(FOLDER / "bits.fs"), *words]
    return subprocess.run(command, capture_output=True, text=True)


@needs_gforth
@pytest.mark.parametrize("words", [(), ("2",), ("7", "0.2")])
def test_forth_learns_to_write_bits(words):
    """Each output is within 0.01 of its bit, and the progress shows how the error fell."""
    done = bits(*words)
    assert done.returncode == 0, done.stderr
    progress = re.findall(r"epoch +(\d+)  (#*)(\.*)  largest error (\d\.\d{4})\n", done.stdout)
    errors = [float(error) for *_, error in progress]
    assert errors[0] > 0.5
    assert 0.009 < errors[-1] <= 0.01 < errors[-2]
    assert all(len(full + empty) == 40 for _, full, empty, _ in progress)
    assert f"learned after {progress[-1][0]} epochs" in done.stdout
    table = done.stdout.split("outputs\n")[1].splitlines()
    for digit, line in enumerate(table):
        first, *numbers = line.split()
        assert int(first) == digit
        expected = [int(bit) for bit in f"{digit:04b}"]
        assert [int(bit) for bit in numbers[:4]] == expected
        assert [float(output) for output in numbers[4:]] == pytest.approx(expected, abs=0.0105)
    assert len(table) == 10


@needs_gforth
@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("x",), "SEED: expected"),
        (("1.5",), "SEED: expected a whole number"),
        (("1", "-2"), "LEARNING_RATE: expected"),
        (("1", "1", "1"), "usage: "),
        (("1", "50"), "not learned after 100,000 epochs"),
    ],
)
def test_bits_that_cannot_be_learned(words, match):
    """One line on standard error, exit code 1."""
    done = bits(*words)
    assert done.returncode == 1
    assert re.fullmatch(f"error: {match}.*\n", done.stderr)


def pictures(folder, *words):
    """Draw in R."""
    command = ["Rscript", "--vanilla", str(FOLDER / "pictures.R"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


@pytest.fixture
def drawn(tmp_path):
    """Five digits of which the fourth has ink in one corner, and the first weights."""
    pixels = np.zeros((500, 784), np.uint8)
    pixels[:, 400:500] = np.random.default_rng(1).integers(0, 255, (500, 100))
    pixels[3] = np.pad(np.full((6, 12), 255, np.uint8), ((3, 19), (2, 14))).ravel()
    (tmp_path / "digits.csv").write_bytes(csv_text(pixels, np.full(500, 7, np.uint8)))
    generator = np.random.default_rng(1)
    write_weights(tmp_path / "first.txt", generator.normal(0, 0.03, (5, 784)), np.zeros((10, 5)))
    return tmp_path


@needs_r
@pytest.mark.slow
def test_r_draws_a_digit_the_right_way_up(drawn):
    """Its ink is in the upper left, wider than it is high, where the file has it."""
    done = pictures(drawn, "digit", "digits.csv", 4, "four.png")
    assert done.returncode == 0, done.stderr
    grey = np.asarray(Image.open(drawn / "four.png").convert("L"))
    frame = np.argwhere(grey < 128)
    frame = frame[frame[:, 0] > 50]  # below the title
    (top, left), (bottom, right) = frame.min(axis=0), frame.max(axis=0)
    step = (right - left) / 28
    middle = np.arange(28) * step + step / 2
    seen = grey[np.ix_((top + middle).astype(int), (left + middle).astype(int))] < 128
    assert np.argwhere(seen).min(axis=0).tolist() == [3, 2]
    assert np.argwhere(seen).max(axis=0).tolist() == [8, 13]
    assert bottom - top == pytest.approx(right - left, abs=2)


@needs_r
@pytest.mark.slow
def test_r_draws_its_learning_curve_and_profile(drawn):
    """A PNG with a falling line, and a table of the parts of the loop."""
    done = pictures(drawn, "curve", "digits.csv", "first.txt", 0.1, "curve.png")
    assert done.returncode == 0, done.stderr
    grey = np.asarray(Image.open(drawn / "curve.png").convert("L"))[70:370, 65:565]
    highest = [np.flatnonzero(column < 128)[:1] for column in grey.T[30:-30]]
    line = [each[0] for each in highest if len(each)]
    assert line[-1] > line[0] + 30  # downwards in a picture
    (drawn / "long.csv").write_text((drawn / "digits.csv").read_text() * 4)
    done = pictures(drawn, "profile", "long.csv", "first.txt", 0.1)
    assert done.returncode == 0, done.stderr
    shares = re.findall(r"^(\w+) +([\d.]+) +([\d.]+)$", done.stdout, re.MULTILINE)
    assert {"parse", "update", "forward"} <= {name for name, *_ in shares}
    assert re.search(r"^its outer product +[\d.]+ +[\d.]+$", done.stdout, re.MULTILINE)
    assert all(0 <= float(percent) <= 100 for *_, percent in shares)


@needs_r
@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("digit", "digits.csv", 501, "p.png"), "expected a row from 1 to 500, got 501"),
        (("digit", "digits.csv", 1, "none/p.png"), "folder none does not exist"),
        (("digit", "digits.csv", 1, "digits.csv"), "digits.csv exists"),
        (("curve", "digits.csv", "first.txt", "x", "p.png"), "LEARNING_RATE: expected"),
        (("draw",), "usage: "),
    ],
)
def test_bad_arguments_of_pictures(words, match, drawn):
    """One line, exit code 1; the file of digits stays."""
    before = (drawn / "digits.csv").read_bytes()
    assert match in refusal(pictures(drawn, *words))
    assert (drawn / "digits.csv").read_bytes() == before


@pytest.mark.slow
@pytest.mark.skipif(
    not all(LANGUAGES[name].is_installed for name in OTHERS), reason="a language is not installed"
)
def test_programs_are_run_as_the_readme_says(tmp_path):
    """Its commands, word for word, in a copy of the kit."""
    for name in ("nn", "mnist_dataset"):
        (tmp_path / name).symlink_to(PROJECT / name)
    shutil.copy(PROJECT / "pi-nn", tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    (tmp_path / ".venv/.ready").touch()
    commands = re.search(r"```sh\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)[1]
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    assert done.returncode == 0, done.stderr
    accuracies = re.findall(r"^accuracy (.*)$", done.stdout, re.MULTILINE)
    assert len(accuracies) == 3
    assert len(set(accuracies)) == 1
    assert "learned after" in done.stdout


def test_errors_are_the_kits():
    """So that the command line and notebooks can show them."""
    assert issubclass(MissingLanguageError, KitError)
    assert issubclass(ProgramError, KitError)
