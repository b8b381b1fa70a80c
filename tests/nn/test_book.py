"""The adapter under the book's names, against the book's arithmetic written out."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from scipy import special

from nn.book import neuralNetwork
from nn.data.drawn_digits import draw_digits
from nn.images import read_digit
from nn.lessons import book_loop
from nn.lessons.experiments import best_model
from nn.network import Network
from nn.saving.model_file import ModelError, save_model


def test_a_readers_session_reproduces_the_books_arithmetic():
    """Weights from numpy.random's seed, 200 samples, two passes: equal to 1e-10."""
    np.random.seed(42)
    n = neuralNetwork(784, 30, 10, 0.3)
    np.random.seed(42)
    wih = np.random.normal(0.0, 784**-0.5, (30, 784))
    who = np.random.normal(0.0, 30**-0.5, (10, 30))
    generator = np.random.default_rng(1)
    lines = [",".join(map(str, [i % 10, *generator.integers(0, 256, 784)])) for i in range(200)]
    for _ in range(2):
        for line in lines:
            label, inputs = book_loop.parse(line)
            targets = np.zeros(10) + 0.01
            targets[label] = 0.99
            n.train(inputs, targets)
            book_loop.learn(wih, who, inputs, targets, 0.3)
    assert np.abs(n.wih - wih).max() < 1e-10
    assert np.abs(n.who - who).max() < 1e-10
    assert n.query(inputs).shape == (10, 1)
    assert np.abs(n.query(inputs) - book_loop.answer(wih, who, inputs)).max() < 1e-10


def test_plain_lists_are_taken():
    """The book's first example passes a list of three numbers."""
    n = neuralNetwork(inputnodes=3, hiddennodes=3, outputnodes=3, learningrate=0.3)
    assert n.query([1.0, 0.5, -1.5]).shape == (3, 1)
    before = n.who.copy()
    n.train([1.0, 0.5, -1.5], [0.01, 0.99, 0.01])
    assert not np.array_equal(n.who, before)


def test_weights_and_rate_may_be_set():
    """A reader loads weights of his own, and changes the learning rate."""
    n = neuralNetwork(2, 2, 2, 0.1)
    n.wih, n.who, n.lr = [[1, 0], [0, 1]], [[2, 0], [0, 2]], 0.0
    n.train([0.3, 0.7], [0.9, 0.1])
    assert n.lr == 0.0
    assert n.wih.tolist() == [[1, 0], [0, 1]]
    expected = special.expit(2 * special.expit(np.array([[0.3], [0.7]])))
    assert n.query([0.3, 0.7]) == pytest.approx(expected)


def test_weights_in_any_order_of_memory_learn_the_same():
    """A transposed array, as of weights saved the other way round; and they learn in place."""
    generator = np.random.default_rng(1)
    n = neuralNetwork(6, 4, 2, 0.3)
    n.wih, n.who = generator.normal(size=(4, 6)), generator.normal(size=(2, 4))
    other = neuralNetwork(6, 4, 2, 0.3)
    other.wih, other.who = np.asfortranarray(n.wih), np.asfortranarray(n.who)
    held = other.wih
    for each in (n, other):
        each.train([0.1, 0.9, 0.2, 0.5, 0.4, 0.3], [0.01, 0.99])
    assert np.array_equal(n.wih, other.wih)
    assert np.array_equal(n.who, other.who)
    assert np.array_equal(held, other.wih)


def test_backquery_is_a_column():
    """As the book draws it: 784 values from 0.01 to 0.99."""
    n = neuralNetwork(784, 20, 10, 0.1)
    image = n.backquery([0.99] + [0.01] * 9)
    assert image.shape == (784, 1)
    assert (image.min(), image.max()) == pytest.approx((0.01, 0.99))


def test_the_layers_sizes_have_the_books_names():
    """Those of the weights, also after others were set."""
    n = neuralNetwork(784, 20, 10, 0.1)
    assert (n.inodes, n.hnodes, n.onodes) == (784, 20, 10)
    n.wih, n.who = np.zeros((5, 784)), np.zeros((10, 5))
    assert (n.inodes, n.hnodes, n.onodes) == (784, 5, 10)


def test_the_sigmoid_may_be_set_and_called():
    """As the book's constructor sets it, and as its text calls it."""
    n = neuralNetwork(3, 3, 3, 0.3)
    n.activation_function = lambda x: special.expit(x)
    n.inverse_activation_function = special.logit
    assert n.activation_function(np.array([0.0, 2.0])) == pytest.approx([0.5, special.expit(2)])
    assert n.inverse_activation_function(0.25) == pytest.approx(special.logit(0.25))


@pytest.mark.parametrize("name", ["activation_function", "inverse_activation_function"])
def test_another_function_is_refused_with_the_reason(name):
    """It would be ignored in silence otherwise."""
    n = neuralNetwork(3, 3, 3, 0.3)
    with pytest.raises(ValueError, match=f"{name}: expected the .* by the derivative of the sig"):
        setattr(n, name, np.tanh)
    with pytest.raises(ValueError, match=f"{name}: expected the .* that fails: name"):
        setattr(n, name, lambda x: no_such_name)  # noqa: F821 - as a reader mistypes it


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: n.train([1, 2, 3], [0.01] * 9), "expected 10 targets, got 9"),
        (lambda n: n.train([1, 2, 3], 5), "expected 10 targets, got 1"),
        (lambda n: n.train([1, 2], [0.01] * 10), "expected 3 inputs, got 2"),
        (lambda n: n.train([[1, 2, 3]] * 2, [[0.01] * 10] * 2), "expected one sample, got 2"),
        (lambda n: n.query(np.zeros((3, 1))), r"expected 3 inputs, got an array of shape \(3, 1\)"),
        (lambda n: n.backquery([0.5]), "expected 10 targets, got 1"),
    ],
)
def test_a_wrong_number_of_values_is_told(call, message):
    """Before anything is learned."""
    n = neuralNetwork(3, 4, 10, 0.3)
    before = n.wih.copy(), n.who.copy()
    with pytest.raises(ValueError, match=message):
        call(n)
    assert np.array_equal(before[0], n.wih)
    assert np.array_equal(before[1], n.who)


def test_a_saved_network_is_loaded_and_learns_on(tmp_path):
    """The same weights and learning rate, bit for bit; numpy.random goes on as if nothing was."""
    np.random.seed(1)
    n = neuralNetwork(784, 20, 10, 0.2)
    path = n.save(tmp_path / "models" / "mine.npz", accuracy=np.float64(0.9))
    after = np.random.get_state()[2]
    again = neuralNetwork.load(path)
    assert np.random.get_state()[2] == after
    assert again.lr == 0.2
    for each in (n, again):
        each.train([0.5] * 784, [0.99] * 10)
    assert np.array_equal(n.wih, again.wih)
    assert np.array_equal(n.who, again.who)


def test_what_the_kit_trained_is_loaded_in_float64(tmp_path):
    """Models of `train` are of float32, in which the book's sums do not fit."""
    save_model(Network(784, 20, 10, seed=1), tmp_path / "model.npz")
    n = neuralNetwork.load(tmp_path / "model.npz")
    n.train([0.5] * 784, [0.99] * 10)
    assert n.wih.dtype == n.who.dtype == np.float64


def test_a_file_that_is_no_model_is_not_replaced(tmp_path):
    """A mistyped name must not cost a photograph."""
    (tmp_path / "photo.png").write_bytes(b"mine")
    with pytest.raises(ModelError, match="exists and is not a model of this kit"):
        neuralNetwork(784, 2, 10, 0.1).save(tmp_path / "photo.png")
    assert (tmp_path / "photo.png").read_bytes() == b"mine"


def test_query_reads_with_a_readers_network(tmp_path, run):
    """Trained in a notebook with the book's names, used on the command line."""
    pixels, labels = draw_digits(200, seed=3)
    n = neuralNetwork(784, 30, 10, 0.2)
    for row, label in zip(pixels, labels, strict=True):
        n.train(row / 255 * 0.99 + 0.01, np.where(np.arange(10) == label, 0.99, 0.01))
    n.save(tmp_path / "mine.npz")
    answers = {}
    for number in range(10):
        picture, path = pixels[number].reshape(28, 28), tmp_path / f"{number}.png"
        Image.fromarray(255 - np.pad(picture, 6)).resize((400, 400)).save(path)
        answers[path.name] = n.query(read_digit(path) / 255 * 0.99 + 0.01).argmax()
    assert len(set(answers.values())) > 1
    said = json.loads(run("query", *answers, "--model", "mine.npz", "--json").stdout)["pictures"]
    read = {each["picture"]: [int(digit["answer"]) for digit in each["digits"]] for each in said}
    assert read == {name: [answer] for name, answer in answers.items()}


def test_notebook_05_prefers_a_readers_network(tmp_path):
    """Also to one with a better figure; the newest of two."""
    save_model(Network(seed=1), tmp_path / "book.npz", {"dataset": "MNIST", "accuracy": 0.97})
    for number, name in enumerate(("newer.npz", "older.npz")):
        path = neuralNetwork(784, 5 + number, 10, 0.1).save(tmp_path / name, accuracy=0.9)
        os.utime(path, (1e9 - number, 1e9 - number))
    network, origin = best_model(tmp_path)
    assert network.sizes[1] == 5
    assert origin == (
        "loaded from models/newer.npz: 5 hidden nodes, trained on: the digits of your own "
        "notebook; it read 90.0% of its test digits"
    )
