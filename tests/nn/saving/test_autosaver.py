"""A training that is broken off anywhere and goes on ends as if it had never been."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from nn.augment import rotations, unchanged
from nn.autosaver import Journal, TrainingStopped
from nn.backends import EXECUTIONS
from nn.data.dataset import ArrayDataset, FirstRows, open_dataset
from nn.data.packed import packed_paths
from nn.network import Network
from nn.saving.checkpoint import CheckpointError, Generations
from nn.training import LearningCurve, train
from tests.conftest import csv_text, write_idx


class StopAfter(Journal):
    """A journal that asks itself to stop after so many batches, as a signal would."""

    def __init__(self, *words, batches: int, **settings):
        super().__init__(*words, **settings)
        self._left = batches

    def after_batch(self, place):
        """Count it."""
        self._left -= 1
        if self._left == 0:
            self._stop = True
        super().after_batch(place)


def in_stretches(make_dataset, folder, stretches, *, with_curve=False, **settings):
    """Train, stopped after each of `stretches` batches; each goes on in a new process's state."""
    for batches in stretches:
        generations = Generations(folder / "m.npz")
        found = generations.newest() if generations.exist() else None
        curve = LearningCurve(stretch=50) if with_curve else None
        network = Network(hidden_nodes=8, seed=4)
        words = {"found": found, "curve": curve, "batches": batches}
        journal = StopAfter(generations, dict, **words)
        try:
            report = train(network, make_dataset(), on_batch=curve, journal=journal, **settings)
        except TrainingStopped:
            continue
        return network, report, curve
    raise AssertionError("not finished: give more stretches")


def unbroken(dataset, with_curve=False, **settings):
    curve = LearningCurve(stretch=50) if with_curve else None
    network = Network(hidden_nodes=8, seed=4)
    report = train(network, dataset, on_batch=curve, **settings)
    return network, report, curve


def assert_same(ours, theirs):
    (network, report, curve), (expected, expected_report, expected_curve) = ours, theirs
    assert network.weights_input_hidden.tobytes() == expected.weights_input_hidden.tobytes()
    assert network.weights_hidden_output.tobytes() == expected.weights_hidden_output.tobytes()
    assert report.samples == expected_report.samples
    assert network.generator.random() == expected.generator.random()
    if curve:
        assert curve.points() == expected_curve.points()


# 700 digits in batches of 16: a block is 16 batches, the last 12 of them; an epoch has 44
STRETCHES = {
    "in a block": [5, 60],
    "at a block's end": [16, 60],
    "in the last batch": [44, 60],
    "often": [1, 1, 15, 3, 20, 4, 1, 44, 60],
}


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("where", STRETCHES)
def test_a_broken_training_ends_as_an_unbroken_one(tmp_path, digits, execution, where):
    """Bit by bit, over two epochs."""
    settings = {"epochs": 2, "execution": execution}
    dataset = ArrayDataset(*digits)
    stretches = itertools.chain(STRETCHES[where], itertools.repeat(1000))
    broken = in_stretches(lambda: dataset, tmp_path, stretches, **settings)
    assert_same(broken, unbroken(dataset, **settings))


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("with_curve", [False, True])
@pytest.mark.parametrize("augment", [unchanged, rotations(10)])
@pytest.mark.parametrize("batch_size", [1, 7, 300])
def test_so_it_does_with_every_setting(
    tmp_path, digits, execution, with_curve, augment, batch_size
):
    """Turned digits, a learning curve, batches that do not fit a block, the first 650 rows."""
    settings = {
        "execution": execution,
        "augment": augment,
        "batch_size": batch_size,
        "with_curve": with_curve,
    }
    dataset = FirstRows(ArrayDataset(*digits), 650)
    stretches = [1, 1, 90, 170, 10_000]
    broken = in_stretches(lambda: dataset, tmp_path, stretches, epochs=2, **settings)
    assert_same(broken, unbroken(dataset, epochs=2, **settings))


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_packed_file_that_appears_or_goes_changes_nothing(tmp_path, digits, execution):
    """Text, then packed bytes, then text: the readers' blocks differ, the training's do not."""
    csv = tmp_path / "digits.csv"
    csv.write_bytes(csv_text(*digits))

    def open_anew():
        packed = packed_paths(csv)[0]
        if packed.exists():
            packed.unlink()
        else:
            for _ in open_dataset(csv).blocks():
                pass
            assert packed.exists()
        return open_dataset(csv)

    broken = in_stretches(open_anew, tmp_path, [9, 30, 30, 1000], epochs=2, execution=execution)
    assert_same(broken, unbroken(ArrayDataset(*digits), epochs=2, execution=execution))


def test_a_finished_training_goes_on_with_nothing(tmp_path, digits):
    """Kept after its last batch: the rows are read, and counted, and nothing is learned."""
    dataset = open_dataset(write_idx(tmp_path, *digits))
    broken = in_stretches(lambda: dataset, tmp_path, [44, 1])
    assert_same(broken, unbroken(dataset))


class CountingGenerations:
    """Takes so long to write, and notes when."""

    def __init__(self, clock, seconds: float):
        self.clock, self.seconds, self.places = clock, seconds, []

    def write(self, checkpoint):
        """Let the time pass that it takes."""
        self.clock.now += self.seconds
        self.places.append(tuple(checkpoint.place))


def saves(digits, *, block_seconds: float, save_seconds: float, epochs: int, every: float = 60):
    """Train on a clock that each block moves on; return where the training was saved."""
    clock = SimpleNamespace(now=1000.0)
    generations = CountingGenerations(clock, save_seconds)
    journal = Journal(generations, dict, clock=lambda: clock.now, every=every)

    def let_time_pass(_rows):
        clock.now += block_seconds

    network = Network(hidden_nodes=2, seed=1)
    train(network, ArrayDataset(*digits), epochs=epochs, on_rows=let_time_pass, journal=journal)
    assert journal.saves == len(generations.places)
    assert journal.seconds == pytest.approx(save_seconds * journal.saves)
    return generations.places


def test_it_is_saved_every_minute_and_at_each_epochs_end(digits):
    """Blocks of 256 rows that take 40 s each."""
    every_minute = [(0, 512), (0, 700), (1, 512), (1, 700)]
    assert saves(digits, block_seconds=40, save_seconds=0.1, epochs=2) == every_minute


def test_short_epochs_are_saved_now_and_then(digits):
    """Epochs of 3 s and saves of 0.05 s: each second one, for a save waits 5 s."""
    found = saves(digits, block_seconds=1, save_seconds=0.05, epochs=6)
    assert found == [(1, 700), (3, 700), (5, 700)]


def test_on_a_slow_card_saves_are_rarer(digits):
    """Saves that take 3 s: after the first, not before 300 s are over."""
    found = saves(digits, block_seconds=61, save_seconds=3, epochs=4)
    assert found == [(0, 256), (1, 700), (3, 512)]


def test_all_the_time_when_asked(digits):
    """--checkpoint-every 0: after each block."""
    found = saves(digits, block_seconds=0, save_seconds=9, epochs=1, every=0)
    assert found == [(0, 256), (0, 512), (0, 700)]


def test_a_disk_that_is_full_does_not_end_a_training(digits):
    """It is said once; the training ends as it would."""

    class Full:
        def write(self, checkpoint):
            """Fail as a full disk does."""
            raise OSError(28, "No space left on device", "m.npz.checkpoint-a")

    said = []
    journal = Journal(Full(), dict, every=0, say=said.append)
    network = Network(hidden_nodes=8, seed=4)
    report = train(network, ArrayDataset(*digits), journal=journal)
    assert said == [
        "The training goes on, but could not be saved: m.npz.checkpoint-a: No space left on device"
    ]
    assert_same((network, report, None), unbroken(ArrayDataset(*digits)))


def test_a_stop_is_refused_when_there_is_nothing_to_save(tmp_path):
    """Nothing trained yet: what asks may stop at once."""
    assert not Journal(Generations(tmp_path / "m.npz"), dict).stop()


def test_a_checkpoint_of_another_network_is_refused(tmp_path, digits):
    """Its shapes differ."""
    generations = Generations(tmp_path / "m.npz")
    journal = Journal(generations, dict, every=0)
    train(Network(hidden_nodes=8), ArrayDataset(*digits), journal=journal)
    other = Journal(generations, dict, found=generations.newest())
    with pytest.raises(CheckpointError, match=r"does not fit .*\(9, 784\), got .*\(8, 784"):
        train(Network(hidden_nodes=9), ArrayDataset(*digits), journal=other)


def test_executions_are_not_mixed(tmp_path, digits):
    """A checkpoint names the execution that made it."""
    for execution in EXECUTIONS:
        generations = Generations(tmp_path / execution)
        network, journal = Network(hidden_nodes=8), Journal(generations, dict, every=0)
        train(network, ArrayDataset(*digits), journal=journal, execution=execution)
        assert generations.newest().execution == execution


def test_the_state_of_the_weights_is_a_copy(tmp_path, digits):
    """What is read back is what was trained, in a network's own layout."""
    generations = Generations(tmp_path / "m.npz")
    network, journal = Network(hidden_nodes=8), Journal(generations, dict, every=0)
    train(network, ArrayDataset(*digits), journal=journal, execution="sparse")
    found = generations.newest().arrays["weights_input_hidden"]
    assert np.array_equal(found, network.weights_input_hidden)
