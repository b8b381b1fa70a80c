"""The sparse execution of the training step, against the dense one."""

import numpy as np
import pytest

from nn.network import Network, one_hot, scale_pixels
from nn.rules import RULES
from nn.sparse import SparseExecution, SparseRows, sparse_tools

ROWS = 203  # no whole number of batches


@pytest.fixture(scope="module")
def digits():
    """Random digits: pixels, four of five blank, with rows of all and of none; and targets."""
    generator = np.random.default_rng(3)
    pixels = generator.integers(0, 256, (ROWS, 784), dtype=np.uint8)
    pixels[generator.random(pixels.shape) < 0.8] = 0
    pixels[[0, 5, 6]] = 0
    pixels[[9, 40]] = np.maximum(pixels[[9, 40]], 1)
    pixels[-9:] = 0
    return pixels, one_hot(generator.integers(0, 10, ROWS), dtype="float64")


def two_networks(**settings):
    return [Network(seed=1, dtype="float64", **settings) for _ in range(2)]


def difference(one, other):
    return max(
        np.abs(one.weights_input_hidden - other.weights_input_hidden).max(),
        np.abs(one.weights_hidden_output - other.weights_hidden_output).max(),
    )


def train_both(dense, sparse, inputs, rows, targets, batch_size):
    """One epoch by each; after each batch the errors must agree."""
    for first in range(0, len(targets), batch_size):
        batch = slice(first, first + batch_size)
        expected = dense.train(inputs[batch], targets[batch])
        assert np.abs(sparse.train(rows[batch], targets[batch]) - expected).max() < 1e-12


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("batch_size", [1, 8, 16])
@pytest.mark.parametrize("hidden_nodes", [10, 100, 200])
def test_every_step_is_the_dense_one(digits, hidden_nodes, batch_size, rule):
    """Errors of each batch and weights after two epochs agree to 1e-12, in float64."""
    pixels, targets = digits
    expected, network = two_networks(hidden_nodes=hidden_nodes, rule=rule)
    execution = SparseExecution(network)
    inputs, rows = scale_pixels(pixels, "float64"), execution.from_pixels(pixels)
    for _ in range(2):
        train_both(expected, execution, inputs, rows, targets, batch_size)
    answers = execution.query(rows)
    execution.close()
    assert np.abs(answers - expected.query(inputs)).max() < 1e-12
    assert difference(network, expected) < 1e-12
    assert difference(network, Network(hidden_nodes=hidden_nodes, seed=1, dtype="float64")) > 1e-3


def test_weights_are_whole_when_folded(digits):
    """In the middle of a training, which goes on as if they had not been read."""
    pixels, targets = digits
    expected, network = two_networks(hidden_nodes=30)
    execution = SparseExecution(network)
    inputs, rows = scale_pixels(pixels, "float64"), execution.from_pixels(pixels)
    for part in (slice(0, 80), slice(80, ROWS)):
        train_both(expected, execution, inputs[part], rows[part], targets[part], 8)
        assert difference(network, expected) > 1e-6
        execution.fold()
        assert difference(network, expected) < 1e-12


def test_close_leaves_the_weights_in_the_networks_own_array(digits):
    """Somebody may hold on to it."""
    pixels, targets = digits
    network = Network(hidden_nodes=10)
    own = network.weights_input_hidden
    execution = SparseExecution(network)
    execution.train(execution.from_pixels(pixels), targets.astype("float32"))
    execution.close()
    assert network.weights_input_hidden is own
    assert own.flags.c_contiguous


def test_inputs_and_pixels_give_the_same_rows(digits):
    """Scaled pixels are compressed to what the grey levels are, blanks left out."""
    pixels, _ = digits
    from_pixels = SparseRows.from_pixels(pixels, "float64")
    from_inputs = SparseRows.from_inputs(scale_pixels(pixels, "float64"))
    assert len(from_pixels.columns) == np.count_nonzero(pixels) + 2 * ROWS
    for name in SparseRows.__slots__:
        assert getattr(from_inputs, name) == pytest.approx(getattr(from_pixels, name), abs=1e-12)


def test_blank_by_rounding_is_blank():
    """What a rotation leaves of 0.01 in float32 is not kept."""
    inputs = np.full((1, 784), 0.01, "float32") * np.float32(1 + 1e-6)
    assert len(SparseRows.from_inputs(inputs).columns) == 2


def test_rows_are_sliced_as_arrays_are(digits):
    """Also beyond the end."""
    rows = SparseRows.from_pixels(digits[0], "float32")
    assert [len(rows[part]) for part in (slice(0, 16), slice(200, 216), slice(300, 316))] == [
        16,
        3,
        0,
    ]
    assert rows[16:32].columns is rows.columns


def test_the_products_are_those_of_scipy_sparse(digits):
    """The one extension module, loaded by itself, against scipy.sparse."""
    from scipy import sparse

    rows = SparseRows.from_pixels(digits[0], "float64")
    matrix = sparse.csr_matrix((rows.forward, rows.columns, rows.starts))
    stack = np.random.default_rng(0).random((786, 7))
    product = np.zeros((ROWS, 7))
    sparse_tools().csr_matvecs(
        ROWS, 786, 7, rows.starts, rows.columns, rows.forward, stack, product
    )
    assert product == pytest.approx(matrix @ stack)
