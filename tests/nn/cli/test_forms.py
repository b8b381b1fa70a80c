"""Commands on other people's files: refused, doubted, converted, named, read without labels."""

import csv
import gzip
import json
import re
import shlex

import numpy as np
import pytest
from PIL import Image

from nn.cli.unfinished import identity_of
from nn.data.dataset import open_dataset
from nn.data.drawn_digits import DrawnDigits
from nn.data.labels import parse_labels
from nn.network import Network
from nn.presets import PRESETS
from nn.saving.model_file import load_model, save_model
from nn.signals import scale_pixels
from tests.conftest import csv_text, run_for_peak_mb, write_idx


@pytest.fixture(scope="module")
def drawn():
    """Sixty drawn digits: pixels and labels."""
    return next(DrawnDigits(60, seed=4).blocks())


@pytest.fixture
def letters(tmp_path, drawn):
    """Pictures with the labels 1 to 26, as in EMNIST's letters: a training and a test file."""
    pixels = drawn[0]
    labels = np.arange(60) % 26 + 1
    for name in ("letters_train.csv", "letters_test.csv"):
        (tmp_path / name).write_bytes(csv_text(pixels, labels))
    return labels


def transposed(pixels):
    return pixels.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)


WRONG = {
    "label last": lambda p, n: np.column_stack([p, n]),
    "inverted": lambda p, n: np.column_stack([n, 255 - p]),
    "0 and 1": lambda p, n: np.column_stack([n, p // 128]),
}


def write_rows(path, rows):
    path.write_bytes(csv_text(rows[:, 1:], rows[:, 0]))


def follow(run, stderr):
    """Run the command that a message names."""
    words = shlex.split(re.search(r"pi-nn (data convert .*)", stderr)[1])
    return run(*words), words[3]


def read_by_csv_module(path):
    with path.open(newline="") as file:
        return np.array([[int(field) for field in row] for row in csv.reader(file)])


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("command", ["train", "test", "compare-rules"])
def test_wrong_digits_are_refused_and_the_named_command_mends_them(
    run, tmp_path, drawn, kind, command
):
    """No model is trained; the converted file has the digits, and trains."""
    pixels, labels = drawn
    write_rows(tmp_path / "bad.csv", WRONG[kind](pixels, labels))
    words = {
        "train": ("train", "--train", "bad.csv", "--preset", "smoke"),
        "test": ("test", "--test", "bad.csv", "--model", "model.npz"),
        "compare-rules": ("compare-rules", "--train", "bad.csv", "--test", "bad.csv"),
    }[command]
    save_model(Network(hidden_nodes=3, seed=1), tmp_path / "model.npz")
    result = run(*words)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("error: bad.csv: ")
    assert not (tmp_path / "models").exists()
    converted, name = follow(run, result.stderr)
    assert (converted.returncode, converted.stderr) == (0, "")
    expected = pixels // 128 * 255 if kind == "0 and 1" else pixels
    assert np.array_equal(read_by_csv_module(tmp_path / name), np.column_stack([labels, expected]))
    assert run("train", "--train", name, "--preset", "smoke").returncode == 0


def test_wrong_test_digits_are_refused_before_the_training(run, tmp_path, drawn, csv_pair):
    """They are looked at as the training digits are."""
    write_rows(tmp_path / "bad.csv", np.column_stack([drawn[1], 255 - drawn[0]]))
    result = run("train", "--train", csv_pair[0], "--test", "bad.csv")
    assert result.returncode == 1
    assert "error: bad.csv: the first 60 digits are light on a dark ground" in result.stderr
    assert not (tmp_path / "models").exists()


def test_transposed_digits_are_warned_of(run, tmp_path, drawn):
    """They train; the command that is named mends them without a further warning."""
    (tmp_path / "t.csv").write_bytes(csv_text(transposed(drawn[0]), drawn[1]))
    result = run("train", "--train", "t.csv", "--preset", "smoke")
    assert result.returncode == 0
    assert "Warning: t.csv: the first 60 digits look transposed" in result.stderr
    converted, name = follow(run, result.stderr)
    assert converted.stderr == ""
    assert "Changed: transposed each digit" in converted.stdout
    assert np.array_equal(read_by_csv_module(tmp_path / name)[:, 1:], drawn[0])
    assert "Warning" not in run("train", "--train", name, "--preset", "smoke").stderr


def test_info_says_what_is_wrong_and_draws(run, tmp_path, drawn):
    """The same words as train; the picture shows the first forty."""
    (tmp_path / "t.csv").write_bytes(csv_text(transposed(drawn[0]), drawn[1]))
    result = run("data", "info", "t.csv", "--picture", "t.png")
    assert result.returncode == 0
    assert "Doubt   t.csv: the first 60 digits look transposed" in result.stdout
    assert "Drawn   t.png, the first 40 digits" in result.stdout
    with Image.open(tmp_path / "t.png") as picture:
        assert min(picture.size) > 400
    write_rows(tmp_path / "i.csv", np.column_stack([drawn[1], 255 - drawn[0]]))
    assert "Wrong   i.csv: the first 60 digits are light on" in run("data", "info", "i.csv").stdout
    (tmp_path / "good.csv").write_bytes(csv_text(*drawn))
    assert not re.search("Wrong|Doubt", run("data", "info", "good.csv").stdout)
    (tmp_path / "taken.png").write_text("mine")
    result = run("data", "info", "good.csv", "--picture", "taken.png")
    assert "taken.png exists and is not a PNG picture" in result.stderr


def test_convert_says_what_it_changed(run, tmp_path, drawn):
    """And what it could not: labels that are missing, a target that exists."""
    text = csv_text(*drawn).replace(b",", b";")
    (tmp_path / "s.csv").write_bytes(gzip.compress(text))
    result = run("data", "convert", "s.csv", "new.csv")
    assert result.stdout.splitlines() == [
        "Written: new.csv, 60 digits",
        "Changed: wrote commas instead of semicolons",
    ]
    assert (tmp_path / "new.csv").read_bytes() == csv_text(*drawn)
    (tmp_path / "u.csv").write_bytes(b"".join(line[2:] + b"\n" for line in text.splitlines()))
    result = run("data", "convert", "u.csv", "other.csv")
    assert result.returncode == 1
    assert "u.csv has no labels: expected a label and 784 pixels" in result.stderr
    assert "pi-nn predict u.csv" in result.stderr
    assert not (tmp_path / "other.csv").exists()


def test_a_bad_line_leaves_no_target(run, tmp_path, drawn):
    """Not even half of one."""
    (tmp_path / "bad.csv").write_bytes(csv_text(*drawn).replace(b",", b";") + b"oops\n")
    result = run("data", "convert", "bad.csv", "new.csv")
    assert result.returncode == 1
    assert result.stderr == (
        "error: bad.csv:61: line 61 has 1 values: expected 785, as in the first line. Correct or "
        "remove the line\n"
    )
    assert [path.name for path in tmp_path.glob("*new*")] == []


def test_convert_reads_a_part_of_an_npz(run, tmp_path, drawn):
    """As Keras packs MNIST."""
    pixels, labels = drawn
    pictures = pixels.reshape(-1, 28, 28)
    arrays = {"x_train": pictures, "y_train": labels, "x_test": pictures[:9], "y_test": labels[:9]}
    np.savez(tmp_path / "m.npz", **arrays)
    assert run("data", "convert", "m.npz", "train.csv").returncode == 0
    assert run("data", "convert", "m.npz", "test.csv", "--part", "test").returncode == 0
    assert (tmp_path / "train.csv").read_bytes() == csv_text(pixels, labels)
    assert (tmp_path / "test.csv").read_bytes() == csv_text(pixels[:9], labels[:9])


@pytest.mark.parametrize("form", ["csv", "idx"])
def test_more_labels_need_a_flag(run, tmp_path, letters, drawn, form):
    """Without it, the error says which; with it, each label has an output node."""
    name = "letters_train.csv"
    if form == "idx":
        name = write_idx(tmp_path, drawn[0], letters.astype(np.uint8)).name
    for words in (("train", "--train", name), ("data", "info", name)):
        result = run(*words)
        assert result.returncode == 1
        assert "expected a label from 0 to 9, got" in result.stderr
        flag = re.search(r"--labels (\S+)", result.stderr)[0].split()
        assert flag == ["--labels", "26"]
        assert run(*words, *flag).returncode == 0
    assert load_model(tmp_path / "models/pi-zero.npz").sizes == (784, 10, 26)
    counts = ", ".join(f"{n}: {np.count_nonzero(letters == n)}" for n in range(1, 27))
    assert f"Labels  {counts}\n" in run("data", "info", name, "--labels", "1-26").stdout


def test_names_of_labels_are_shown(run, tmp_path, letters, drawn):
    """In the summary, by test, query and backquery; and the model knows them."""
    names = [chr(64 + number) for number in range(1, 27)]
    mapping = "".join(f"{n} {64 + n} {96 + n}\n" for n in range(1, 27))
    (tmp_path / "mapping.txt").write_text(mapping.replace(" 9", " 9"))
    (tmp_path / "names.txt").write_text("".join(f"{n} {name}\n" for n, name in enumerate(names, 1)))
    words = ("train", "--train", "letters_train.csv", "--hidden-nodes", 8, "--model", "m.npz")
    summary = json.loads(run(*words, "--labels", "names.txt", "--json").stdout)
    assert (summary["labels"], summary["first_label"]) == (names, 1)
    assert summary["test_file"] == "letters_test.csv"  # found beside it, with the same labels
    network = load_model(tmp_path / "m.npz")
    assert network.sizes == (784, 8, 26)
    answers = network.query(scale_pixels(drawn[0])).argmax(axis=1)
    assert summary["accuracy"] == np.mean(answers == letters - 1)

    result = run("test", "--model", "m.npz", "--test", "letters_test.csv")
    lines = result.stdout.split("read correctly")[1].splitlines()[1:]
    assert [line.split()[0] for line in lines] == names
    right = np.mean(answers[letters == 1] == 0)
    assert lines[0].split()[1] == f"{100 * right:.2f}"
    said = json.loads(
        run("test", "--model", "m.npz", "--test", "letters_test.csv", "--json").stdout
    )
    assert said["labels"] == names
    assert np.shape(said["confusion"]) == (26, 26)

    picture = np.full((60, 60), 255, np.uint8)
    picture[10:50, 27:33] = 0
    Image.fromarray(picture).save(tmp_path / "one.png")
    said = run("query", "one.png", "--model", "m.npz").stdout
    assert re.match(r"one.png: (not sure: [A-Z] or )?[A-Z]\n", said)
    assert re.findall(r"(?m)^  ([A-Z])  ", said) == names
    assert run("backquery", "--model", "m.npz", "--output", "b.png").returncode == 0

    assert run(*words, "--labels", "mapping.txt", "--restart").returncode == 0
    assert load_model(tmp_path / "m.npz").about["labels"][0] == "Aa"


def test_fashions_ten_names(run, tmp_path, drawn):
    """The confusion matrix has them at its rows, whole, and cut at its columns."""
    (tmp_path / "train.csv").write_bytes(csv_text(*drawn))
    names = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot".split()
    (tmp_path / "names.txt").write_text("\n".join(names))
    words = ("train", "--train", "train.csv", "--labels", "names.txt", "--model", "m.npz")
    assert run(*words).returncode == 0
    lines = run("test", "--model", "m.npz", "--test", "train.csv").stdout.splitlines()
    assert [line.split()[0] for line in lines[5:]] == names
    assert lines[4].split() == [name[:5] for name in names]


def test_other_labels_are_another_training(tmp_path, letters):
    """A checkpoint is not resumed with other labels; those of digits have none in older ones."""
    path = tmp_path / "letters_train.csv"
    found = [
        identity_of(PRESETS["smoke"], False, open_dataset(path, parse_labels(labels)))()
        for labels in ("26", "1-26", "27", "10")
    ]
    assert found[0] == found[1]
    assert [each.get("labels") for each in found[1:]] == ["1 to 26", "0 to 26", None]


def test_the_accuracy_names_the_test_file(run, csv_pair):
    """Not the training file."""
    output = run("train", "--train", csv_pair[0], "--test", csv_pair[1]).stdout
    assert f"of 100 test digits of: {csv_pair[1]}\n" in output


def kaggle(pixels) -> str:
    lines = [",".join(f"pixel{number}" for number in range(784))]
    return "\n".join(lines + [",".join(map(str, row)) for row in pixels.tolist()]) + "\n"


@pytest.mark.parametrize("form", ["Kaggle", "labelled", "semicolons", "gzip", "0 to 1"])
def test_predict_answers_as_the_network_does(run, tmp_path, drawn, form):
    """In Kaggle's form: the number of each digit from 1, and its answer."""
    pixels, labels = drawn
    text = {
        "Kaggle": lambda: kaggle(pixels).encode(),
        "labelled": lambda: csv_text(pixels, labels),
        "semicolons": lambda: kaggle(pixels).replace(",", ";").encode(),
        "gzip": lambda: gzip.compress(kaggle(pixels).encode()),
        "0 to 1": lambda: kaggle(pixels / 255).encode(),
    }[form]()
    (tmp_path / "test.csv").write_bytes(text)
    network = Network(hidden_nodes=20, seed=1)
    save_model(network, tmp_path / "m.npz")
    result = run("predict", "test.csv", "--model", "m.npz", "--out", "out.csv")
    assert result.returncode == 0
    assert result.stdout == "Written: out.csv, the answers to 60 digits of test.csv\n"
    with (tmp_path / "out.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["ImageId", "Label"]
    answers = network.query(scale_pixels(pixels)).argmax(axis=1)
    assert rows == [[str(number), str(answer)] for number, answer in enumerate(answers, 1)]
    assert ("labels in the file were not used" in result.stderr) == (form == "labelled")


def test_predict_writes_numbers_or_names(run, tmp_path, drawn):
    """The numbers are those of the training file."""
    (tmp_path / "test.csv").write_text(kaggle(drawn[0]))
    network = Network(hidden_nodes=20, output_nodes=3, seed=1)
    save_model(network, tmp_path / "m.npz", about={"labels": ["A", "B", "C"], "first_label": 1})
    answers = network.query(scale_pixels(drawn[0])).argmax(axis=1)
    for flags, written in (((), "123"), (("--names",), "ABC")):
        assert run("predict", "test.csv", "--model", "m.npz", "--force", *flags).returncode == 0
        with (tmp_path / "answers.csv").open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        assert [row[1] for row in rows] == [written[answer] for answer in answers]


def test_predict_replaces_no_file_and_leaves_no_half(run, tmp_path, drawn):
    """Without --force; and a bad line is named."""
    save_model(Network(hidden_nodes=3, seed=1), tmp_path / "m.npz")
    (tmp_path / "test.csv").write_text(kaggle(drawn[0]) + "oops\n")
    (tmp_path / "answers.csv").write_text("mine")
    result = run("predict", "test.csv", "--model", "m.npz")
    assert result.stderr == "error: answers.csv already exists: use --force to replace it\n"
    result = run("predict", "test.csv", "--model", "m.npz", "--force")
    assert "error: test.csv:62: line 62 has 1 values: expected 784" in result.stderr
    assert (tmp_path / "answers.csv").read_text() == "mine"
    result = run("predict", "test.csv", "--model", "m.npz", "--out", "answers.txt")
    assert "answers.txt: expected a name that ends in .csv or .csv.gz" in result.stderr
    (tmp_path / "test.csv").write_text(kaggle(drawn[0]))
    assert run("predict", "test.csv", "--model", "m.npz", "--out", "a.csv.gz").returncode == 0
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(b"ImageId,Label\n1,")


def test_predict_warns_of_inverted_digits(run, tmp_path, drawn):
    """It answers all the same."""
    save_model(Network(hidden_nodes=3, seed=1), tmp_path / "m.npz")
    (tmp_path / "test.csv").write_text(kaggle(255 - drawn[0]))
    result = run("predict", "test.csv", "--model", "m.npz")
    assert result.returncode == 0
    assert "Warning: test.csv: the first 60 digits are light on a dark ground" in result.stderr
    assert result.stderr.endswith("Give --invert\n")
    (tmp_path / "turned.csv").write_text(kaggle(transposed(drawn[0])))
    words = (
        "predict",
        "turned.csv",
        "--model",
        "m.npz",
        "--transpose",
        "--out",
        "turned_answers.csv",
    )
    assert run(*words).returncode == 0
    assert run("predict", "test.csv", "--model", "m.npz", "--invert", "--force").stderr == (
        "Changed: left out the header line\nChanged: inverted the pixels\n"
    )
    answers = (tmp_path / "answers.csv").read_text()
    assert (tmp_path / "turned_answers.csv").read_text() == answers


def test_predict_takes_no_more_memory_for_more_digits(tmp_path, drawn):
    """Sixty digits, and a hundred times as many."""
    save_model(Network(hidden_nodes=3, seed=1), tmp_path / "m.npz")
    head, *lines = kaggle(drawn[0]).splitlines(keepends=True)
    peaks = []
    for repeats in (10, 100):
        (tmp_path / "test.csv").write_text(head + "".join(lines) * repeats)
        words = ["predict", tmp_path / "test.csv", "--model", tmp_path / "m.npz", "--force"]
        words += ["--out", tmp_path / "out.csv"]
        code = f"from nn.cli import main\nassert main({list(map(str, words))!r}) == 0"
        peaks.append(run_for_peak_mb(code)[1])
    assert peaks[1] - peaks[0] < 8
