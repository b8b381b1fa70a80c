"""The adapter under the book's names, against the book's arithmetic written out."""

import numpy as np
import pytest
from scipy import special

from nn.book import neuralNetwork
from nn.lessons import book_loop


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
