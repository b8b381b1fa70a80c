"""What `make measure-best` leaves out, trains on and prints."""

from dataclasses import asdict

import numpy as np
import pytest

from nn.data.dataset import ArrayDataset
from nn.presets import PRESETS
from scripts.bench import measure_best


@pytest.mark.parametrize("name", ["best", "best-night"])
def test_each_variant_leaves_one_thing_out(name):
    """One setting differs, or the rate and its end, or both distortions."""
    preset = asdict(PRESETS[name])
    differing = {
        what: {key for key, value in asdict(variant).items() if value != preset[key]}
        for what, variant in measure_best.variants(PRESETS[name]).items()
    }
    assert sorted(map(len, differing.values())) == [0, 1, 1, 1, 1, 1, 2, 2]
    assert differing["half the hidden nodes"] == {"hidden_nodes"}
    assert differing["no distortions"] == {"affine", "elastic"}


def test_the_digits_held_back_are_not_trained_on(monkeypatch):
    """50,000 to train and the 10,000 others to test; the test file only when it is named."""
    rows = np.arange(60_000) % 10
    sets = {"train": ArrayDataset(np.zeros((60_000, 1), np.uint8), rows), "test": "test digits"}
    seen = []
    monkeypatch.setattr(measure_best, "loaded", sets.get)
    monkeypatch.setattr(measure_best, "measure", lambda *words: seen.append(words))
    measure_best.accuracy(PRESETS["best"], 3, "train", None)
    measure_best.accuracy(PRESETS["best"], 4, "train", "test")
    (preset, training_set, test_set, _), (other, whole, tested_on, _) = seen
    assert (preset.seed, other.seed) == (3, 4)
    assert (len(training_set.labels), len(test_set.labels)) == (50_000, 10_000)
    assert (len(whole.labels), tested_on) == (60_000, "test digits")


def test_the_table_has_mean_and_range():
    """Two presets beside each other."""
    lines = measure_best.table(
        {
            "a": {"as it is": [0.5, 0.75], measure_best.TESTED: [0.25, 0.5, 0.75]},
            "b": {"as it is": [0.8], measure_best.TESTED: [0.8]},
        }
    )
    assert lines[0] == "| mean (lowest to highest) | `a` | `b` |"
    assert lines[2] == "| as it is | 62.50% (50.00% to 75.00%) | 80.00% (80.00% to 80.00%) |"
    assert lines[3] == (
        f"| {measure_best.TESTED} | 50.00% (25.00% to 75.00%) | 80.00% (80.00% to 80.00%) |"
    )
