"""The grid, the interrupted sweep and the vote, against the same trainings done here."""

import collections
import json

import numpy as np
import pytest

from nn.network import Network
from nn.signals import one_hot
from scripts.bench.notebook_runner import executed
from tests.notebooks.oracles import read_digits

pytestmark = pytest.mark.slow

RESULTS = (
    "__import__('json').dumps("
    "[{'task': each.task, 'accuracy': each.accuracy} for each in results.of(tasks)])"
)


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed."""
    with executed(kit, "11", mnist_or_sample) as run:
        yield run


@pytest.fixture(scope="module")
def labels(kit, mnist_or_sample):
    """The labels of the test digits."""
    return read_digits(kit, mnist_or_sample, "test")[1]


def test_each_task_has_one_result(run):
    """18 of them, in whichever order they were done."""
    tasks = json.loads(run.value("__import__('json').dumps(tasks)"))
    assert len(tasks) == 18
    found = json.loads(run.value(RESULTS))
    assert [each["task"] for each in found] == tasks


def test_a_result_is_that_of_plain_training(run, kit, mnist_or_sample, labels):
    """The book's steps in batches of 16, with numpy alone, end within rounding of it."""
    pixels, targets = (each[:1000] for each in read_digits(kit, mnist_or_sample, "train"))
    test_pixels, _ = read_digits(kit, mnist_or_sample, "test")
    for found in json.loads(run.value(RESULTS))[4:6]:
        task = found["task"]
        network = Network(
            hidden_nodes=task["hidden_nodes"], learning_rate=task["learning_rate"], seed=1
        )
        for first in range(0, 1000, 16):
            batch = slice(first, first + 16)
            inputs = (pixels[batch] / 255 * 0.99 + 0.01).astype("float32")
            network.train(inputs, one_hot(targets[batch], 10, "float32"))
        answers = network.query(test_pixels / 255 * 0.99 + 0.01).argmax(axis=1)
        assert found["accuracy"] == pytest.approx((answers == labels).mean(), abs=0.005)


def test_the_best_is_the_highest_mean(run):
    """Of three seeds each, by plain Python."""
    groups = collections.defaultdict(list)
    for found in json.loads(run.value(RESULTS)):
        task = found["task"]
        groups[task["learning_rate"], task["hidden_nodes"]].append(found["accuracy"])
    assert {len(group) for group in groups.values()} == {3}
    place, group = max(groups.items(), key=lambda item: sum(item[1]))
    assert run.value("[best.learning_rate, best.hidden_nodes]") == list(place)
    assert run.value("best.mean") == pytest.approx(sum(group) / 3)


def test_an_interrupted_sweep_loses_nothing(run):
    """Five before, thirteen after, each as in the first sweep."""
    assert "13 of 18 are missing" in run.texts
    assert "18 lines for 18 tasks; the same accuracies: True" in run.texts


def test_the_vote_is_the_most_frequent_answer(run, labels):
    """Counted by the standard library; it beats each network alone."""
    answers = run.value("answers.tolist()")
    votes = []
    for column in zip(*answers, strict=True):
        counts = collections.Counter(column)
        votes.append(min(counts, key=lambda figure: (-counts[figure], figure)))
    share = float((np.array(votes) == labels).mean())
    assert run.value("float(together)") == pytest.approx(share)
    assert run.value("alone.tolist()") == pytest.approx(
        [(np.array(each) == labels).mean() for each in answers]
    )
    assert share > max(run.value("alone.tolist()"))


def test_what_is_said_of_agreement(run):
    """Where all agree, the vote is right far more often."""
    split = run.value("float((vote(answers) == labels)[agree < 9].mean())")
    whole = run.value("float((vote(answers) == labels)[agree == 9].mean())")
    assert whole > split + 0.2


def test_pictures_are_drawn_in_little_memory(run):
    """The rounds, the heat map, the voters; with Dask, under 200 MB."""
    assert run.pictures == 3
    assert run.peak_mb < 200
