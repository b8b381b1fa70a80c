"""Checkpoints on disk: two files, whole or refused."""

import hashlib
import io
import json
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn.network import Network
from nn.saving.autosaver import Autosaver
from nn.saving.checkpoint import (
    Checkpoint,
    CheckpointError,
    CheckpointFiles,
    read_checkpoint,
)
from tests.conftest import run_for_peak_mb


def checkpoint(row: int) -> Checkpoint:
    weights = {
        "weights_input_hidden": np.full((3, 784), row, "float32"),
        "weights_hidden_output": np.arange(30, dtype="float64").reshape(10, 3),
    }
    curve = {"seen": 3, "squares": 0.1, "points": [[1, 1 / 3]]}
    identity = {"seed": 1, "learning_rate": 0.1, "samples": None}
    return Checkpoint(identity, "sparse", 2, row, weights, curve)


def assert_same(found: Checkpoint, expected: Checkpoint) -> None:
    assert found.weights.keys() == expected.weights.keys()
    for name, array in expected.weights.items():
        assert found.weights[name].dtype == array.dtype
        assert np.array_equal(found.weights[name], array)
    for name in ("identity", "epoch", "row", "backend", "curve"):
        assert getattr(found, name) == getattr(expected, name)


@pytest.fixture
def files(tmp_path):
    return CheckpointFiles(tmp_path / "m.npz")


def test_what_was_written_is_read(files):
    """All of it, the last of three; two files are kept, the older is overwritten."""
    for row in (1, 2, 3):
        files.write(checkpoint(row))
    assert_same(CheckpointFiles(files.paths[0].with_name("m.npz")).newest(), checkpoint(3))
    assert sorted(path.name for path in files.paths[0].parent.iterdir()) == [
        "m.npz.checkpoint-a", "m.npz.checkpoint-b",
    ]  # fmt: skip
    assert sorted(read_checkpoint(path).row for path in files.paths) == [2, 3]


def test_times_say_nothing(files, tmp_path):
    """A Pi without a clock: the newest is that of the highest number, whatever its file's time."""
    files.write(checkpoint(1))
    files.write(checkpoint(2))
    for path in files.paths:
        newest = read_checkpoint(path).row == 2
        os.utime(path, (0, 0) if newest else (2e9, 2e9))
    assert CheckpointFiles(tmp_path / "m.npz").newest().row == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "other"])
def test_a_damaged_newest_falls_back_to_the_one_before(files, tmp_path, damage):
    """It is said, and the next write does not take the place of the whole one."""
    for row in (1, 2, 3):
        files.write(checkpoint(row))
    newest = next(path for path in files.paths if read_checkpoint(path).row == 3)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes({"cut": content[:-1], "empty": b"", "flipped": content}.get(damage, b"oops"))
    said = []
    reopened = CheckpointFiles(tmp_path / "m.npz")
    assert reopened.newest(said.append).row == 2
    assert len(said) == 1
    assert f"{newest} is damaged" in said[0]
    assert "using the other checkpoint" in said[0]
    reopened.write(checkpoint(4))
    assert sorted(read_checkpoint(path).row for path in files.paths) == [2, 4]


def test_two_damaged_ones_are_an_error(files):
    """Both are named."""
    for row in (1, 2):
        files.write(checkpoint(row))
    for path in files.paths:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"checkpoint-a is damaged .*checkpoint-b is damaged"):
        files.newest()


def test_they_are_removed_with_what_a_killed_writer_left(files, tmp_path):
    """Nothing is left in the folder."""
    for row in (1, 2):
        files.write(checkpoint(row))
    (tmp_path / ".m.npz.checkpoint-a.abc.part").write_bytes(b"half")
    files.remove()
    assert list(tmp_path.iterdir()) == []
    assert not files.exist()


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    files = CheckpointFiles(tmp_path_factory.mktemp("whole") / "m.npz")
    files.write(checkpoint(1))
    return next(path for path in files.paths if path.exists()).read_bytes()


@settings(deadline=None)  # each example reads three files
@given(data=st.data())
def test_no_damage_goes_unseen(content, tmp_path_factory, data):
    """Any cut, any byte changed, anything appended."""
    place = data.draw(st.integers(0, len(content) - 1))
    change = data.draw(st.integers(1, 255))
    changed = bytes([content[place] ^ change])
    path = tmp_path_factory.getbasetemp() / "damaged"
    for damaged in (
        content[:place],
        content[:place] + changed + content[place + 1 :],
        content + changed,
    ):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="is damaged"):
            read_checkpoint(path)


def forged(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Make a file with a right hash of whatever members."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as file:
        for name, member in members.items():
            file.writestr(f"{name}.npy", member)
    rest = archive.getvalue()
    return rest + b"pinnckp2" + hashlib.blake2s(rest).digest()


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


FACTS = {"number": 1, "epoch": 0, "row": 0, "identity": {}, "backend": "dense", "curve": None}


def facts(**changes) -> bytes:
    return npy(np.array(json.dumps({**FACTS, **changes})))


FORGED = {
    "no facts": {"x": npy(np.ones(3))},
    "no JSON": {"facts": npy(np.array("{"))},
    "a list": {"facts": npy(np.array("[]"))},
    "no place": {"facts": facts(row="x")},
    "more facts": {"facts": npy(np.array(json.dumps({**FACTS, "evil": 1})))},
    "an identity of another type": {"facts": npy(np.array(json.dumps({**FACTS, "identity": 1})))},
    "a pickle": {"facts": npy(np.array([{}], dtype=object))},
    "a backend of another type": {"facts": facts(backend=["dense"])},
    "a number of another type": {"facts": facts(number="7")},
    "a curve of another type": {"facts": facts(curve=[1])},
    "a place before the first": {"facts": facts(row=-1)},
    "what is no array": {"facts": facts(), "x": b"hello"},
    "a giant": {"facts": facts(), "x": npy(np.ones(3)).replace(b"(3,), }", b"(9999999999999,), }")},
    "a name of two lines": {"facts": facts(**{"a\nb": 1})},
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_file_is_refused(tmp_path, kind):
    """Its hash is right, its content is not: no pickle is loaded, no bomb unpacked."""
    path = tmp_path / "forged"
    path.write_bytes(forged(FORGED[kind]))
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_the_forger_makes_good_ones_too(tmp_path):
    """Or the test above would prove nothing."""
    path = tmp_path / "forged"
    path.write_bytes(forged({"facts": facts()}))
    assert read_checkpoint(path).backend == "dense"


@pytest.mark.parametrize("kind", ["bomb", "zeros", "holes"])
def test_declared_giants_take_no_memory(tmp_path, kind):
    """What unpacks to 400 MB, and files of as many bytes and fewer that begin as a checkpoint."""
    path = tmp_path / "giant"
    if kind == "bomb":
        path.write_bytes(forged({"facts": bytes(400_000_000)}, zipfile.ZIP_DEFLATED))
    else:
        with path.open("wb") as file:
            file.seek(400_000_000 if kind == "zeros" else 300_000_000)
            file.write(b"pinnckp2" + bytes(32))
    code = (
        "from nn.saving.checkpoint import CheckpointError, read_checkpoint\n"
        f"try:\n read_checkpoint({str(path)!r})\nexcept CheckpointError as error:\n print(error)"
    )
    said, peak = run_for_peak_mb(code)
    assert "giant is damaged (it" in said
    assert peak < 100


@pytest.mark.parametrize("change", [{"dtype": "float64"}, {"dtype": "complex64"}])
def test_weights_of_another_type_do_not_fit(tmp_path, change):
    """They are not cut to size in silence."""
    network = Network(hidden_nodes=2, seed=1)
    weights = {
        "weights_input_hidden": network.weights_input_hidden.astype(**change),
        "weights_hidden_output": network.weights_hidden_output,
    }
    found = Checkpoint({}, "dense", 0, 256, weights)
    autosaver = Autosaver(CheckpointFiles(tmp_path / "m.npz"), dict, checkpoint=found)
    with pytest.raises(CheckpointError, match=r"expected float32 of \(2, 784\), got"):
        autosaver.begin(network, "dense")


def test_one_of_an_earlier_version_is_refused(tmp_path):
    """It says so, and not that it is damaged in some odd way."""
    path = tmp_path / "earlier"
    path.write_bytes(b"pinnckp1" + bytes(1000))
    with pytest.raises(CheckpointError, match="saved by an earlier version of this kit"):
        read_checkpoint(path)
