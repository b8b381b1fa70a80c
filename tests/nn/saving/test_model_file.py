"""Model files that are damaged, hostile or no models at all."""

import io
import itertools
import json
import os
import zipfile

import numpy as np
import pytest

from nn.network import Network
from nn.saving.model_file import (
    FORMAT,
    LARGEST_BYTES,
    ModelError,
    check_replaceable,
    load_model,
    save_model,
    weights_of,
)
from tests.conftest import run_for_peak_mb

GOOD = {
    "weights_input_hidden": np.ones((2, 3), "float32"),
    "weights_hidden_output": np.ones((4, 2), "float32"),
}


SETTINGS = {"format": FORMAT, "learning_rate": 0.1, "rule": "multiply", "seed": 1, "about": {}}


def good_network() -> Network:
    network = Network(3, 2, 4, seed=1)
    for name, weights in GOOD.items():
        setattr(network, name, weights.copy())
    return network


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.npz"
    save_model(good_network(), path, {"dataset": "mine"})
    return path


def test_no_such_model_says_how_to_make_one(tmp_path):
    """The next step is in the message."""
    with pytest.raises(ModelError, match=r"none.npz: no such model. Train one first"):
        load_model(tmp_path / "none.npz")


def test_every_truncation_is_refused(model):
    """A file cut off anywhere is an error of ours, never a traceback or a model."""
    content = model.read_bytes()
    for length in range(0, len(content), 7):
        model.write_bytes(content[:length])
        with pytest.raises(ModelError, match="not a valid model"):
            load_model(model)


@pytest.mark.slow
def test_every_damaged_byte_is_refused_or_harmless(model):
    """A flipped byte is found by zip's checksum, or lies where it does not matter."""
    content = model.read_bytes()
    for position, value in itertools.product(range(len(content)), (0x00, 0x2C, 0xFF)):
        damaged = bytearray(content)
        damaged[position] = value
        model.write_bytes(damaged)
        try:
            network = load_model(model)
        except ModelError:
            continue
        assert (network.rule, network.seed, network.learning_rate) == ("multiply", 1, 0.1)
        assert network.about == {"dataset": "mine"}
        assert all(np.array_equal(each, GOOD[name]) for name, each in weights_of(network).items())


def save_raw(path, **arrays):
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": np.array("not json")}, "not a valid model"),
        ({"settings": np.array(json.dumps({"format": "other"}))}, "expected settings that say"),
        ({"weights_input_hidden": np.ones((5, 3), "float32")}, "matrices of matching shapes"),
        ({"weights_input_hidden": np.ones(3, "float32")}, "matrices of matching shapes"),
        ({"weights_input_hidden": np.ones((2, 3), "int32")}, "float32 or float64"),
        ({"weights_input_hidden": np.full((2, 3), np.inf, "float32")}, "finite"),
        ({"weights_input_hidden": np.full((2, 3), np.nan, "float32")}, "finite"),
    ],
)
def test_wrong_content_is_told_apart(tmp_path, change, message):
    """Each way of being no model has its message."""
    path = tmp_path / "model.npz"
    settings = np.array(json.dumps(SETTINGS))
    save_raw(path, **{**GOOD, "settings": settings, **change})
    with pytest.raises(ModelError, match=message):
        load_model(path)


def test_pickles_are_never_loaded(tmp_path):
    """An object array could run code: it is refused unread."""
    path = tmp_path / "model.npz"
    save_raw(path, **{**GOOD, "settings": np.array([SETTINGS], dtype=object)})
    with pytest.raises(ModelError, match=r"allow_pickle|pickle"):
        load_model(path)


def test_a_declared_giant_is_refused_before_it_is_unpacked(tmp_path):
    """A zip bomb: 300 MB of zeros in a small file."""
    path = tmp_path / "bomb.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (2, 37_500_000)}
    )
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("weights_input_hidden.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(header.getvalue())
        for _ in range(300):
            entry.write(bytes(1_000_000))
    with pytest.raises(ModelError, match=r"would unpack to 300,\d\d\d,\d\d\d"):
        load_model(path)


def test_a_compressed_model_is_refused(tmp_path):
    """The kit's own are not, and a small one could unpack to gigabytes."""
    path = tmp_path / "model.npz"
    settings = np.array(json.dumps(SETTINGS))
    np.savez_compressed(path, **GOOD, settings=settings)
    with pytest.raises(ModelError, match=r"would unpack to|it is compressed"):
        load_model(path)


def _declared(shape: str, header_bytes: int = 118) -> bytes:
    """Make a model file, its sums right, whose first matrix promises a shape."""
    header = (
        f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(header_bytes - 1)
        + "\n"
    )
    file = io.BytesIO()
    np.savez(file, **GOOD, settings=np.array(json.dumps(SETTINGS)))
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["weights_input_hidden.npy"] = (
        b"\x93NUMPY\x01\0" + header_bytes.to_bytes(2, "little") + header.encode() + bytes(24)
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["bomb", "shape", "zeros"])
def test_declared_giants_take_no_memory(tmp_path, kind):
    """A compressed terabyte, a matrix of 2^40 numbers, a file of nothing but holes."""
    path = tmp_path / "giant.npz"
    if kind == "bomb":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("weights_input_hidden.npy", bytes(400_000_000))
    elif kind == "shape":
        path.write_bytes(_declared("(1048576, 1048576)"))
    else:
        with path.open("wb") as file:
            file.truncate(LARGEST_BYTES)
    code = (
        "from nn.saving.model_file import ModelError, load_model\n"
        f"try:\n load_model({str(path)!r})\nexcept ModelError as error:\n print(error)"
    )
    said, peak = run_for_peak_mb(code)
    assert "giant.npz is not a valid model of this kit" in said
    assert peak < 100


@pytest.mark.parametrize("weight", [1e31, -3e38])
def test_weights_that_would_run_over_are_refused(tmp_path, weight):
    """Finite each, but not their sums: neither written nor read."""
    network = good_network()
    network.weights_input_hidden[:] = weight
    with pytest.raises(ModelError, match=r"training diverged; .*model.npz not saved"):
        save_model(network, tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []
    save_raw(tmp_path / "model.npz", **weights_of(network), settings=np.array(json.dumps(SETTINGS)))
    with pytest.raises(ModelError, match=r"expected finite weights, up to 1e\+30"):
        load_model(tmp_path / "model.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 10**400}, "int too large to convert to float"),
        ({"about": "a text"}, "dictionary update sequence"),
        ({"about": 7}, "is not iterable"),
        ({"rule": "guess"}, "unknown error rule 'guess'"),
    ],
)
def test_settings_of_other_kinds_are_refused(tmp_path, change, message):
    """What JSON can say and a network cannot have."""
    path = tmp_path / "model.npz"
    save_raw(path, **GOOD, settings=np.array(json.dumps(SETTINGS | change)))
    with pytest.raises(ModelError, match=rf"not a valid model of this kit \(.*{message}"):
        load_model(path)


def test_the_message_has_one_line(tmp_path):
    """Also where numpy's own has several, such as for a header of 20,000 bytes."""
    path = tmp_path / "model.npz"
    path.write_bytes(_declared("(2, 3)", header_bytes=20_000))
    with pytest.raises(ModelError, match="Header info length") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_a_pipe_is_no_model(tmp_path):
    """It is refused, and not waited for."""
    os.mkfifo(tmp_path / "model.npz")
    with pytest.raises(ModelError, match=r"model.npz is a folder or a pipe, not a file"):
        load_model(tmp_path / "model.npz")


def test_something_else_is_not_replaced(tmp_path):
    """A name that is taken by no model costs nobody the file."""
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Pi")
    with pytest.raises(ModelError, match="left unchanged"):
        check_replaceable(letter, 100)
    assert letter.read_text() == "Dear Pi"


def test_a_failed_save_leaves_the_old_model(model, monkeypatch):
    """The disk fills up in the middle of a save."""
    before = model.read_bytes()

    def full(file, arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nn.saving.model_file.write_arrays", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(Network(3, 2, 4), model)
    assert model.read_bytes() == before
    assert list(model.parent.iterdir()) == [model]


def test_compact_weights_are_within_half_a_step(tmp_path):
    """Rounded to 255 steps a row, by hand; a quarter of the bytes; the file says what it held."""
    network = Network(784, 40, 10, seed=1)
    network.weights_input_hidden[3] = 0  # a row without a largest weight
    save_model(network, tmp_path / "whole.npz")
    save_model(network, tmp_path / "compact.npz", {"preset": "best"}, compact=True)
    sizes = [(tmp_path / name).stat().st_size for name in ("compact.npz", "whole.npz")]
    assert sizes[0] < 0.27 * sizes[1]
    loaded = load_model(tmp_path / "compact.npz")
    assert loaded.about == {"preset": "best"}
    for name, weights in weights_of(loaded).items():
        before = weights_of(network)[name]
        half_steps = abs(before).max(axis=1, keepdims=True) / 127 / 2
        assert weights.dtype == np.float32
        assert (abs(weights - before) <= half_steps * 1.001).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights_input_hidden_scales": None}, "weights_input_hidden_scales"),
        ({"weights_input_hidden_scales": np.ones(5, "float32")}, "broadcast"),
        ({"weights_input_hidden_scales": np.full(2, np.nan, "float32")}, "expected finite weights"),
        ({"weights_input_hidden_scales": np.ones(2, "int8")}, "expected weights of type float32"),
        ({"weights_hidden_output": np.ones((4, 2), "int16")}, "expected weights of type float32"),
    ],
)
def test_damaged_scales_are_refused(tmp_path, change, message):
    """None, too many, not numbers, and whole numbers."""
    path = tmp_path / "model.npz"
    arrays = GOOD | {
        "weights_input_hidden": np.ones((2, 3), "int8"),
        "weights_input_hidden_scales": np.ones(2, "float32"),
    }
    save_raw(path, **arrays, settings=np.array(json.dumps(SETTINGS)))
    assert load_model(path).sizes == (3, 2, 4)
    arrays = {name: array for name, array in (arrays | change).items() if array is not None}
    save_raw(path, **arrays, settings=np.array(json.dumps(SETTINGS)))
    with pytest.raises(ModelError, match=message):
        load_model(path)


def test_compact_weights_may_not_unpack_to_more_than_the_most(tmp_path, monkeypatch):
    """Bytes become floats of four bytes each."""
    save_model(Network(100, 50, 10, seed=1), tmp_path / "compact.npz", compact=True)
    monkeypatch.setattr("nn.saving.model_file.LARGEST_BYTES", 4 * 100 * 50 - 1)
    with pytest.raises(ModelError, match="expected at most 4,999 weights of 8 bits"):
        load_model(tmp_path / "compact.npz")
