"""Both backends of the training step, against the network's own; and what is sparse in one."""

import numpy as np
import pytest

from nn.backends import BACKENDS, start_backend
from nn.backends.sparse import SparseBatch, compress, sparse_tools
from nn.network import Network
from nn.rules import RULES
from nn.signals import one_hot, scale_pixels

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


def train_both(network, backend, pixels, targets, batch_size):
    """Train on one block by each; the errors of each batch must agree."""
    inputs, expected = scale_pixels(pixels, "float64"), []
    for first in range(0, len(targets), batch_size):
        batch = slice(first, first + batch_size)
        expected.append(network.train(inputs[batch], targets[batch]))
    errors = backend.train_block([pixels], targets, batch_size)
    assert errors.shape == targets.shape
    assert np.abs(errors - np.concatenate(expected)).max() < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("batch_size", [1, 8, 16])
@pytest.mark.parametrize("hidden_nodes", [10, 100, 200])
def test_every_step_is_the_networks_own(digits, hidden_nodes, batch_size, rule, backend):
    """Errors of each batch and weights after two epochs agree to 1e-12, in float64."""
    pixels, targets = digits
    expected, network = two_networks(hidden_nodes=hidden_nodes, rule=rule)
    steps = start_backend(network, backend)
    for _ in range(2):
        for part in (slice(0, 128), slice(128, ROWS)):
            train_both(expected, steps, pixels[part], targets[part], batch_size)
            assert difference(network, expected) < 1e-12
    answers = steps.query(pixels)
    steps.close()
    assert np.abs(answers - expected.query(scale_pixels(pixels, "float64"))).max() < 1e-12
    assert difference(network, expected) < 1e-12
    assert difference(network, Network(hidden_nodes=hidden_nodes, seed=1, dtype="float64")) > 1e-3


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_batch_is_learned_in_each_variant_in_turn(digits, backend):
    """As a plain loop does it; the errors come in that order."""
    pixels, targets = digits
    variants = [scale_pixels(each, "float64") for each in (pixels, pixels[:, ::-1])]
    expected, network = two_networks(hidden_nodes=30)
    errors = []
    for first in range(0, ROWS, 8):
        batch = slice(first, first + 8)
        errors += [expected.train(inputs[batch], targets[batch]) for inputs in variants]
    found = start_backend(network, backend).train_block(variants, targets, 8)
    assert np.abs(found - np.concatenate(errors)).max() < 1e-12
    assert difference(network, expected) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_are_whole_when_a_block_is_interrupted(digits, backend, monkeypatch):
    """Ctrl-C in the middle of a block: the steps before it count in both halves."""
    pixels, targets = digits
    expected, network = two_networks(hidden_nodes=30)
    for first in range(0, 40, 8):
        batch = slice(first, first + 8)
        expected.train(scale_pixels(pixels[batch], "float64"), targets[batch])
    calls, send_back = iter(range(5)), network.send_back

    def interrupted(*arguments):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return send_back(*arguments)

    monkeypatch.setattr(network, "send_back", interrupted)
    steps = start_backend(network, backend)
    with pytest.raises(KeyboardInterrupt):
        steps.train_block([pixels], targets, 8)
    assert difference(network, expected) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_digits_without_blank_pixels_and_without_ink(backend):
    """The two ends: there is nothing to leave out, or nothing else."""
    for pixels in (np.full((20, 784), 255, np.uint8), np.zeros((20, 784), np.uint8)):
        expected, network = two_networks(hidden_nodes=10)
        steps = start_backend(network, backend)
        targets = one_hot(np.arange(20) % 10, dtype="float64")
        train_both(expected, steps, pixels, targets, 16)
        steps.close()
        assert difference(network, expected) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_close_leaves_the_weights_in_the_networks_own_array(digits, backend):
    """Somebody may hold on to it."""
    pixels, targets = digits
    network = Network(hidden_nodes=10)
    own = network.weights_input_hidden
    steps = start_backend(network, backend)
    steps.train_block([pixels], targets.astype("float32"), ROWS)
    steps.close()
    assert network.weights_input_hidden is own
    assert own.flags.c_contiguous


@pytest.mark.slow
def test_inputs_and_pixels_give_the_same_batches(digits):
    """Scaled pixels are compressed to what the grey levels are, blanks left out."""
    pixels, _ = digits
    from_pixels = compress(pixels, 16, "float64")
    from_inputs = compress(scale_pixels(pixels, "float64"), 16, "float64")
    assert len(from_pixels[0].digits) == np.count_nonzero(pixels)
    assert len(from_inputs) == len(from_pixels) == 13
    for ours, theirs in zip(from_inputs, from_pixels, strict=True):
        for name in SparseBatch.__slots__:
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-12)


def test_blank_by_rounding_is_blank():
    """What a rotation leaves of 0.01 in float32 is not kept."""
    inputs = np.full((1, 784), 0.01, "float32") * np.float32(1 + 1e-6)
    assert len(compress(inputs, 1, "float32")[0].digits) == 0


@pytest.mark.parametrize("batch_size", [1, 8, 16, 203, 999])
def test_batches_are_those_of_scipy_sparse(digits, batch_size):
    """Each is the compressed columns of its rows; the factors are sums over them."""
    from scipy import sparse

    ink = digits[0] * (0.99 / 255)
    batches = compress(digits[0], batch_size, "float64")
    for number, batch in enumerate(batches):
        rows = ink[number * batch_size : (number + 1) * batch_size]
        first, stop = batch.starts[[0, -1]]
        expected = sparse.csc_matrix(rows)
        assert np.array_equal(batch.starts - first, expected.indptr)
        assert np.array_equal(batch.digits[first:stop], expected.indices)
        assert batch.ink[first:stop] == pytest.approx(expected.data)
        assert batch.forward[:, 0] == pytest.approx(rows.sum(axis=1))
        assert batch.back[:, 1] == pytest.approx((rows + 0.01).sum(axis=1))


def test_the_products_are_those_of_scipy_sparse(digits):
    """The one extension module, loaded by itself, against scipy.sparse."""
    from scipy import sparse

    (batch,) = compress(digits[0], ROWS, "float64")
    matrix = sparse.csc_matrix((batch.ink, batch.digits, batch.starts), shape=(ROWS, 784))
    weights = np.random.default_rng(0).random((784, 7))
    product = np.zeros((ROWS, 7))
    sparse_tools().csc_matvecs(
        ROWS, 784, 7, batch.starts, batch.digits, batch.ink, weights, product
    )
    assert product == pytest.approx(matrix @ weights)
