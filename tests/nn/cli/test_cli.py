"""The command line, as a process of its own where that is what counts."""

import gzip
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nn.backends import faster_backend
from nn.cli import main
from nn.cli.console import progress
from nn.data import sources
from nn.data.dataset import ArrayDataset
from nn.network import Network
from nn.saving.model_file import load_model, save_model
from tests.conftest import PROJECT, csv_text

TRAIN_KEYS = (
    "preset dataset hidden_nodes epochs batch_size learning_rate rule seed samples seconds_total "
    "seconds_parsing accuracy peak_rss_mb model"
).split()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.npz"
    save_model(Network(hidden_nodes=5, seed=1), path)
    return path


def test_train_json_is_one_object_and_nothing_else(run, csv_pair, tmp_path):
    """All that is promised is in it, and it says what was used."""
    train, test = csv_pair
    result = run("train", "--train", train, "--preset", "smoke", "--seed", 3, "--json")
    assert result.returncode == 0
    summary = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert set(TRAIN_KEYS) <= set(summary)
    assert summary["dataset"] == summary["train_file"] == str(train)
    assert summary["test_file"] == str(test)  # found by its name
    assert (summary["samples"], summary["test_samples"], summary["seed"]) == (600, 100, 3)
    assert 0 <= summary["accuracy"] <= 1
    assert summary["peak_rss_mb"] > 10
    assert load_model(tmp_path / summary["model"]).about == summary


def test_flags_override_the_preset(run, csv_pair, tmp_path):
    """Each flag of the training, in the summary and in the model."""
    flags = (
        "--preset book --hidden-nodes 7 --epochs 2 --batch-size 5 --learning-rate 0.25 "
        "--rule gradient --seed 11 --augment 5 --samples 40 --model new.npz --json "
        "--affine 0.5 --elastic 0.7 --final-learning-rate 0.01 --target-low 0.002"
    ).split()
    result = run("train", "--train", csv_pair[0], *flags)
    expected = {
        "preset": "book",
        "hidden_nodes": 7,
        "epochs": 2,
        "batch_size": 5,
        "learning_rate": 0.25,
        "rule": "gradient",
        "seed": 11,
        "augment_degrees": 5.0,
        "affine": 0.5,
        "elastic": 0.7,
        "final_learning_rate": 0.01,
        "target_low": 0.002,
        "samples": 40,
        "model": "new.npz",
    }
    summary = json.loads(result.stdout)
    assert {key: summary[key] for key in expected} == expected
    network = load_model(tmp_path / "new.npz")
    assert network.sizes == (784, 7, 10)
    assert (network.rule, network.learning_rate) == ("gradient", 0.25)


def test_train_for_people(run, csv_pair):
    """Accuracy, time, memory, model and the next command; remarks on standard error."""
    result = run("train", "--train", csv_pair[0], "--preset", "smoke")
    lines = [line.split()[0] for line in result.stdout.splitlines()]
    assert lines[:5] == ["Accuracy", "Time", "Memory", "Model", "Next"]
    assert "pi-nn backquery --model models/smoke.npz" in result.stdout
    assert "Preset smoke: 784-30-10" in result.stderr
    assert "it/s" not in result.stderr  # no progress bar: this is no terminal


def test_the_sample_is_never_passed_off_as_mnist(tmp_path, monkeypatch, capsys):
    """Offline and without MNIST, name and accuracy say what it was."""
    for name in ("sample_train.csv.gz", "sample_test.csv.gz"):
        (tmp_path / name).write_bytes((sources.DATASET_FOLDER / name).read_bytes())
    monkeypatch.setattr(sources, "DATASET_FOLDER", tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ["train", "--offline", "--preset", "smoke"]
    assert main([*words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["dataset"] == "bundled sample (drawn by this kit, not MNIST)"
    assert (summary["samples"], summary["test_samples"]) == (1000, 1000)
    assert main(words) == 0
    output = capsys.readouterr().out
    assert "of: bundled sample (drawn by this kit, not MNIST)" in output
    assert "usual" not in output
    assert (
        "Expect    75.78 % of MNIST's test digits if you train on MNIST (70.69 % to 78.07 %)\n"
    ) in output
    assert " data fetch" in output
    assert main([*words, "--epochs", "1"]) == 0
    assert "Expect" not in capsys.readouterr().out


def test_without_test_digits_nothing_is_claimed(run, csv_pair):
    """Accuracy is null, and the text says why."""
    csv_pair[1].unlink()
    words = ("train", "--train", csv_pair[0], "--preset", "smoke")
    assert json.loads(run(*words, "--json").stdout)["accuracy"] is None
    assert "not measured: no test file beside" in run(*words).stdout


def test_test_repeats_the_accuracy_of_the_training(run, csv_pair):
    """From the saved model; --json and for people."""
    accuracy = json.loads(run("train", "--train", csv_pair[0], "--json").stdout)["accuracy"]
    words = ("test", "--model", "models/pi-zero.npz", "--test", csv_pair[1])
    summary = json.loads(run(*words, "--json").stdout)
    assert summary["accuracy"] == accuracy
    assert np.sum(summary["confusion"]) == summary["samples"] == 100
    assert f"Accuracy  {100 * accuracy:.2f} % of 100 test digits" in run(*words).stdout


def test_the_learning_curve_is_a_picture(run, csv_pair, tmp_path):
    """A PNG that can be opened."""
    run("train", "--train", csv_pair[0], "--preset", "smoke", "--curve", "curve.png")
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.size[0] > 500


def test_backquery_draws_ten_pictures(run, model, tmp_path):
    """A PNG that can be opened."""
    result = run("backquery", "--model", model, "--output", "minds.png")
    assert result.stdout == "Drawn: minds.png\n"
    with Image.open(tmp_path / "minds.png") as picture:
        assert picture.size[0] > 300


def test_query_reads_each_picture_that_it_can(run, model, tmp_path):
    """A bad one is an error line and exit code 1, and does not keep the rest from an answer."""
    picture = np.full((40, 40), 255, np.uint8)
    picture[10:30, 18:22] = 0
    Image.fromarray(picture).save(tmp_path / "one.png")
    result = run("query", "one.png", "none.png", "one.png", "--model", model)
    assert result.returncode == 1
    assert result.stderr == (
        "error: none.png: no such file. Give the path of a PNG or JPEG picture\n"
    )
    assert result.stdout.count("one.png: ") == 2
    assert len(result.stdout.splitlines()) == 2 * 11


def draw_two_strokes(folder, name="two.png"):
    """Draw two strokes side by side."""
    picture = np.full((120, 200), 255, np.uint8)
    picture[30:90, 50:58] = picture[30:90, 130:138] = 0
    Image.fromarray(picture).save(folder / name)


def test_query_answers_each_of_several_digits(run, model, tmp_path):
    """As text, and as one JSON object."""
    draw_two_strokes(tmp_path)
    lines = run("query", "two.png", "--model", model).stdout.splitlines()
    assert lines[0].endswith("(2 digits)")
    assert [line for line in lines if line.startswith(" digit ")] == [lines[1], lines[12]]
    (picture,) = json.loads(run("query", "two.png", "--json", "--model", model).stdout)["pictures"]
    left, right = picture["digits"]
    assert left["box"]["left"] == pytest.approx(0.25, abs=0.02)
    assert right["box"]["left"] == pytest.approx(0.65, abs=0.02)
    assert left["answer"] == str(np.argmax(left["outputs"]))


def test_query_reads_folders_and_patterns(run, model, tmp_path):
    """The shell expands nothing within quotes; Windows' shell never does."""
    (tmp_path / "photos").mkdir()
    for name in ("b.png", "a.png"):
        draw_two_strokes(tmp_path / "photos", name)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    for named in ("photos", "photos/*.png"):
        found = json.loads(run("query", named, "--json", "--model", model).stdout)["pictures"]
        assert [each["picture"] for each in found] == ["photos/a.png", "photos/b.png"]
    result = run("query", "*.jpg", "--model", model)
    assert result.returncode == 1
    assert "*.jpg: no file matches this pattern" in result.stderr


def test_query_draws_what_the_network_saw(run, model, tmp_path):
    """Once, and over no picture that is there."""
    draw_two_strokes(tmp_path)
    words = ("query", "two.png", "--show", "seen.png", "--model", model)
    assert run(*words).returncode == 0
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.size[0] > 500
    assert "seen.png already exists: use --force" in run(*words).stderr
    assert run(*words, "--force").returncode == 0


def test_compare_rules_measures_each_rule(run, csv_pair):
    """A table for people, an object for programs."""
    words = ("compare-rules", "--train", csv_pair[0], "--epochs", 2, 1, "--hidden-nodes", 6)
    summary = json.loads(run(*words, "--json").stdout)
    assert summary["epochs"] == [1, 2]
    assert list(summary["accuracy"]) == [
        "multiply", "equal", "proportional", "normalised", "gradient",
    ]  # fmt: skip
    assert all(len(each) == 2 for each in summary["accuracy"].values())
    table = run(*words).stdout.splitlines()
    assert table[0].split() == ["rule", "1", "epoch", "2", "epochs"]
    assert [line.split()[0] for line in table[1:]] == list(summary["accuracy"])


def test_compare_rules_goes_on_where_it_measured(run, csv_pair):
    """Two epochs by way of one are the two epochs of train."""
    words = ("--train", csv_pair[0], "--hidden-nodes", 6, "--json")
    compared = json.loads(run("compare-rules", *words, "--epochs", 1, 2).stdout)
    once = run("train", *words, "--epochs", 2, "--batch-size", 16, "--seed", 1).stdout
    assert compared["accuracy"]["multiply"][1] == json.loads(once)["accuracy"]


def test_data_convert_and_info(run, csv_pair, digits, tmp_path):
    """CSV to CSV.gz, the same content; info counts it."""
    assert run("data", "convert", csv_pair[0], "copy.csv.gz").returncode == 0
    assert gzip.decompress((tmp_path / "copy.csv.gz").read_bytes()) == csv_pair[0].read_bytes()
    info = run("data", "info", "copy.csv.gz").stdout
    counts = np.bincount(digits[1][:600], minlength=10)
    assert "Digits  600, each a label and 28×28 pixels" in info
    assert ", ".join(f"{d}: {n}" for d, n in enumerate(counts)) in info


def test_data_sample_is_deterministic(run, tmp_path):
    """The same seed, the same file; another seed, another."""
    for name, seed in (("a.csv", 5), ("b.csv", 5), ("c.csv", 6)):
        assert run("data", "sample", name, "--rows", 20, "--seed", seed).returncode == 0
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b != c
    assert a.count(b"\n") == 20


def test_a_file_is_replaced_only_by_force(run, csv_pair, tmp_path):
    """Both commands that write CSV."""
    for words in (("convert", csv_pair[0], "mine.csv"), ("sample", "mine.csv", "--rows", 3)):
        (tmp_path / "mine.csv").write_text("precious")
        result = run("data", *words)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == "error: mine.csv already exists: use --force to replace it\n"
        assert (tmp_path / "mine.csv").read_text() == "precious"
        assert run("data", *words, "--force").returncode == 0


def test_data_fetch_from_a_folder_that_lacks_the_files(run, tmp_path):
    """One line with the reason and what to do; nothing half-written."""
    result = run("data", "fetch", "--mirror", tmp_path, "--folder", "target")
    assert result.returncode == 1
    assert result.stderr.startswith("error: could not fetch train-images-idx3-ubyte.gz (file://")
    assert result.stderr.count("\n") == 1
    assert list((tmp_path / "target").iterdir()) == []


BAD = {
    "a final rate above the rate": (
        ["train", "--train", "good.csv", "--final-learning-rate", "9"],
        "expected a final learning rate of at most the learning rate",
    ),
    "no such training file": (["train", "--train", "none.csv"], "none.csv: no such file"),
    "bad line": (["train", "--train", "bad.csv"], "bad.csv:2: line 2 has 1 values"),
    "no such model": (["test", "--model", "none.npz"], "none.npz: no such model. Train one first"),
    "no model": (["query", "x.png", "--model", "bad.csv"], "bad.csv is not a valid model"),
    "name taken": (
        ["train", "--train", "good.csv", "--model", "bad.csv"],
        "bad.csv exists and is not a model of this kit; it was left unchanged",
    ),
    "folder for a model": (["train", "--train", "good.csv", "--model", "."], "."),
    "no test file": (["compare-rules", "--train", "good.csv"], "good.csv has no test file beside"),
    "other content at the curve": (
        ["train", "--train", "good.csv", "--curve", "bad.csv"],
        "bad.csv exists and is not a PNG picture",
    ),
    "no folder for the curve": (
        ["train", "--train", "good.csv", "--curve", "no/curve.png"],
        "no/curve.png: folder no does not exist: create it first",
    ),
    "bad test file": (
        ["train", "--train", "good.csv", "--test", "worse.csv"],
        "worse.csv:1: line 1 has 1 values",
    ),
    "a name too long": (["train", "--train", "good.csv", "--model", "m" * 300], "m: File name too"),
    "a training that runs away": (
        ["train", "--train", "good.csv", "--learning-rate", "1e39"],
        "training diverged; models/pi-zero.npz not saved. Lower the learning rate",
    ),
    "not enough memory": (
        ["train", "--train", "good.csv", "--hidden-nodes", "100000"],
        "not enough memory: use fewer --hidden-nodes",
    ),
    "a model of another size": (
        ["test", "--model", "small.npz", "--test", "good.csv"],
        "small.npz: expected a network with 784 inputs and 10 outputs, got 4 and 3",
    ),
    "a backquery of another size": (["backquery", "--model", "small.npz"], "got 4 and 3"),
    "other content at a picture": (["backquery", "--output", "bad.csv"], "is not a PNG picture"),
    "an empty name": (["train", "--train", ""], ".: is a folder or a pipe"),
    "no CSV name": (["data", "convert", "good.csv", "out.txt"], "out.txt: expected a name that"),
    "no folder": (["data", "convert", "good.csv", "no/out.csv"], "no/"),
    "MNIST_DIR": (["train"], "does not contain MNIST: expected train-images"),
}


@pytest.mark.parametrize("kind", BAD)
def test_errors_are_one_line_and_exit_code_1(run, tmp_path, digits, kind):
    """No traceback, and no file lost."""
    words, message = BAD[kind]
    good = csv_text(digits[0][:3], digits[1][:3])
    (tmp_path / "good.csv").write_bytes(good)
    (tmp_path / "bad.csv").write_bytes(good[: good.index(b"\n") + 1] + b"oops\n")
    (tmp_path / "worse.csv").write_bytes(b"oops\n")
    save_model(Network(4, 2, 3), tmp_path / "small.npz")
    before = (tmp_path / "bad.csv").read_bytes()
    limit = ["prlimit", "--as=1000000000"] if kind == "not enough memory" else []
    result = run(*words, MNIST_DIR=str(tmp_path), before=limit)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in result.stderr
    assert (tmp_path / "bad.csv").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        "", "nonsense", "train --epochs 0", "train --epochs x", "train --learning-rate -1",
        "train --learning-rate nan", "train --rule magic", "train --preset magic",
        "train --augment 200", "train --seed -1", "data", "query", "data sample a.csv --rows 0",
        "train --affine 1e308", "train --elastic 11",
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(words, capsys):
    """With the usage, and what was expected."""
    with pytest.raises(SystemExit) as exit_:
        main(words.split())
    assert exit_.value.code == 2
    assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    ["", "train", "test", "query", "backquery", "compare-rules", "presets", "data", "data fetch",
     "data verify", "data convert", "data info", "data sample"],
)  # fmt: skip
def test_every_command_has_help(command, capsys):
    """Exit code 0."""
    with pytest.raises(SystemExit) as exit_:
        main([*command.split(), "--help"])
    assert exit_.value.code == 0
    assert "usage: " in capsys.readouterr().out


def test_a_progress_bar_on_a_terminal(csv_pair, tmp_path):
    """Rate and time left, on a real pseudo-terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nn", "train", "--train", str(csv_pair[0]), "--epochs", "20"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    output = process.communicate()[0]
    os.close(theirs)
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert b"training: " in shown
    assert b"digits/s" in shown
    assert b"Accuracy" in output


def _read(descriptor) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux's way of saying that the other end is closed
        return b""


def test_interrupt_is_one_line(monkeypatch, capsys):
    """Ctrl-C."""

    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("nn.cli.presets.run", interrupted)
    assert main(["presets"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_a_closed_pipe_is_no_traceback(run):
    """As in `python -m nn presets | true`."""
    reader, writer = os.pipe()
    os.close(reader)
    result = run("presets", stdout=writer)
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, "")


def test_output_that_cannot_be_written_is_one_line(run):
    """A disk that is full for the output itself."""
    with Path("/dev/full").open("w") as full:
        result = run("presets", stdout=full)
    assert (result.returncode, result.stderr) == (1, "error: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_what_is_closed_is_not_written_to(csv_pair, tmp_path, closed):
    """Neither a traceback, nor an error among the results."""
    words = f"-m nn data convert {csv_pair[0]} missing/new.csv {closed}"
    result = subprocess.run(
        ["sh", "-c", f"{sys.executable} {words}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    told = "error: missing/new.csv: No such file or directory\n"
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (told if closed == ">&-" else "")


def test_a_terminal_that_knows_no_signs_but_ascii(run):
    """± is written as what Python would write for it."""
    result = run("presets", PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert r"\xb110" in result.stdout


def test_help_does_not_wait_for_numpy():
    """Seconds on a Pi Zero."""
    code = "import sys; import nn.cli; print('numpy' in sys.modules)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


def test_an_unlabelled_test_file_beside_is_not_used(run, csv_pair):
    """Kaggle's test.csv: training goes on without, and says so before."""
    text = csv_pair[1].read_text()
    csv_pair[1].write_text("\n".join(line[2:] for line in text.splitlines()))
    result = run("train", "--train", csv_pair[0], "--preset", "smoke", "--json")
    assert json.loads(result.stdout)["accuracy"] is None
    assert "Not used as test digits: " in result.stderr.splitlines()[1]


def test_the_model_is_kept_when_the_test_fails(run, csv_pair, tmp_path):
    """The last line of the test file is bad: the hours of training are not lost."""
    many = csv_pair[1].read_bytes() * 20  # more than is looked at before the training
    csv_pair[1].write_bytes(many + b"oops\n")
    result = run("train", "--train", csv_pair[0], "--test", csv_pair[1], "--preset", "smoke")
    assert result.returncode == 1
    assert "my_test.csv:2001: line 2001 has 1 values" in result.stderr
    assert load_model(tmp_path / "models" / "smoke.npz").about["accuracy"] is None


def test_training_imports_no_more_than_it_uses(tmp_path, csv_pair):
    """Neither scipy, matplotlib, requests nor Pillow: each costs a Pi Zero seconds and memory."""
    code = (
        "import sys; from nn.cli import main; main(sys.argv[1:]);"
        "print([m for m in ('scipy', 'matplotlib', 'requests', 'PIL', 'tqdm')"
        " if m in sys.modules])"
    )
    words = ["train", "--train", str(csv_pair[0]), "--json"]
    result = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_presets_lists_each(capsys):
    """With its source and accuracy."""
    assert main(["presets"]) == 0
    text = capsys.readouterr().out
    for name in ("smoke", "pi-zero", "pi-zero-100", "book", "rotations", "best", "best-night"):
        assert f"{name}: " in text
    assert "learning rate 0.2 falling to 0.001, batches of 8, targets 0.001 and 0.999" in text


def test_a_log_gets_a_line_of_progress_a_minute(monkeypatch, capsys, digits):
    """Off a terminal: how many digits of how many; the first after five seconds."""
    clock = iter([0, 4, 5, 5, 64, 65])
    monkeypatch.setattr("nn.cli.console.time.monotonic", lambda: next(clock, 65))
    with progress("training", ArrayDataset(*digits), passes=2, done=(1, 100)) as advance:
        for _ in range(4):
            advance(150)
    assert capsys.readouterr().err.splitlines() == [
        "training: 1,100 digits of about 1,400, 78 %",
        "training: 1,400 digits of about 1,400, 100 %",
    ]


def test_the_first_line_does_not_wait_for_numpy():
    """What will be trained is said before seconds of imports on a Pi Zero."""
    code = (
        "import sys; import nn.cli, nn.cli.train as train\n"
        "def remark(line): print('numpy' in sys.modules, line, flush=True); sys.exit()\n"
        "train.remark = remark; nn.cli.main(['train'])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert result.stdout.startswith("False Preset pi-zero: 784-10-10 nodes, 1 epoch")


@pytest.mark.parametrize("flag", ["--backend", "--execution"])
@pytest.mark.parametrize("backend", ["auto", "dense", "sparse"])
def test_what_ran_is_on_record(run, csv_pair, tmp_path, backend, flag):
    """In the JSON summary and in the model: how steps were carried out, and whose products."""
    words = ("train", "--train", csv_pair[0], "--preset", "smoke", "--json")
    summary = json.loads(run(*words, flag, backend).stdout)
    chosen = faster_backend(30, 16) if backend == "auto" else backend
    assert summary["backend"] == summary["execution"] == chosen
    assert summary["blas"] in ("openblas", "reference")
    about = load_model(tmp_path / "models/smoke.npz").about
    assert (about["backend"], about["blas"]) == (chosen, summary["blas"])
