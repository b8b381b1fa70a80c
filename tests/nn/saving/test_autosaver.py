"""A training that is broken off anywhere and goes on ends as if it had never been."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from nn.augment import distortions, rotations
from nn.backends import BACKENDS
from nn.data.dataset import ArrayDataset, FirstRows, open_dataset
from nn.data.packed import packed_paths
from nn.learning_curve import LearningCurve
from nn.network import Network
from nn.saving.autosaver import Autosaver
from nn.saving.checkpoint import CheckpointError, CheckpointFiles
from nn.training import train
from tests.conftest import csv_text, write_idx


class StopAfter(Autosaver):
    """An autosaver that asks itself to stop after so many blocks, as a signal would."""

    def __init__(self, *words, blocks: int, **settings):
        super().__init__(*words, **settings)
        self._left = blocks

    def after_block(self, epoch, row):
        """Count it."""
        self._left -= 1
        if self._left == 0:
            self._stop = True
        return super().after_block(epoch, row)


def in_stretches(make_dataset, folder, stretches, *, with_curve=False, **settings):
    """Train, stopped after each of `stretches` blocks; each goes on in a new process's state."""
    for blocks in stretches:
        files = CheckpointFiles(folder / "m.npz")
        found = files.newest() if files.exist() else None
        curve = LearningCurve(stretch=50) if with_curve else None
        network = Network(hidden_nodes=8, seed=4)
        autosaver = StopAfter(files, dict, checkpoint=found, curve=curve, blocks=blocks)
        samples = train(network, make_dataset(), on_errors=curve, autosaver=autosaver, **settings)
        if not autosaver.stopped:
            return network, samples, curve
    raise AssertionError("not finished: give more stretches")


def unbroken(dataset, with_curve=False, **settings):
    curve = LearningCurve(stretch=50) if with_curve else None
    network = Network(hidden_nodes=8, seed=4)
    samples = train(network, dataset, on_errors=curve, **settings)
    return network, samples, curve


def assert_same(ours, theirs):
    (network, samples, curve), (expected, expected_samples, expected_curve) = ours, theirs
    assert network.weights_input_hidden.tobytes() == expected.weights_input_hidden.tobytes()
    assert network.weights_hidden_output.tobytes() == expected.weights_hidden_output.tobytes()
    assert samples == expected_samples
    if curve:
        assert curve.points() == expected_curve.points()


# 700 digits are three blocks, the last of 188
STRETCHES = {
    "in an epoch": [1, 60],
    "at an epoch's end": [3, 60],
    "in the last block": [6, 60],
    "often": [1, 1, 1, 2, 60],
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("where", STRETCHES)
def test_a_broken_training_ends_as_an_unbroken_one(tmp_path, digits, backend, where):
    """Bit by bit, over two epochs."""
    settings = {"epochs": 2, "backend": backend}
    dataset = ArrayDataset(*digits)
    stretches = itertools.chain(STRETCHES[where], itertools.repeat(1000))
    broken = in_stretches(lambda: dataset, tmp_path, stretches, **settings)
    assert_same(broken, unbroken(dataset, **settings))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("with_curve", [False, True])
@pytest.mark.parametrize("augment", [None, rotations(10), distortions(1, 1, 1)])
@pytest.mark.parametrize("batch_size", [1, 7, 300])
def test_so_it_does_with_every_setting(tmp_path, digits, backend, with_curve, augment, batch_size):
    """Turned digits, a learning curve, batches that do not fit a block, the first 650 rows."""
    settings = {
        "backend": backend,
        "augment": augment,
        "batch_size": batch_size,
        "final_learning_rate": 0.01,
        "with_curve": with_curve,
    }
    dataset = FirstRows(ArrayDataset(*digits), 650)
    stretches = [1, 1, 2, 10_000]
    broken = in_stretches(lambda: dataset, tmp_path, stretches, epochs=2, **settings)
    assert_same(broken, unbroken(dataset, epochs=2, **settings))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_packed_file_that_appears_or_goes_changes_nothing(tmp_path, digits, backend):
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

    broken = in_stretches(open_anew, tmp_path, [1, 2, 1, 1000], epochs=2, backend=backend)
    assert_same(broken, unbroken(ArrayDataset(*digits), epochs=2, backend=backend))


def test_a_finished_training_goes_on_with_nothing(tmp_path, digits):
    """Kept after its last batch: the rows are read, and counted, and nothing is learned."""
    dataset = open_dataset(write_idx(tmp_path, *digits))
    broken = in_stretches(lambda: dataset, tmp_path, [3, 1])
    assert_same(broken, unbroken(dataset))


class CountingFiles:
    """Takes so long to write, and notes when."""

    def __init__(self, clock, seconds: float):
        self.clock, self.seconds, self.places = clock, seconds, []

    def write(self, checkpoint):
        """Let the time pass that it takes."""
        self.clock.now += self.seconds
        self.places.append((checkpoint.epoch, checkpoint.row))


def saves(digits, *, block_seconds: float, save_seconds: float, epochs: int, every: float = 60):
    """Train on a clock that each block moves on; return where the training was saved."""
    clock = SimpleNamespace(now=1000.0)
    files = CountingFiles(clock, save_seconds)
    autosaver = Autosaver(files, dict, clock=lambda: clock.now, every=every)

    def let_time_pass(_rows):
        clock.now += block_seconds

    network = Network(hidden_nodes=2, seed=1)
    train(network, ArrayDataset(*digits), epochs=epochs, on_rows=let_time_pass, autosaver=autosaver)
    assert autosaver.saves == len(files.places)
    assert autosaver.seconds == pytest.approx(save_seconds * autosaver.saves)
    return files.places


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
    autosaver = Autosaver(Full(), dict, every=0, say=said.append)
    network = Network(hidden_nodes=8, seed=4)
    samples = train(network, ArrayDataset(*digits), autosaver=autosaver)
    assert said == [
        "Training continues, but could not be saved: m.npz.checkpoint-a: No space left on device"
    ]
    assert_same((network, samples, None), unbroken(ArrayDataset(*digits)))


def test_a_stop_is_refused_when_there_is_nothing_to_save(tmp_path):
    """Nothing trained yet: what asks may stop at once."""
    assert not Autosaver(CheckpointFiles(tmp_path / "m.npz"), dict).stop()


def test_a_checkpoint_of_another_network_is_refused(tmp_path, digits):
    """Its shapes differ."""
    files = CheckpointFiles(tmp_path / "m.npz")
    autosaver = Autosaver(files, dict, every=0)
    train(Network(hidden_nodes=8), ArrayDataset(*digits), autosaver=autosaver)
    other = Autosaver(files, dict, checkpoint=files.newest())
    with pytest.raises(
        CheckpointError, match=r"does not match this network .*\(9, 784\), got .*\(8, 784"
    ):
        train(Network(hidden_nodes=9), ArrayDataset(*digits), autosaver=other)


def test_backends_are_not_mixed(tmp_path, digits):
    """A checkpoint names the backend that made it."""
    for backend in BACKENDS:
        files = CheckpointFiles(tmp_path / backend)
        network, autosaver = Network(hidden_nodes=8), Autosaver(files, dict, every=0)
        train(network, ArrayDataset(*digits), autosaver=autosaver, backend=backend)
        assert files.newest().backend == autosaver.backend == backend


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_saved_is_what_was_trained(tmp_path, digits, backend):
    """Whole weights, in a network's own layout."""
    files = CheckpointFiles(tmp_path / "m.npz")
    network, autosaver = Network(hidden_nodes=8), Autosaver(files, dict, every=0)
    train(network, ArrayDataset(*digits), autosaver=autosaver, backend=backend)
    for name, weights in files.newest().weights.items():
        assert np.array_equal(weights, getattr(network, name))
