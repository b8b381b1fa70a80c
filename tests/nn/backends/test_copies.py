"""Nothing copies the weights, or a block of digits twice: copies took most of a Pi Zero's time."""

import tracemalloc

import numpy as np
import pytest

from nn.backends import BACKENDS, start_backend
from nn.backends.sparse import sparse_tools
from nn.data.csv_file import BLOCK_BYTES, LONGEST_LINE, read_csv
from nn.data.dataset import ArrayDataset
from nn.data.streams import Stream
from nn.network import Network
from nn.rules import RULES
from nn.saving.checkpoint import Checkpoint, write_checkpoint
from nn.saving.model_file import write_arrays
from nn.signals import one_hot, scale_pixels
from nn.training import evaluate, train
from tests.conftest import csv_text

BATCH = 16


@pytest.fixture
def inked(digits):
    """256 digits of which a third of the pixels is never inked, and their labels."""
    pixels, labels = digits
    pixels[:, ::3] = 0
    return np.ascontiguousarray(pixels[:256]), labels[:256]


def peak_bytes(work) -> int:
    """What a call allocates at the most, beyond what there was before; numpy tells tracemalloc."""
    work()  # what is kept from the first call on
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_a_copy_is_seen():
    """The measure itself: one copy of some weights is as many bytes."""
    weights = np.zeros((200, 784), "float32")
    assert peak_bytes(lambda: weights + 1) == pytest.approx(weights.nbytes, rel=0.01)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("hidden_nodes", [100, 200])
@pytest.mark.parametrize("backend", BACKENDS)
def test_no_step_allocates_an_array_of_the_weights_size(inked, backend, hidden_nodes, rule):
    """A batch, forward and back, in each backend: little more than half of their bytes at most."""
    pixels, labels = inked
    network = Network(hidden_nodes=hidden_nodes, rule=rule, seed=1)
    steps = start_backend(network, backend)
    targets = one_hot(labels[:BATCH])
    peak = peak_bytes(lambda: steps.train_block([pixels[:BATCH]], targets, BATCH))
    assert peak < network.weights_input_hidden.nbytes * 0.6


@pytest.mark.parametrize("batch_size", [1, BATCH])
def test_nor_does_the_networks_own_step(inked, batch_size):
    """As the book's adapter takes it, and on the way forward alone."""
    network = Network(hidden_nodes=200, seed=1)
    inputs, targets = scale_pixels(inked[0][:batch_size]), one_hot(inked[1][:batch_size])
    most = network.weights_input_hidden.nbytes * 0.6
    assert peak_bytes(lambda: network.train(inputs, targets)) < most
    assert peak_bytes(lambda: network.query(inputs)) < most


class Watched:
    """scipy's compiled products, which copy without a word what is not C-contiguous."""

    def __init__(self, tools):
        self._tools, self.seen = tools, 0

    def __getattr__(self, name):
        """Return a product that looks at what it is given."""

        def product(*arguments):
            for each in arguments:
                if isinstance(each, np.ndarray):
                    assert each.flags.c_contiguous, f"{name}: {each.shape} is copied"
                    assert each.flags.aligned
                    assert each.dtype.isnative
                    self.seen += 1
            types = {each.dtype for each in arguments if isinstance(each, np.ndarray)}
            assert len(types) == 2, f"{name}: {types} are converted"
            return getattr(self._tools, name)(*arguments)

        return product


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_products_are_given_what_they_need_not_copy(inked, monkeypatch, dtype):
    """Indices of one type, values of one type, all of them contiguous: in each call of a block."""
    pixels, labels = inked
    tools = Watched(sparse_tools())
    monkeypatch.setattr("nn.backends.sparse.sparse_tools", lambda: tools)
    network = Network(hidden_nodes=20, seed=1, dtype=dtype)
    steps = start_backend(network, "sparse")
    for variant in (pixels, scale_pixels(pixels, dtype)):
        steps.train_block([variant], one_hot(labels, dtype=dtype), BATCH)
    steps.query(pixels)
    assert tools.seen > 32 * 10


@pytest.mark.parametrize(("backend", "copies"), [("dense", 0), ("sparse", 1)])
def test_an_evaluation_copies_weights_at_most_once(inked, backend, copies):
    """At its start, where the backend wants them in another order; not once a block."""
    network = Network(hidden_nodes=4000, seed=1)
    pixels, labels = inked
    dataset = ArrayDataset(pixels[:8], labels[:8])
    peak = peak_bytes(lambda: evaluate(network, dataset, backend=backend))
    assert peak < network.weights_input_hidden.nbytes * (copies + 0.2)


@pytest.mark.parametrize(("backend", "copies"), [("dense", 3), ("sparse", 1.1)])
def test_a_training_holds_few_copies_of_the_weights(inked, backend, copies):
    """Of many nodes: those in the backend's order and, in dense, a block's and its update."""
    network = Network(hidden_nodes=4000, seed=1)
    pixels, labels = inked
    dataset = ArrayDataset(pixels[:16], labels[:16])
    peak = peak_bytes(lambda: train(network, dataset, backend=backend))
    assert peak < network.weights_input_hidden.nbytes * (copies + 0.2)


def test_a_checkpoint_is_written_without_a_copy(tmp_path):
    """Nor is a model, in either order: 3 MB of weights take a tenth of that at the most."""
    weights = np.random.default_rng(0).random((1000, 784)).astype("float32")
    for array in (weights, weights.T):
        found = Checkpoint({}, "dense", 0, 0, {"weights": array})
        assert peak_bytes(lambda found=found: write_checkpoint(tmp_path / "c", 1, found)) < 300_000
        with (tmp_path / "m.npz").open("wb") as file:
            assert peak_bytes(lambda a=array: write_arrays(file, {"weights": a})) < 300_000


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_by_numpy(tmp_path, order):
    """What was written, in every shape that a model has and some that it has not."""
    written = {
        "weights": np.asarray(np.random.default_rng(0).random((5, 3)), order=order),
        "settings": np.array("ü"),
        "empty": np.zeros((0, 3), "float32"),
        "strided": np.arange(24).reshape(4, 6)[::2, ::3],
    }
    with (tmp_path / "a.npz").open("wb") as file:
        write_arrays(file, written)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as read:
        assert read.files == list(written)
        for name, array in written.items():
            assert read[name].dtype == array.dtype
            assert np.array_equal(read[name], array)


def test_text_is_copied_once_on_its_way_to_the_parser(tmp_path, digits):
    """The piece that was read, the whole lines of it, and those that the reader still holds."""
    path = tmp_path / "digits.csv"
    path.write_bytes(csv_text(*digits))

    def read():
        with Stream(path) as file:
            while file.read_lines(BLOCK_BYTES, LONGEST_LINE):
                pass

    assert peak_bytes(read) < 3.2 * BLOCK_BYTES


def test_rows_are_copied_once_into_a_block_and_arrays_not_at_all(tmp_path, digits):
    """Beside the text and what its parser makes of it: the block before, and the next."""
    pixels, _ = digits
    for ours, _ in ArrayDataset(*digits).blocks():
        assert np.shares_memory(ours, pixels)
    path = tmp_path / "digits.csv"
    path.write_bytes(csv_text(*digits))

    def read(rows):
        for _ in read_csv(path, rows):
            pass

    few, many = (peak_bytes(lambda rows=rows: read(rows)) for rows in (16, 256))
    assert many - few < 2.2 * 256 * 785
