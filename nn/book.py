"""The book's class with the book's names, so that a reader's own notebook runs on this kit.

In such a notebook, replace the cell that defines the class with::

    from nn.book import neuralNetwork

`nn.book_calls` provides what such a notebook calls and today's numpy and scipy no longer have.
"""

import numpy as np
from scipy.linalg.blas import dger

from nn.network import Network
from nn.signals import sigmoid


class neuralNetwork:  # noqa: N801 - the book's spelling is the purpose of this file
    """The book's network: trains sample by sample in float64, to the book's arithmetic.

    Parameters
    ----------
    inputnodes, hiddennodes, outputnodes : int
        Sizes of the three layers.
    learningrate : float

    Attributes
    ----------
    wih : ndarray of shape (hiddennodes, inputnodes)
        Weights from input to hidden nodes, drawn by ``numpy.random`` as in the book: with the same
        ``numpy.random.seed`` they are the same as the book's.
    who : ndarray of shape (outputnodes, hiddennodes)
        Weights from hidden to output nodes.
    lr : float
    """

    def __init__(self, inputnodes, hiddennodes, outputnodes, learningrate):
        self._network = Network(
            inputnodes, hiddennodes, outputnodes, learning_rate=learningrate, dtype="float64"
        )
        self.wih = np.random.normal(0.0, inputnodes**-0.5, (hiddennodes, inputnodes))
        self.who = np.random.normal(0.0, hiddennodes**-0.5, (outputnodes, hiddennodes))

    @property
    def wih(self) -> np.ndarray:
        """Weights from input to hidden nodes."""
        return self._network.weights_input_hidden

    @wih.setter
    def wih(self, weights):
        self._network.weights_input_hidden = np.array(weights, dtype=float, order="C")

    @property
    def who(self) -> np.ndarray:
        """Weights from hidden to output nodes."""
        return self._network.weights_hidden_output

    @who.setter
    def who(self, weights):
        self._network.weights_hidden_output = np.array(weights, dtype=float)

    @property
    def lr(self) -> float:
        """Learning rate."""
        return self._network.learning_rate

    @lr.setter
    def lr(self, rate):
        self._network.learning_rate = float(rate)

    def train(self, inputs_list, targets_list):
        """Learn from one sample: lists of inputs and of targets."""
        inputs, targets = _row(inputs_list), _row(targets_list)
        hidden_outputs = sigmoid(inputs.dot(self.wih.T))  # (1, hidden)
        _, hidden_delta = self._network.train_outputs(hidden_outputs, targets)
        # BLAS adds the product of the two vectors in place. An array for the product would be as
        # large as the weights, and writing and reading it would take most of the time.
        added = dger(1.0, inputs[0], hidden_delta[0], a=self.wih.T, overwrite_a=True)
        self._network.weights_input_hidden = added.T  # the same memory

    def query(self, inputs_list):
        """Return the outputs for one sample, as a column of shape (outputnodes, 1)."""
        return self._network.query(_row(inputs_list)).T

    def backquery(self, targets_list):
        """Return the inputs behind one sample's outputs, as a column of shape (inputnodes, 1)."""
        return self._network.backquery(_row(targets_list)).T


def _row(values) -> np.ndarray:
    """Make one sample a row of shape (1, n)."""
    return np.array(values, dtype=float, ndmin=2)
