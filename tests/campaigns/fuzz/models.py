"""Model files: damaged archives, and whole ones that hold something else than a model."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from nn.cli.files import load_reader
from nn.saving.model_file import FORMAT as MODEL_FORMAT
from nn.saving.model_file import ModelError
from nn.signals import one_hot
from tests.campaigns.fuzz.formats import Files, Format
from tests.campaigns.fuzz.mutations import HUGE_NUMBERS, NUMBERS, Choices, mutated

NAME = "model.npz"
SETTINGS = {
    "format": MODEL_FORMAT,
    "learning_rate": 0.1,
    "rule": "multiply",
    "seed": 1,
    "about": {},
}


def npy(array: np.ndarray) -> bytes:
    """Write an array as a part of an .npz."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _parts(dtype: str) -> Files:
    generator = np.random.default_rng(1)
    return {
        "settings.npy": npy(np.array(json.dumps(SETTINGS))),
        "weights_input_hidden.npy": npy(generator.normal(0, 0.04, (2, 784)).astype(dtype)),
        "weights_hidden_output.npy": npy(generator.normal(0, 0.7, (10, 2)).astype(dtype)),
    }


def archive(parts: Files, compressed: bool = False) -> bytes:
    """Put arrays into an .npz, as they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name, content in parts.items():
            method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
            target.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def parts_of(content: bytes) -> Files:
    """Take the arrays out of an .npz, as they are."""
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        return {name: source.read(name) for name in source.namelist()}


PARTS = [_parts(dtype) for dtype in ("float32", "float64")]
ORIGINALS = [archive(parts) for parts in PARTS]


def _picture() -> bytes:
    """Draw a stroke, for the models to look at."""
    pixels = np.full((30, 30), 255, np.uint8)
    pixels[5:25, 14:17] = 0
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


PICTURE = _picture()


class Exploit:
    """What a pickle does when somebody loads it."""

    def __reduce__(self):
        return (Path.touch, (Path("pickle-was-loaded"),))


ODD_VALUES = (None, True, -1, 0, 0.1, 1e308, -1e308, 10**400, 2**70, "", "equal", [], {}, [[]])
_TYPES = (
    "<f4",
    "<f8",
    "<f2",
    ">f4",
    "<i4",
    "u1",
    "<c8",
    "?",
    "S3",
    "<U2",
    "M8[s]",
    "f4,f4",
    "<f16",
)
_SHAPES = ((2, 784), (10, 2), (3, 784), (10, 3), (0, 784), (10, 0), (2,), (), (2, 1, 2))


def _settings(choices: Choices) -> bytes:
    """Make settings that JSON can say and a network may not have."""
    settings = dict(SETTINGS)
    for _ in range(choices.up_to(2)):
        settings[choices.one_of(sorted(SETTINGS))] = choices.one_of(ODD_VALUES)
    text = json.dumps(settings)
    if choices.up_to(1):
        text = mutated(choices, text.encode()).decode("latin-1")
    return npy(np.array(text))


def odd_array(choices: Choices) -> bytes:
    """Make matrices of odd sizes, types and values, or what numpy would have to unpickle."""
    kind = choices.up_to(7)
    if kind == 0:
        return np.lib.format.magic(1, 0) + pickle.dumps(Exploit())
    if kind == 1:
        return npy(np.array([Exploit()], dtype=object))
    array = np.zeros(choices.one_of(_SHAPES), choices.one_of(_TYPES))
    if array.dtype.kind == "f":
        limits = np.finfo(array.dtype)
        values = (0, 1, -1, limits.max, limits.min, limits.tiny, np.inf, np.nan)
        array[...] = choices.one_of(values)
        array.reshape(-1)[::2] = choices.one_of(values)
    return npy(array)


def declare_shape(choices: Choices, content: bytearray) -> None:
    """Let the header of an array promise another shape, often a huge one."""
    start, end = content.find(b"("), content.find(b")")
    if 0 <= start < end:
        sides = [choices.one_of(NUMBERS + HUGE_NUMBERS) for _ in range(choices.up_to(3))]
        content[start : end + 1] = b"(" + b"".join(b"%d," % side for side in sides) + b")"


def _content(choices: Choices) -> bytes:
    if choices.up_to(1):
        return mutated(choices, choices.one_of(ORIGINALS))
    parts = dict(choices.one_of(PARTS))
    for _ in range(1 + choices.up_to(1)):
        name = choices.one_of(sorted(parts))
        if choices.up_to(1):
            parts[name] = mutated(choices, parts[name], declare_shape, declare_shape)
        else:
            parts[name] = (_settings if name.startswith("settings") else odd_array)(choices)
    return archive(parts, choices.one_of([False, True]))


def _make(choices: Choices) -> Files:
    return {NAME: _content(choices), "digit.png": PICTURE}


def _accepts(folder: Path, files: Files) -> bool:
    try:
        network, _ = load_reader(str(folder / NAME))
    except ModelError as error:
        assert files[NAME] not in ORIGINALS, f"refused: {error}"
        assert "\n" not in str(error)
        return False
    finally:
        assert not Path("pickle-was-loaded").exists(), "a pickle was loaded"
    outputs = network.query(np.full(784, 0.5, network.dtype))
    assert outputs.shape == (10,)
    assert np.isfinite(outputs).all()
    assert np.isfinite(network.backquery(one_hot(np.arange(10), 10, network.dtype))).all()
    assert isinstance(network.about, dict)
    return True


FORMAT = Format("model", _make, _accepts, ("query", "digit.png", "--model", NAME))
