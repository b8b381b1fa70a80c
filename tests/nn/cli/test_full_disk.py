"""Each command that writes, on a disk that is full, and on one that is read-only: real mounts.

In mount namespaces of their own, so that nothing stays mounted; that takes root.
"""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest

from nn.cli import main
from nn.network import Network
from nn.saving.model_file import save_model
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

# What runs inside: mount, bring the files there, fill or lock the disk, run the command
IN_NAMESPACE = """
set -eu
mount -t tmpfs -o size="$SIZE" tmpfs disk
cp -a files/. disk/
case $STATE in
full) cat /dev/zero > disk/filling 2>/dev/null || true ;;
read-only) mount -o remount,ro disk ;;
esac
cd disk
find . -type f ! -name filling -exec sha256sum {} + | sort > ../before
set +e
"$@"
code=$?
find . -type f ! -name filling -exec sha256sum {} + | sort > ../after
exit $code
"""

COMMANDS = {
    "train": "train --train my_train.csv --model m.npz",
    "train again": "train --train my_train.csv --model models/new.npz",
    "train, resumed": "train --train my_train.csv --epochs 2 --model u.npz --resume",
    "train, with a curve": "train --train my_train.csv --model m.npz --curve old.png",
    "data convert": "data convert my_test.csv old.csv --force",
    "data convert again": "data convert my_test.csv new.csv.gz",
    "data sample": "data sample old.csv --rows 90 --force",
    "backquery": "backquery --model m.npz --output old.png",
    "backquery again": "backquery --model m.npz --output new.png",
}
# These write nothing that anybody asked for, and answer as ever
READERS = {
    "test": "test --model m.npz --test my_test.csv",
    "data info": "data info my_train.csv",
    "compare-rules": "compare-rules --train my_train.csv --hidden-nodes 5 --epochs 1",
    "presets": "presets",
}


def run_on(state, folder, words, size="2m"):
    """Run a command on a small disk; return the process, and the files before and after."""
    command = ["unshare", "-m", "sh", "-c", IN_NAMESPACE, "sh", sys.executable, "-m", "nn"]
    (folder / "disk").mkdir(exist_ok=True)
    result = subprocess.run(
        [*command, *words.split()],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "SIZE": size,
            "STATE": state,
            "XDG_CACHE_HOME": str(folder / "disk" / "cache"),
            "MPLCONFIGDIR": str(folder.parent / "matplotlib"),  # a cache of its own
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    before, after = ((folder / name).read_text() for name in ("before", "after"))
    return result, before, after


@pytest.fixture
def folder(tmp_path, csv_pair, monkeypatch):
    """Digits, a model, a picture, a CSV file and an unfinished training, to go onto the disk."""
    if os.geteuid():
        pytest.skip("mounting a small disk takes root")
    files = tmp_path / "files"
    files.mkdir()
    for path in csv_pair:
        shutil.copy2(path, files)
    save_model(Network(hidden_nodes=5, seed=1), files / "m.npz")
    (files / "old.csv").write_text("old\n")
    (files / "old.png").write_bytes(b"\x89PNG, old")
    bad = tmp_path / "bad.csv"  # its last line, in no first block, leaves a training unfinished
    bad.write_bytes(csv_pair[1].read_bytes() * 20 + b"oops\n")
    monkeypatch.chdir(files)
    words = "train --train my_train.csv --epochs 2 --checkpoint-every 0 --model u.npz --test"
    assert main([*words.split(), str(bad)]) == 1
    (files / "u.npz").unlink()
    (files / "my_train.csv.packed").unlink()
    assert len(list(files.glob("u.npz.checkpoint-*"))) == 2
    return tmp_path


@pytest.mark.parametrize("state", ["full", "read-only"])
@pytest.mark.parametrize("name", COMMANDS)
def test_one_clear_line_and_nothing_lost(folder, state, name):
    """Exit code 1, the reason, and every file as it was; no temporary file stays."""
    result, before, after = run_on(state, folder, COMMANDS[name])
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    reason = {"full": "No space left on device", "read-only": "Read-only file system"}[state]
    assert result.returncode == 1
    assert len(errors) == 1
    assert reason in errors[0]
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert after == before
    assert before.count("\n") >= 6


@pytest.mark.parametrize("state", ["full", "read-only"])
@pytest.mark.parametrize("name", READERS)
def test_what_only_reads_answers_as_ever(folder, state, name):
    """Packed files are a convenience: without room for them, all goes on."""
    result, before, after = run_on(state, folder, READERS[name])
    assert result.returncode == 0
    assert "error" not in result.stderr
    assert len(result.stdout.splitlines()) > 3
    assert after == before


@pytest.mark.mnist
@pytest.mark.parametrize("state", ["full", "read-only"])
def test_a_download_finds_no_room(folder, mnist_folder, state):
    """The folder is there already, and empty."""
    (folder / "files" / "mnist").mkdir()
    words = f"data fetch --mirror {mnist_folder} --folder mnist"
    result, before, after = run_on(state, folder, words)
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert (result.returncode, len(errors)) == (1, 1)
    assert "mnist/" in errors[0]
    assert "No space left on device" in errors[0] or "Read-only file system" in errors[0]
    assert after == before


@pytest.mark.mnist
def test_a_download_that_fills_the_disk(folder, mnist_folder):
    """Room for 5 of the 11 MB: the first file does not fit, and is not there by halves."""
    words = f"data fetch --mirror {mnist_folder} --folder mnist"
    result, before, after = run_on("small", folder, words, size="5m")
    assert result.returncode == 1
    assert "train-images-idx3-ubyte.gz: No space left on device" in result.stderr
    assert after == before


def test_a_conversion_that_fills_the_disk(folder):
    """In the middle of the file: the old one stays, whole."""
    result, before, after = run_on(
        "small", folder, "data convert my_train.csv old.csv --force", size="1700k"
    )
    assert result.returncode == 1
    assert result.stderr == "error: old.csv: No space left on device\n"
    digest = hashlib.sha256(b"old\n").hexdigest()
    assert f"{digest}  ./old.csv" in after
    assert after == before


def test_there_is_room_for_what_is_needed(folder):
    """The tests above mean something: on a disk with room, each command ends well."""
    for words in COMMANDS.values():
        result, _, _ = run_on("room", folder, words, size="20m")
        assert result.returncode == 0, result.stderr
