"""Notebook 06: what is found inside is worked out again from the kernel's weights."""

import numpy as np
import pytest
from scipy.special import expit, logit

from nn.network import Network
from scripts.bench.notebook_runner import executed
from tests.notebooks.oracles import read_digits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(kit, mnist_or_sample):
    """The notebook, executed."""
    with executed(kit, "06", mnist_or_sample) as run:
        yield run


@pytest.fixture(scope="module")
def weights(run):
    """The trained network's two matrices."""
    names = ("weights_input_hidden", "weights_hidden_output")
    return [np.array(run.value(f"network.{name}")) for name in names]


@pytest.fixture(scope="module")
def train_digits(kit, mnist_or_sample):
    """The first 5,000 training digits."""
    pixels, labels = read_digits(kit, mnist_or_sample, "train")
    return pixels[:5000], labels[:5000]


@pytest.fixture(scope="module")
def test_digits(kit, mnist_or_sample):
    """The first 2,000 test digits."""
    pixels, labels = read_digits(kit, mnist_or_sample, "test")
    return pixels[:2000], labels[:2000]


def hidden_outputs_of(weights, pixels):
    """Send digits through the first layer by plain arithmetic."""
    return expit((pixels / 255 * 0.99 + 0.01) @ weights[0].T)


def accuracy_of(weights, digits, without=()):
    """Count right answers, with some hidden nodes silent."""
    signals = hidden_outputs_of(weights, digits[0])
    signals[:, list(without)] = 0
    return ((signals @ weights[1].T).argmax(axis=1) == digits[1]).mean()


def stretched(signals):
    """Stretch signals over 0.01 to 0.99."""
    return np.interp(signals, (signals.min(), signals.max()), (0.01, 0.99))


def test_the_pictures_in_mind_are_the_network_run_backwards(run, weights):
    """Digit by digit, by scipy's logit and the transposed weights."""
    mind = np.array(run.value("mind"))
    for digit in range(10):
        wanted = np.where(np.arange(10) == digit, 0.99, 0.01)
        signals = stretched(weights[1].T @ logit(wanted))
        expected = stretched(weights[0].T @ logit(signals))
        assert mind[digit] == pytest.approx(expected, abs=1e-3)


def test_they_resemble_their_own_digits(run, train_digits):
    """All ten, by averages worked out here; an untrained network's do not."""
    pixels, labels = train_digits
    averages = np.array([pixels[labels == digit].mean(axis=0) for digit in range(10)])
    assert np.array(run.value("averages")) == pytest.approx(averages)
    mind = np.array(run.value("mind"))
    alike = [[np.corrcoef(one, other)[0, 1] for other in averages] for one in mind]
    assert run.value("own_likeness") == pytest.approx(np.diagonal(alike).tolist(), abs=1e-4)
    nearest = (np.argmax(alike, axis=1) == np.arange(10)).sum()
    found = run.value("most_like_own")
    assert found["trained"] == nearest >= 8
    assert found["untrained"] <= 4
    assert max(run.value("own_likeness")) < 0.8  # the text says: far from 1


def test_an_untrained_network_reads_most_of_its_own_noise(run):
    """The text warns of it; with the same seed anywhere."""
    network = Network(hidden_nodes=100, seed=1)
    targets = np.full((10, 10), 0.01) + 0.98 * np.eye(10)
    itself = network.query(network.backquery(targets)).argmax(axis=1) == np.arange(10)
    assert run.value("read_as_meant")["untrained"] == itself.sum() >= 5


def test_weights_without_ink_stay_as_they_began(run, weights, train_digits):
    """Which pixels never had ink, and how far each kind moved."""
    inked = train_digits[0].any(axis=0)
    assert run.value("inked") == inked.tolist()
    moved = weights[0] - Network(hidden_nodes=100, seed=1).weights_input_hidden
    assert abs(moved[:, ~inked]).mean() < 0.2 * abs(moved[:, inked]).mean()
    assert f"never any ink: {(~inked).sum()} pixels" in run.texts


def test_the_strongest_nodes_have_the_largest_weights(run, weights):
    """Ranked by the sums of the sizes of ten weights."""
    sums = np.abs(weights[1]).sum(axis=0)
    assert run.value("strongest") == sorted(range(100), key=lambda node: -sums[node])[:10]


def test_responses_and_specialists_are_those_of_the_weights(run, weights, test_digits):
    """Averages over the test digits of each kind."""
    pixels, labels = test_digits
    signals = hidden_outputs_of(weights, pixels)
    means = np.array([signals[labels == digit].mean(axis=0) for digit in range(10)]).T
    assert np.array(run.value("responses")) == pytest.approx(means, abs=1e-4)
    alone = [node for node in range(100) if (means[node] > 0.8).sum() == 1]
    alone = [node for node in alone if (means[node] < 0.2).sum() == 9]
    assert run.value("specialists") == alone
    assert len(alone) < 10  # the text says: hardly ever


def test_favourites_excite_the_node_most(run, weights, test_digits):
    """The first ten more than all others of the block, the last ten less."""
    node, favourites = run.value("strongest")[0], run.value("favourites")
    rows = run.value("len(pixels)")
    signals = np.sort(hidden_outputs_of(weights, test_digits[0][:rows])[:, node])
    chosen = hidden_outputs_of(weights, test_digits[0][favourites])[:, node]
    assert np.sort(chosen[:10]) == pytest.approx(signals[-10:], abs=1e-4)
    assert np.sort(chosen[10:]) == pytest.approx(signals[:10], abs=1e-4)


def test_losing_nodes_costs_accuracy_by_their_influence(run, weights, test_digits):
    """Counted with the nodes silenced; those of most say cost most, and none costs all."""
    whole, cut = run.value("accuracy"), run.value("accuracies_cut")
    assert whole == pytest.approx(accuracy_of(weights, test_digits), abs=0.006)
    for name, nodes in run.value("chosen").items():
        counted = accuracy_of(weights, test_digits, without=nodes)
        assert cut[name] == pytest.approx(counted, abs=0.006)
    assert 0.4 < cut["the most say"] < cut["the least say"]


def test_seven_pictures_and_little_memory(run):
    """Minds, averages, three of weights, responses, favourites."""
    assert run.pictures == 7
    assert run.peak_mb < 150
