"""The book's class with the book's names, so that a reader's own notebook runs on this kit.

In such a notebook, replace the cell that defines the class with::

    from nn.book import neuralNetwork

`nn.book_calls` provides what such a notebook calls and today's numpy and scipy no longer have.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.linalg.blas import dger

from nn.errors import KitError
from nn.kit import KIT_FOLDER
from nn.network import Network
from nn.saving.model_file import OWN_DATASET, check_replaceable, load_model, save_model
from nn.signals import logit, sigmoid

OWN_MODEL = KIT_FOLDER / "models" / "mine.npz"
_TRIED_AT = np.linspace(-6, 6, 25)


class BookError(KitError, ValueError):
    """The book's class was given something that it cannot work with."""


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
    inodes, hnodes, onodes : int
        Sizes of the three layers, as the weights have them.
    activation_function, inverse_activation_function : callable
        The sigmoid and its inverse. Others are refused: training and models are the sigmoid's.
    """

    def __init__(self, inputnodes, hiddennodes, outputnodes, learningrate):
        self._network = Network(
            inputnodes, hiddennodes, outputnodes, learning_rate=learningrate, dtype="float64"
        )
        self.wih = np.random.normal(0.0, inputnodes**-0.5, (hiddennodes, inputnodes))
        self.who = np.random.normal(0.0, hiddennodes**-0.5, (outputnodes, hiddennodes))

    @property
    def inodes(self) -> int:
        """Number of input nodes."""
        return self.wih.shape[1]

    @property
    def hnodes(self) -> int:
        """Number of hidden nodes."""
        return self.wih.shape[0]

    @property
    def onodes(self) -> int:
        """Number of output nodes."""
        return self.who.shape[0]

    @property
    def activation_function(self) -> Callable[[np.ndarray], np.ndarray]:
        """The sigmoid; set it to a sigmoid of your own, or keep your own class for others."""
        return sigmoid

    @activation_function.setter
    def activation_function(self, function):
        _require_same("activation_function", function, sigmoid, "the sigmoid", _TRIED_AT)

    @property
    def inverse_activation_function(self) -> Callable[[np.ndarray], np.ndarray]:
        """The logit, which undoes the sigmoid."""
        return logit

    @inverse_activation_function.setter
    def inverse_activation_function(self, function):
        tried_at = sigmoid(_TRIED_AT)
        _require_same("inverse_activation_function", function, logit, "the logit", tried_at)

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
        inputs = _rows(inputs_list, "inputs", self.inodes)
        targets = _rows(targets_list, "targets", self.onodes)
        if not len(inputs) == len(targets) == 1:
            raise BookError(f"expected one sample, got {len(inputs)} and targets of {len(targets)}")
        hidden_outputs = sigmoid(inputs.dot(self.wih.T))  # (1, hidden)
        _, hidden_delta = self._network.train_outputs(hidden_outputs, targets)
        # BLAS adds the product of the two vectors in place. An array for the product would be as
        # large as the weights, and writing and reading it would take most of the time.
        added = dger(1.0, inputs[0], hidden_delta[0], a=self.wih.T, overwrite_a=True)
        self._network.weights_input_hidden = added.T  # the same memory

    def query(self, inputs_list):
        """Return the outputs for one sample, as a column of shape (outputnodes, 1)."""
        return self._network.query(_rows(inputs_list, "inputs", self.inodes)).T

    def backquery(self, targets_list):
        """Return the inputs behind one sample's outputs, as a column of shape (inputnodes, 1)."""
        return self._network.backquery(_rows(targets_list, "targets", self.onodes)).T

    def save(self, path: str | os.PathLike = OWN_MODEL, accuracy: float | None = None) -> Path:
        """Save the network as a model, which ``pi-nn query`` and notebook 05 can use.

        Parameters
        ----------
        path : path-like
            By default models/mine.npz in the kit's folder, where notebook 05 prefers it to others.
            Its folder is created if missing; a model that is there is replaced.
        accuracy : float, optional
            Share of test digits that it read, 0 to 1: notebook 05 repeats it.

        Returns
        -------
        path : Path

        Raises
        ------
        ModelError
            When the path is taken by something that is not a model, or a weight is not a number.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        check_replaceable(path, size=0)
        accuracy = None if accuracy is None else float(accuracy)
        save_model(self._network, path, about={"dataset": OWN_DATASET, "accuracy": accuracy})
        return path

    @classmethod
    def load(cls, path: str | os.PathLike = OWN_MODEL) -> "neuralNetwork":
        """Make a network of a model that `save` or ``pi-nn train`` wrote.

        Raises
        ------
        ModelError
            When the file does not exist, or is not a model of this kit.
        """
        network = cls.__new__(cls)  # drawing weights would move the reader's numpy.random on
        network._network = saved = load_model(path)
        network.wih, network.who = saved.weights_input_hidden, saved.weights_hidden_output
        return network


def _rows(values, what: str, nodes: int) -> np.ndarray:
    """Make samples rows of shape (n, nodes)."""
    rows = np.array(values, dtype=float, ndmin=2)
    if rows.shape[1:] != (nodes,):
        got = rows.size if len(rows) == 1 else f"an array of shape {np.shape(values)}"
        raise BookError(f"expected {nodes} {what}, got {got}")
    return rows


def _require_same(name: str, function, own: Callable, own_name: str, tried_at: np.ndarray) -> None:
    """Refuse a function that does not give what this class's own gives."""
    try:
        same = np.allclose(function(tried_at), own(tried_at), rtol=0, atol=1e-6)
    except Exception as error:  # a reader's function raises anything
        raise BookError(
            f"{name}: expected {own_name}, got a function that fails: {error}"
        ) from None
    if not same:
        raise BookError(
            f"{name}: expected {own_name}, got another function. This class trains by the "
            "derivative of the sigmoid, and models are saved without a function: keep your own "
            "class for others"
        )
