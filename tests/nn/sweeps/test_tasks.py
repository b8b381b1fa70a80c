"""One training of a sweep: what it trains on, and what it returns."""

import dataclasses
import json

import numpy as np
import pytest

from nn.data.dataset import ArrayDataset, open_dataset
from nn.data.sources import DATASET_FOLDER, SAMPLE_NAME
from nn.presets import PRESETS
from nn.sweeps import tasks
from nn.sweeps.grid import Grid
from nn.sweeps.tasks import Part, run_task, run_text
from nn.training import evaluate, train

SMALL = dataclasses.replace(PRESETS["smoke"], samples=300, hidden_nodes=10)


def one_task(**changes) -> dict:
    grid = Grid(SMALL, (0.1,), (10,), answers=True)
    return grid.tasks(SAMPLE_NAME)[0] | changes


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
@pytest.mark.parametrize("folds", [2, 3, 7])
def test_each_row_is_tested_in_one_fold(folds, rows, digits):
    """And trained on in all others, in blocks of exactly the size that was asked for."""
    dataset = ArrayDataset(*digits)
    tested = []
    for fold in range(folds):
        for inside in (True, False):
            blocks = list(Part(dataset, folds, fold, inside=inside).blocks(rows))
            assert all(len(labels) == rows for _, labels in blocks[:-1])
            assert 0 < len(blocks[-1][1]) <= rows
            pixels = np.concatenate([pixels for pixels, _ in blocks])
            chosen = (np.arange(700) % folds == fold) == inside
            assert (pixels == digits[0][chosen]).all()
            if inside:
                tested.append(np.concatenate([labels for _, labels in blocks]))
    assert sum(map(len, tested)) == 700
    assert sorted(np.concatenate(tested)) == sorted(digits[1])


def test_a_task_is_what_train_and_test_do():
    """The same accuracy as from `train` and `evaluate`, and the answers behind it."""
    found = run_task(one_task())
    network = dataclasses.replace(SMALL, learning_rate=0.1).network()
    pixels, labels = next(iter(open_dataset(DATASET_FOLDER / "sample_train.csv.gz").blocks(300)))
    train(network, ArrayDataset(pixels, labels), epochs=2)
    test_set = open_dataset(DATASET_FOLDER / "sample_test.csv.gz")
    assert found["accuracy"] == evaluate(network, test_set).accuracy
    labels = np.concatenate([labels for _, labels in test_set.blocks()])
    answers = np.array([int(figure) for figure in found["answers"]])
    assert found["correct"] == (answers == labels).sum()
    assert found["samples"] == len(labels)
    assert found["numpy"] == np.__version__


def test_every_setting_of_a_preset_counts():
    """Also those that only the best presets have."""
    preset = dataclasses.replace(
        PRESETS["best"], samples=200, hidden_nodes=10, epochs=2, learning_rate=0.2
    )
    found = run_task(Grid(preset, (0.2,), (10,), answers=True).tasks(SAMPLE_NAME)[0])
    network = preset.network()
    pixels, labels = next(iter(open_dataset(DATASET_FOLDER / "sample_train.csv.gz").blocks(200)))
    train(network, ArrayDataset(pixels, labels), **preset.training())
    test_set = open_dataset(DATASET_FOLDER / "sample_test.csv.gz")
    assert found["accuracy"] == evaluate(network, test_set).accuracy


def test_a_fold_does_not_see_the_test_digits():
    """It tests on a third of its own rows."""
    assert run_task(one_task(folds=3, fold=1))["samples"] == 100


def test_only_text_goes_in_and_out():
    """An order, and its result."""
    order = json.dumps({"task": one_task(answers=False), "versions": tasks.versions()})
    answer = run_text(order)
    assert type(answer) is str
    assert "answers" not in json.loads(answer)["result"]


def test_another_version_is_named_and_nothing_is_run():
    """By the worker, with its own versions."""
    order = json.dumps({"task": {}, "versions": {"kit": "0.0.1", "Dask": "1"}})
    assert json.loads(run_text(order))["versions"] == tasks.versions()


def test_digits_that_are_not_here_are_an_error_in_words():
    """Not an exception, which another version of Python might not read."""
    order = json.dumps({"task": one_task(dataset="MNIST-2"), "versions": tasks.versions()})
    assert "expected the digits of MNIST-2 in" in json.loads(run_text(order))["error"]
