"""How the Pis of a class are: what they answer, and what is shown of it."""

import json
import os
import subprocess
import sys

import pytest

from nn import __version__
from scripts.classroom.ask import Answer, reason
from scripts.classroom.status import PROGRAM, show, status_of
from scripts.pis import Pi
from tests.conftest import PROJECT

PI = Pi("pi-07", [], "ada@pi-07.local", "pi-nn", "Ada")
WELL = {
    "release": "trixie",
    "kit": __version__,
    "disk_mb": 5200,
    "memory_mb": 301,
    "jupyter": "ready",
    "celsius": 41,
    "training": {"preset": "pi-zero", "accuracy": 0.9481, "dataset": "MNIST", "seconds_ago": 200},
}


def answer(facts: object, **changes) -> Answer:
    facts = facts | changes if isinstance(facts, dict) else facts
    return Answer(PI, b"a school's banner\n\n" + json.dumps(facts).encode() + b"\n")


def look_here(home, state="active") -> dict:
    """Run the program that is for a Pi, as on one."""
    words = [sys.executable, "-IS", "-", "pi-nn", state]
    done = subprocess.run(
        words, input=PROGRAM.read_bytes(), capture_output=True, env={"HOME": str(home)}
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_a_pi_without_a_kit_still_answers(tmp_path):
    """An empty home."""
    facts = look_here(tmp_path)
    assert facts["kit"] is None
    assert facts["training"] is None
    assert facts["jupyter"] is None
    assert facts["disk_mb"] == pytest.approx(
        os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize / 1e6, rel=0.01
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"preset": "x", "accuracy": 10**400, "seconds_ago": float("inf")}},
        {"disk_mb": float("nan"), "celsius": -float("inf")},
    ],
)
def test_impossible_numbers_are_not_shown(changes, capsys):
    """A pupil can write anything into a model; the others' lines must not go for it."""
    show([status_of(answer(WELL, **changes))], watch=False)
    assert "pi-07" in capsys.readouterr().out


def test_a_status_nested_too_deeply_is_one_pis_alone():
    """It is named, without a traceback."""
    (need,) = status_of(Answer(PI, b"[" * 100_000 + b"\n")).needs
    assert need.startswith("expected its status, got: ")


def test_the_newest_training_is_found(tmp_path):
    """In a model that `train` wrote; a file that is none of its models is passed over."""
    models = tmp_path / "pi-nn" / "models"
    models.mkdir(parents=True)
    sample = PROJECT / "mnist_dataset"
    words = ["--train", sample / "sample_train.csv.gz", "--test", sample / "sample_test.csv.gz"]
    command = [sys.executable, "-m", "nn", "train", "--preset", "smoke", "--json", *words]
    done = subprocess.run(
        [*command, "--model", models / "a.npz"], cwd=PROJECT, capture_output=True, check=True
    )
    (models / "older.npz").write_bytes((models / "a.npz").read_bytes())
    os.utime(models / "older.npz", (1, 1))
    (models / "broken.npz").write_bytes(b"PK\3\4")
    (models / "folder.npz").mkdir()
    training = look_here(tmp_path)["training"]
    told = json.loads(done.stdout)
    assert training.pop("seconds_ago") < 60
    assert training == {name: told[name] for name in ("preset", "accuracy", "dataset")}


def test_one_that_is_well_needs_nothing(capsys):
    """A line with all columns."""
    status = status_of(answer(WELL))
    assert status.needs == []
    show([status], watch=False)
    words = "pi-07 Ada trixie 5.2 GB 301 MB ready pi-zero 94.8%, 3 min ago 41".split()
    line = capsys.readouterr().out.splitlines()[1]
    assert [word for word in line.split() if word != __version__] == words


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({"kit": None, "jupyter": None}, "has no kit: make provision LIMIT=pi-07"),
        ({"kit": "0.0.1"}, f"has kit 0.0.1, this computer {__version__}: make provision"),
        ({"jupyter": "failed"}, "Jupyter is failed: make provision LIMIT=pi-07"),
        ({"jupyter": None}, "Jupyter is not installed: make provision LIMIT=pi-07"),
        ({"jupyter": "starting"}, "Jupyter is starting: wait a few minutes"),
        ({"disk_mb": 199}, "only 199 MB are free: remove files"),
        ({"celsius": 80}, "is hot, 80 °C: give it air"),
    ],
)
def test_what_it_needs(changes, needed):
    """One need at a time, with what to do."""
    (need,) = status_of(answer(WELL, **changes)).needs
    assert need.startswith(needed)


@pytest.mark.parametrize("key", WELL)
@pytest.mark.parametrize("value", [None, [], {}, "\033[2Jx\n", 1e400, True, -1, "x" * 10**4])
def test_whatever_a_pi_prints_is_a_line(key, value, capsys):
    """A pupil may have replaced any program there: nothing of it commands the terminal."""
    show([status_of(answer(WELL, **{key: value}))], watch=False)
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 3
    assert "\033" not in out
    assert len(out) < 1000


@pytest.mark.parametrize("output", [b"", b"\n", b"{", b"[]", b"null", b"\xff\xfe", b"1" * 10**5])
def test_no_status_is_a_need(output):
    """What was printed instead is said."""
    (need,) = status_of(Answer(PI, output, errors="sh: python3: not found\n")).needs
    assert need == "expected its status, got: sh: python3: not found"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ssh: connect to host pi-07.local port 22: Connection timed out", "is it switched on"),
        ("ssh: connect to host pi-07.local port 22: No route to host", "is it switched on"),
        ("ssh: connect to host pi-07.local port 22: Connection refused", "takes no SSH yet"),
        ("ssh: Could not resolve hostname pi-07.local: Name or", "not found as pi-07.local"),
        ("ada@pi-07.local: Permission denied (publickey,password).", "ssh-copy-id ada@pi-07.local"),
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "ssh-keygen -R pi-07.local"),
        ("", "is it switched on"),
    ],
)
def test_what_ssh_says_is_put_into_words(said, told):
    """With what to do next."""
    assert told in reason(PI, said)
