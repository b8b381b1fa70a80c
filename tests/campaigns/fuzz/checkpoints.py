"""Checkpoints: damaged ones, and those whose hash is right and whose content is not."""

import hashlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np

from nn.backends import start_backend
from nn.errors import UnknownNameError
from nn.network import Network
from nn.saving.autosaver import Autosaver
from nn.saving.checkpoint import Checkpoint, CheckpointError, CheckpointFiles
from nn.saving.model_file import weights_of
from tests.campaigns.fuzz.csv_text import ORIGINALS as CSV_ORIGINALS
from tests.campaigns.fuzz.formats import Files, Format
from tests.campaigns.fuzz.models import ODD_VALUES, archive, declare_shape, npy, odd_array, parts_of
from tests.campaigns.fuzz.mutations import Choices, mutated

MODEL = "model.npz"
NAME = f"{MODEL}.checkpoint-b"
_FOOTER_BYTES = 8 + 32  # the mark, and a BLAKE2s hash of all before it


def _original() -> bytes:
    """Let the kit write a checkpoint of a small training."""
    network = Network(hidden_nodes=2, seed=1)
    identity = {"hidden_nodes": 2, "epochs": 1, "seed": 1, "training_digits": "none"}
    with tempfile.TemporaryDirectory() as name:
        files = CheckpointFiles(Path(name) / MODEL)
        files.write(Checkpoint(identity, "dense", 0, 16, weights_of(network)))
        return (Path(name) / NAME).read_bytes()


ORIGINAL = _original()
PARTS = parts_of(ORIGINAL[:-_FOOTER_BYTES])


def with_mended_hash(content: bytes) -> bytes:
    """Give the content a hash that is right, so that it is looked at."""
    mark = ORIGINAL[-_FOOTER_BYTES:][:8]
    return content + mark + hashlib.blake2s(content, digest_size=32).digest()


def _odd_facts(choices: Choices) -> bytes:
    """Make facts that JSON can say and a training may not have."""
    facts = json.loads(str(np.load(io.BytesIO(PARTS["facts.npy"]))))
    for _ in range(1 + choices.up_to(1)):
        facts[choices.one_of(sorted(facts))] = choices.one_of(ODD_VALUES)
    return npy(np.array(json.dumps(facts)))


def _content(choices: Choices) -> bytes:
    kind = choices.up_to(2)
    if kind == 0:
        return mutated(choices, ORIGINAL)
    if kind == 1:
        return with_mended_hash(mutated(choices, ORIGINAL[:-_FOOTER_BYTES]))
    parts = dict(PARTS)
    for _ in range(1 + choices.up_to(1)):
        name = choices.one_of(sorted(parts))
        if choices.up_to(1):
            parts[name] = mutated(choices, parts[name], declare_shape, declare_shape)
        else:
            parts[name] = (_odd_facts if name == "facts.npy" else odd_array)(choices)
    return with_mended_hash(archive(parts, choices.one_of([False, True])))


def _make(choices: Choices) -> Files:
    return {NAME: _content(choices), "digits.csv": CSV_ORIGINALS[0]}


def _accepts(folder: Path, files: Files) -> bool:
    checkpoints = CheckpointFiles(folder / MODEL)
    network = Network(hidden_nodes=2, seed=1)
    try:
        found = checkpoints.newest()
        steps = start_backend(network, found.backend)
        place = Autosaver(checkpoints, dict, checkpoint=found).begin(network, steps.name)
    except (CheckpointError, UnknownNameError) as error:
        assert files[NAME] != ORIGINAL, f"refused: {error}"
        assert "\n" not in str(error)
        return False
    finally:
        assert not Path("pickle-was-loaded").exists(), "a pickle was loaded"
    assert min(place) >= 0
    assert network.weights_input_hidden.shape == (2, 784)
    return True


# Whatever is in it, it is no checkpoint of these digits: the command always refuses.
_COMMAND = "train --train digits.csv --hidden-nodes 2 --resume --model".split()
FORMAT = Format("checkpoint", _make, _accepts, (*_COMMAND, MODEL), always_refused=True)
