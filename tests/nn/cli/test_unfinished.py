"""Trainings that are broken off on the command line: real processes, real signals."""

import fcntl
import io
import json
import os
import pty
import signal
import subprocess
import sys
import termios

import numpy as np
import pytest

from nn.cli import main
from nn.cli.console import Interrupted, progress, stopping_on_signals
from nn.data.checksum import checksum
from nn.data.dataset import ArrayDataset, open_dataset
from nn.saving.model_file import load_model
from nn.training import train
from tests.conftest import PROJECT, csv_text, write_idx

# Long enough for a signal to come in the middle of it
WORDS = "train --train my_train.csv --epochs 20 --hidden-nodes 40 --checkpoint-every 0".split()


def default_signals() -> None:
    """Undo what nohup, or a shell that runs the tests in the background, had ignored."""
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)


def start(folder, *words, prepare=default_signals, before=()):
    """Start a training; return it when it has been saved twice at least."""
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "nn", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
    )
    while not list(folder.glob("models/*.checkpoint-a")):
        assert process.poll() is None, process.stderr.read()
    return process


def weights(path) -> list[bytes]:
    network = load_model(path)
    return [network.weights_input_hidden.tobytes(), network.weights_hidden_output.tobytes()]


def checkpoints(folder) -> list[str]:
    return sorted(path.name for path in (folder / "models").glob("*.checkpoint-*"))


BOTH = ["pi-zero.npz.checkpoint-a", "pi-zero.npz.checkpoint-b"]
# The machine whose name a program sees decides on its backend
BACKENDS = {"dense": [], "sparse": ["setarch", "linux32"]}


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_the_training_and_says_how_to_go_on(
    csv_pair, tmp_path, run, number, code, backend
):
    """Ctrl-C, a shutdown, a dropped connection; what is said, typed, ends as if unbroken."""
    before = BACKENDS[backend]
    process = start(tmp_path, *WORDS, "--resume-or", before=before)  # argparse takes it, too
    process.send_signal(number)
    output, told = process.communicate()
    assert process.returncode == code
    assert output == ""
    last = told.splitlines()[-2:]
    assert (
        last[0]
        == "Finishing this block of digits, then saving; the same signal again stops at once"
    )
    said, _, command = last[1].partition("; resume it with: ")
    assert said == "error: interrupted. The training is saved"
    assert checkpoints(tmp_path) == BOTH
    assert list(tmp_path.rglob(".*part")) == []

    program, words = command.split(" ", 1)
    assert program == str(PROJECT / "pi-nn")  # whose environment the tests do not make
    resumed = subprocess.run(
        [*before, "sh", "-c", f"{sys.executable} -m nn {words} --json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    assert resumed.returncode == 0
    assert "Resuming the unfinished training of models/pi-zero.npz, saved" in resumed.stderr
    assert json.loads(resumed.stdout)["resumed_from"]["epoch"] < 20
    assert json.loads(resumed.stdout)["samples"] == 600
    assert checkpoints(tmp_path) == []
    assert run(*WORDS, "--model", "unbroken.npz", before=before).returncode == 0
    assert weights(tmp_path / "models/pi-zero.npz") == weights(tmp_path / "unbroken.npz")


def test_the_two_backends_differ(csv_pair, tmp_path, run):
    """Or the test above would try the same one twice."""
    for name, before in BACKENDS.items():
        run("train", "--train", csv_pair[0], "--model", f"{name}.npz", before=before)
    assert weights(tmp_path / "dense.npz") != weights(tmp_path / "sparse.npz")


def test_another_backend_is_refused(csv_pair, tmp_path, run):
    """Asked for by name: its roundings differ. Left out, what the training began with goes on."""
    process = start(tmp_path, *WORDS, "--backend", "sparse")
    process.send_signal(signal.SIGINT)
    process.communicate()
    refused = run(*WORDS, "--resume", "--backend", "dense")
    assert refused.returncode == 1
    assert "(backend: sparse then, dense now)" in refused.stderr
    assert checkpoints(tmp_path) == BOTH
    assert json.loads(run(*WORDS, "--resume", "--json").stdout)["backend"] == "sparse"


def test_a_second_signal_stops_at_once(csv_pair, tmp_path):
    """While the first is being served; the checkpoints from before are whole and stay."""
    hidden = ["--hidden-nodes", "3000", "--batch-size", "600"]  # a batch takes a while
    process = start(tmp_path, *WORDS, *hidden)
    process.send_signal(signal.SIGINT)
    while "Finishing" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert told.startswith("error: interrupted. The training is saved; resume it with: ")
    assert checkpoints(tmp_path) == BOTH
    assert list(tmp_path.rglob(".*part")) == []


@pytest.fixture
def _usual_signals():
    """As a shell in the foreground has them."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, signal.SIG_DFL)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("_usual_signals")
def test_another_signal_does_not_break_off_the_saving(capfd):
    """A system that shuts down hangs up right after SIGTERM; the same one again is impatience."""
    with stopping_on_signals(lambda: True) as received:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)
    assert received == [signal.SIGTERM, signal.SIGINT]
    assert capfd.readouterr().err.count("Finishing this block") == 1


def test_a_terminal_that_is_gone_takes_no_training_along(csv_pair, tmp_path):
    """Its window closed, or the cable of a serial line pulled: nothing can be told any more."""
    terminal, inside = pty.openpty()

    def have_terminal():
        default_signals()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    with subprocess.Popen(
        [sys.executable, "-m", "nn", *WORDS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        **dict.fromkeys(("stdin", "stdout", "stderr"), inside),
        start_new_session=True,
        preexec_fn=have_terminal,
    ) as process:
        os.close(inside)
        while not list(tmp_path.glob("models/*.checkpoint-a")):
            assert process.poll() is None
        os.close(terminal)
    assert process.returncode == 129
    assert checkpoints(tmp_path) == BOTH
    assert list(tmp_path.rglob(".*part")) == []


@pytest.mark.usefixtures("_usual_signals")
def test_a_signal_after_the_last_digit_keeps_the_model(csv_pair, tmp_path, monkeypatch, capsys):
    """It is trained: there is nothing to go on with, and the test is not begun."""
    monkeypatch.chdir(tmp_path)

    def train_and_be_told(*words, **settings):
        report = train(*words, **settings)
        signal.raise_signal(signal.SIGTERM)
        return report

    monkeypatch.setattr("nn.training.train", train_and_be_told)
    words = [*"train --epochs 1 --model m.npz --train".split(), *map(str, csv_pair[:1])]
    assert main([*words, "--test", str(csv_pair[1])]) == 143
    captured = capsys.readouterr()
    assert captured.out == ""
    last = "error: interrupted after training: m.npz is trained, but not tested"
    assert captured.err.splitlines()[-1] == last
    assert len(weights(tmp_path / "m.npz")) == 2
    assert list(tmp_path.glob("*checkpoint*")) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_another_command_cleaned_up(tmp_path, number, code):
    """One line, nothing half-written left behind."""
    with subprocess.Popen(
        [sys.executable, "-m", "nn", *"data sample new.csv --rows 100000".split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    ) as process:
        while not any(each.stat().st_size for each in tmp_path.glob(".new.csv.*.part")):
            assert process.poll() is None
        process.send_signal(number)
        assert process.stderr.read() == "error: interrupted\n"
    assert process.returncode == code
    assert list(tmp_path.iterdir()) == []


def test_two_trainings_of_one_model_do_not_save_over_each_other(csv_pair, tmp_path, capsys):
    """The second is refused while the first lives; one that was killed holds nobody up."""
    words = [*WORDS, "--model", str(tmp_path / "models/one.npz"), "--json"]
    words[words.index("my_train.csv")] = str(csv_pair[0])
    first = start(tmp_path, *words)
    assert main([*words, "--restart"]) == 1
    assert "one.npz is being trained by another process" in capsys.readouterr().err
    assert first.poll() is None
    first.kill()
    first.communicate()
    assert main([*words, "--resume"]) == 0
    left = sorted(each.name for each in (tmp_path / "models").iterdir())
    assert left == ["one.npz"]


def test_the_progress_bar_begins_where_the_training_goes_on(monkeypatch):
    """An epoch and a half of two: 75 %, and the rate is that of what is done now."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            """Pretend to be one."""
            return True

    dataset = ArrayDataset(np.zeros((100, 784), np.uint8), np.zeros(100, np.uint8))
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with progress("training", dataset, 2, (1, 50)):
        pass
    assert "training:  75%" in shown.getvalue()
    assert " 150/200 " in shown.getvalue()


def test_before_the_first_batch_a_signal_stops_at_once(csv_pair, tmp_path, monkeypatch, capsys):
    """There is nothing to save, and none is told of."""
    monkeypatch.chdir(tmp_path)

    def interrupted_train(*_words, **_settings):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("nn.training.train", interrupted_train)
    assert main(["train", "--train", str(csv_pair[0])]) == 143
    assert capsys.readouterr().err.splitlines()[-1] == "error: interrupted"


def test_what_nohup_ignores_stays_ignored(csv_pair, tmp_path):
    """A training goes on when its connection is dropped."""

    def as_nohup():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = start(tmp_path, *WORDS, "--epochs", "5", prepare=as_nohup)
    process.send_signal(signal.SIGHUP)
    process.communicate()
    assert process.returncode == 0


@pytest.fixture
def killed(csv_pair, tmp_path):
    """A folder with a training that was killed."""
    process = start(tmp_path, *WORDS)
    process.kill()
    process.communicate()
    return tmp_path


def test_an_unfinished_training_is_not_started_over_in_silence(killed, run):
    """It is named, with both ways out; each of them does what it says."""
    before = {name: (killed / "models" / name).read_bytes() for name in BOTH}
    result = run(*WORDS)
    assert (result.returncode, result.stdout) == (1, "")
    told = result.stderr.splitlines()[-1]
    assert told.startswith("error: models/pi-zero.npz has an unfinished training, saved after ")
    assert told.endswith(": give --resume to resume it, or --restart to delete it")
    assert {name: (killed / "models" / name).read_bytes() for name in BOTH} == before

    restarted = json.loads(run(*WORDS, "--restart", "--json").stdout)
    assert restarted["resumed_from"] is None
    assert checkpoints(killed) == []


def test_resume_or_start_does_either(killed, run):
    """As `make train-pi` does: it goes on, and says so; the next time it begins."""
    result = run(*WORDS, "--resume-or-start")
    assert result.returncode == 0
    assert "Resuming the unfinished training of models/pi-zero.npz" in result.stderr
    assert " since it resumed, " in result.stdout
    again = run(*WORDS, "--resume-or-start", "--epochs", 1)
    assert again.returncode == 0
    assert "Going on" not in again.stderr


def test_a_damaged_newest_generation_is_told(killed, run):
    """The other one is taken, and the training ends as if unbroken."""
    for name in BOTH:  # whichever is the newest: of two, one is left
        content = (killed / "models" / name).read_bytes()
        (killed / "models" / name).write_bytes(content[: len(content) // 2])
        result = run(*WORDS, "--resume-or-start")
        assert result.returncode == 0
        assert f"models/{name} is damaged" in result.stderr
        assert "using the other checkpoint, models/" in result.stderr
        break
    run(*WORDS, "--model", "unbroken.npz")
    assert weights(killed / "models/pi-zero.npz") == weights(killed / "unbroken.npz")


def test_two_damaged_generations_are_told(killed, run):
    """With what to do."""
    for name in BOTH:
        (killed / "models" / name).write_bytes(b"oops")
    result = run(*WORDS, "--resume")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith("Give --restart to start again")
    assert run(*WORDS, "--restart").returncode == 0


OTHERS = {
    "--seed 2": "seed: 8 then, 2 now",
    "--epochs 21": "epochs: 20 then, 21 now",
    "--hidden-nodes 41": "hidden nodes: 40 then, 41 now",
    "--batch-size 16": "batch size: 8 then, 16 now",
    "--learning-rate 0.2": "learning rate: 0.1 then, 0.2 now",
    "--rule equal": "rule: multiply then, equal now",
    "--samples 90": "samples: all then, 90 now",
    "--augment 10": "augment degrees: 0.0 then, 10.0 now",
    "--affine 1": "affine: none then, 1.0 now",
    "--elastic 0.5": "elastic: none then, 0.5 now",
    "--final-learning-rate 0.01": "final learning rate: none then, 0.01 now",
    "--target-low 0": "target low: none then, 0.0 now",
    "--curve c.png": "curve: no then, yes now",
}


def test_other_settings_are_refused_with_both_values(killed, monkeypatch, capsys):
    """One flag after the other; the training stays as it is."""
    monkeypatch.chdir(killed)
    before = {name: (killed / "models" / name).read_bytes() for name in BOTH}
    for flag, told in OTHERS.items():
        for way in ("--resume", "--resume-or-start"):
            assert main([*WORDS, *flag.split(), way]) == 1
            assert (
                f"was started with other settings ({told}): give the same settings again"
                in capsys.readouterr().err
            )
    assert {name: (killed / "models" / name).read_bytes() for name in BOTH} == before


def test_another_dataset_is_refused_with_both_checksums(killed, run):
    """One pixel in the middle of the file; its size and time are what they were."""
    csv = killed / "my_train.csv"
    content = bytearray(csv.read_bytes())
    status = csv.stat()
    place = content.index(b",100,", len(content) // 2)
    content[place + 1 : place + 4] = b"101"
    csv.write_bytes(content)
    os.utime(csv, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = run(*WORDS, "--resume")
    assert result.returncode == 1
    size = f"{status.st_size:,} bytes, CRC-32 "
    assert f"(training digits: {size}" in result.stderr
    assert result.stderr.count(size) == 2


def test_the_same_digits_under_another_name_and_time_will_do(killed, run):
    """A Pi without a clock, a file that was copied back."""
    csv = killed / "my_train.csv"
    content = csv.read_bytes()
    for path in killed.glob("my_train.*"):
        path.unlink()
    (killed / "copied_train.csv").write_bytes(content)
    os.utime(killed / "copied_train.csv", (0, 0))
    words = [word.replace("my_train", "copied_train") for word in WORDS]
    assert run(*words, "--resume").returncode == 0


def test_without_an_unfinished_training_there_is_nothing_to_resume(killed, run):
    """Which other one there is, if there is one."""
    result = run(*WORDS, "--model", "models/new.npz", "--resume")
    assert result.returncode == 1
    assert (
        "models/new.npz has no unfinished training. models/pi-zero.npz has one: give its "
        "--preset, or --model"
    ) in result.stderr
    (killed / "other").mkdir()
    result = run(*WORDS, "--model", "other/new.npz", "--resume")
    assert "no unfinished training. Leave --resume out to start one" in result.stderr


def test_a_training_that_ran_away_leaves_nothing_to_go_on_with(csv_pair, tmp_path, run):
    """The next, at a lower rate, begins at once."""
    words = [*WORDS[:-4], "--checkpoint-every", "0", "--epochs", "1"]
    assert run(*words, "--learning-rate", "1e39").returncode == 1
    assert checkpoints(tmp_path) == []
    assert run(*words).returncode == 0


@pytest.mark.slow
def test_the_curve_goes_on(csv_pair, tmp_path, run):
    """Its picture is that of an unbroken training."""
    words = [*WORDS, "--curve", "curve.png"]
    process = start(tmp_path, *words)
    process.terminate()
    process.communicate()
    assert run(*words, "--resume").returncode == 0
    broken = (tmp_path / "curve.png").read_bytes()
    assert run(*words).returncode == 0
    assert (tmp_path / "curve.png").read_bytes() == broken


def test_the_digits_are_found_damaged_only_after_the_training(csv_pair, tmp_path, run):
    """The test file's last line is bad: once it is mended, the training is not done again."""
    good = csv_pair[1].read_bytes() * 20  # more than is looked at before the training
    csv_pair[1].write_bytes(good + b"oops\n")
    words = [*WORDS, "--test", csv_pair[1]]
    assert run(*words).returncode == 1
    csv_pair[1].write_bytes(good)
    resumed = json.loads(run(*words, "--resume", "--json").stdout)
    assert resumed["resumed_from"] == {"epoch": 19, "row": 600}
    assert resumed["accuracy"] is not None


def test_idx_files_are_told_by_images_and_labels(tmp_path, digits):
    """A label that is another is another dataset."""
    pixels, labels = digits
    found = set()
    for each in (labels, np.roll(labels, 1)):
        found.add(checksum(open_dataset(write_idx(tmp_path, pixels, each)).files()))
    assert len(found) == 2
    (tmp_path / "a.csv").write_bytes(csv_text(*digits))
    assert checksum([tmp_path / "a.csv"]).startswith(f"{(tmp_path / 'a.csv').stat().st_size:,} ")
