"""The network, against the author's worked example and against itself by other paths."""

import numpy as np
import pytest
from scipy import special

from nn.network import Network
from nn.saving.model_file import ModelError, load_model, save_model
from nn.signals import logit, one_hot, scale_pixels, sigmoid


def network_with_one_output(error):
    """Build the author's example: hidden outputs 0.4 and 0.5, weights 2.0 and 3.0, one output."""
    network = Network(1, 2, 1, learning_rate=0.1, dtype="float64")
    network.weights_input_hidden[:] = [[special.logit(0.4)], [special.logit(0.5)]]
    network.weights_hidden_output[:] = [[2.0, 3.0]]
    inputs = np.array([[1.0]])
    hidden, output = network.forward(inputs)
    assert hidden == pytest.approx(np.array([[0.4, 0.5]]))
    assert special.logit(output) == pytest.approx(2.3)  # the sum: 2.0 * 0.4 + 3.0 * 0.5
    return network, inputs, output + error


@pytest.mark.parametrize(("error", "weight"), [(1.5, 2.005), (0.8, 2.00265)])
def test_weight_update_of_the_authors_worked_example(error, weight):
    """2.0 becomes about 2.005 with an error of 1.5, and 2.00265 with the corrected 0.8."""
    network, inputs, targets = network_with_one_output(error)
    network.train(inputs, targets)
    assert network.weights_hidden_output[0, 0] == pytest.approx(weight, abs=5e-5)


def test_train_returns_the_errors_before_the_update():
    """Targets less outputs, as they were."""
    network, inputs, targets = network_with_one_output(1.5)
    assert network.train(inputs, targets) == pytest.approx(1.5)


def test_sigmoid_and_logit_match_scipy():
    """Also far out, where exp would overflow, and without a warning."""
    x = np.array([-1000.0, -50, -1, 0, 1e-9, 3, 50, 1000])
    assert sigmoid(x) == pytest.approx(special.expit(x), rel=1e-15, abs=1e-16)
    y = np.array([0.01, 0.3, 0.99])
    assert logit(y) == pytest.approx(special.logit(y))
    assert np.isfinite(sigmoid(np.array([-1e30, 1e30], "float32"))).all()


def test_scaling_is_the_books():
    """0 becomes 0.01, 255 becomes 1.0, as p / 255 * 0.99 + 0.01 says."""
    pixels = np.arange(256, dtype=np.uint8)
    assert scale_pixels(pixels, "float64") == pytest.approx(pixels / 255 * 0.99 + 0.01, abs=1e-15)
    assert scale_pixels(pixels).dtype == np.float32


def test_one_hot_targets():
    """0.99 for the label, 0.01 for the rest."""
    expected = np.full((2, 10), 0.01)
    expected[0, 3] = expected[1, 0] = 0.99
    assert one_hot(np.array([3, 0], np.uint8), dtype="float64") == pytest.approx(expected)


def test_first_weights_have_the_books_spread():
    """N(0, fan_in ** -0.5) for both matrices."""
    network = Network(400, 900, 400, seed=5, dtype="float64")
    for weights, fan_in in (
        (network.weights_input_hidden, 400),
        (network.weights_hidden_output, 900),
    ):
        assert weights.mean() == pytest.approx(0, abs=4 * fan_in**-0.5 / weights.size**0.5)
        assert weights.std() == pytest.approx(fan_in**-0.5, rel=0.01)


def test_seed_makes_the_same_network():
    """The same seed, the same weights; another seed, others."""
    first, second, other = (Network(seed=seed).weights_input_hidden for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_float32_by_default_float64_on_request():
    """Signals keep the type of the weights, also through training."""
    for dtype in ("float32", "float64"):
        network = Network(dtype=dtype)
        inputs = scale_pixels(np.zeros((2, 784), np.uint8), dtype)
        network.train(inputs, one_hot(np.array([1, 2]), dtype=dtype))
        assert network.dtype == network.query(inputs).dtype == np.dtype(dtype)
    assert Network().dtype == np.float32


def test_one_row_and_many_take_the_same_path():
    """A row alone gives what it gives in a batch, with the shapes that the docstring says."""
    network = Network(6, 5, 4, seed=1, dtype="float64")
    rows = np.random.default_rng(0).random((3, 6))
    together = network.query(rows)
    assert together.shape == (3, 4)
    for row, answer in zip(rows, together, strict=True):
        assert network.query(row).shape == (4,)
        assert network.query(row) == pytest.approx(answer, abs=1e-15)


def test_one_row_trains_as_a_batch_of_one():
    """Whether it comes as (n,) or as (1, n)."""
    row, target = np.linspace(0, 1, 10), np.linspace(1, 0, 10)
    flat, batch = (Network(10, 10, 10, seed=1, dtype="float64") for _ in range(2))
    flat.train(row, target)
    batch.train(row[np.newaxis], target[np.newaxis])
    assert np.array_equal(flat.weights_hidden_output, batch.weights_hidden_output)
    assert np.array_equal(flat.weights_input_hidden, batch.weights_input_hidden)


def test_a_batch_sums_the_updates_of_its_samples():
    """Not their mean: each sample's update is computed on the weights before the batch."""
    generator = np.random.default_rng(0)
    inputs, targets = generator.random((3, 6)), generator.random((3, 4))
    start = Network(6, 5, 4, seed=1, dtype="float64")
    total = np.zeros_like(start.weights_input_hidden)
    for row in range(3):
        alone = Network(6, 5, 4, seed=1, dtype="float64")
        alone.train(inputs[row : row + 1], targets[row : row + 1])
        total += alone.weights_input_hidden - start.weights_input_hidden
    batch = Network(6, 5, 4, seed=1, dtype="float64")
    batch.train(inputs, targets)
    assert batch.weights_input_hidden - start.weights_input_hidden == pytest.approx(total)


def test_backquery_undoes_the_forward_pass_of_a_network_without_stretch():
    """With identity weights, logit and stretch alone remain, worked here step by step."""
    network = Network(3, 3, 3, dtype="float64")
    network.weights_input_hidden[:] = network.weights_hidden_output[:] = np.eye(3)
    targets = np.array([0.2, 0.5, 0.9])

    def stretched(signals):
        return (signals - signals[0]) / (signals[2] - signals[0]) * 0.98 + 0.01

    expected = stretched(special.logit(stretched(special.logit(targets))))
    assert network.backquery(targets) == pytest.approx(expected)
    assert network.backquery(np.array([targets, targets])).shape == (2, 3)


def test_save_and_load_keep_weights_and_settings(tmp_path):
    """Bit by bit, and the loaded network goes on training as the saved one would."""
    network = Network(6, 5, 4, learning_rate=0.2, rule="gradient", seed=9)
    save_model(network, tmp_path / "model.npz", {"dataset": "mine"})
    loaded = load_model(tmp_path / "model.npz")
    assert loaded.sizes == (6, 5, 4)
    assert (loaded.learning_rate, loaded.rule, loaded.seed) == (0.2, "gradient", 9)
    assert loaded.about == {"dataset": "mine"}
    inputs, targets = np.ones((2, 6), "float32"), np.full((2, 4), 0.3, "float32")
    for each in (network, loaded):
        each.train(inputs, targets)
    assert np.array_equal(network.weights_input_hidden, loaded.weights_input_hidden)
    assert np.array_equal(network.weights_hidden_output, loaded.weights_hidden_output)


def test_load_refuses_unknown_settings(tmp_path):
    """A model of a rule that this kit does not have is no traceback."""
    network = Network(2, 2, 2)
    network.rule = "magic"
    save_model(network, tmp_path / "model.npz")
    with pytest.raises(ModelError, match=r"model.npz is not a valid model .*magic"):
        load_model(tmp_path / "model.npz")
