"""The three-layer network: rows are samples, one row or many take the same path.

Shapes in the comments: batch = samples in the call, and the sizes of the three layers.
"""

import os

import numpy as np

from nn.rules import get_rule
from nn.saving.model_file import ModelError, read_model, write_model

PIXEL_SCALE = 0.99 / 255
PIXEL_OFFSET = 0.01
TARGET_LOW, TARGET_HIGH = 0.01, 0.99

# What `add_product` does in one call: OpenBLAS packs its arguments where there are more
# multiplications, which does not pay for few rows. Of few bytes, a second array is no harm.
_PIECE_MULTIPLICATIONS, _FEWEST_ROWS, _FEW_BYTES = 1_000_000, 64, 64 * 1024

# As arrays they spare numpy a conversion at each use, a tenth of a small batch's time.
_HALF, _ONE = np.array(0.5, "float32"), np.array(1, "float32")


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Squash any signal into (0, 1): 1 / (1 + exp(-x)), by a tanh that cannot overflow."""
    half = np.asarray(np.asarray(x) * _HALF)
    np.tanh(half, out=half)
    half *= _HALF
    half += _HALF
    return half


def logit(y: np.ndarray) -> np.ndarray:
    """Undo the sigmoid: log(y / (1 - y)) for y in (0, 1)."""
    return np.log(y / (1 - y))


def scale_pixels(pixels: np.ndarray, dtype="float32") -> np.ndarray:
    """Turn grey levels 0..255 into inputs 0.01..1.0, as the book does.

    Parameters
    ----------
    pixels : ndarray of uint8 or float, any shape
        Grey levels, 0 for paper and 255 for ink.
    dtype : dtype, default "float32"
        Of the result.

    Returns
    -------
    inputs : ndarray of the same shape
        ``pixels / 255 * 0.99 + 0.01``: never 0, which would silence a weight.
    """
    inputs = np.multiply(pixels, PIXEL_SCALE, dtype=dtype)
    inputs += PIXEL_OFFSET
    return inputs


def one_hot(labels: np.ndarray, output_nodes: int = 10, dtype="float32") -> np.ndarray:
    """Turn labels of shape (batch,) into targets of shape (batch, output_nodes).

    The named node's target is 0.99, all others' 0.01: values a sigmoid can reach.
    """
    targets = np.full((len(labels), output_nodes), TARGET_LOW, dtype=dtype)
    targets[np.arange(len(labels)), labels] = TARGET_HIGH
    return targets


def add_product(target: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Do ``target += left @ right``, some rows at a time, so that no second target is allocated.

    Parameters
    ----------
    target : ndarray of shape (n, m)
    left : ndarray of shape (n, batch)
    right : ndarray of shape (batch, m)
    """
    if right.size == 0:
        return
    step = max(-(-len(target) // 2), _FEW_BYTES // target[0].nbytes)
    if (unpacked := _PIECE_MULTIPLICATIONS // right.size) >= _FEWEST_ROWS:
        step = min(step, unpacked)
    product = np.dot if len(right) == 1 else np.matmul  # which is five times as slow there
    for first in range(0, len(target), step):
        rows = slice(first, first + step)
        target[rows] += product(left[rows], right)  # (step, batch) @ (batch, m)


class Network:
    """Input, hidden and output nodes; sigmoid, no biases; the book's initial weights.

    Parameters
    ----------
    input_nodes, hidden_nodes, output_nodes : int
        Sizes of the three layers.
    learning_rate : float, default 0.1
        Applied to the summed update of each batch.
    rule : str, default "multiply"
        How output errors reach the hidden nodes: a name in `nn.rules.RULES`.
    seed : int or None
        Of the generator that draws the first weights, N(0, fan_in ** -0.5).
    dtype : {"float32", "float64"}
        Of weights and signals.

    Attributes
    ----------
    weights_input_hidden : ndarray of shape (hidden_nodes, input_nodes)
    weights_hidden_output : ndarray of shape (output_nodes, hidden_nodes)
    generator : numpy.random.Generator
        It drew the first weights; nothing else in a training is left to chance.
    about : dict
        What a loaded model file says of itself, such as what it was trained on.

    References
    ----------
    T. Rashid, "Make Your Own Neural Network", 2016.
    """

    def __init__(
        self,
        input_nodes: int = 784,
        hidden_nodes: int = 100,
        output_nodes: int = 10,
        *,
        learning_rate: float = 0.1,
        rule: str = "multiply",
        seed: int | None = None,
        dtype="float32",
    ):
        self.generator = generator = np.random.default_rng(seed)
        self.learning_rate = learning_rate
        self.rule = rule
        self.seed = seed
        self.about: dict = {}
        self._send_back = get_rule(rule)
        self.weights_input_hidden = _first_weights(generator, hidden_nodes, input_nodes, dtype)
        self.weights_hidden_output = _first_weights(generator, output_nodes, hidden_nodes, dtype)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Return (input_nodes, hidden_nodes, output_nodes)."""
        hidden_nodes, input_nodes = self.weights_input_hidden.shape
        return input_nodes, hidden_nodes, self.weights_hidden_output.shape[0]

    @property
    def dtype(self) -> np.dtype:
        """Return the type of the weights."""
        return self.weights_input_hidden.dtype

    @property
    def nbytes(self) -> int:
        """Return the size of the weights in bytes."""
        return self.weights_input_hidden.nbytes + self.weights_hidden_output.nbytes

    def forward(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Send signals through; return what leaves the hidden nodes and the output nodes.

        Parameters
        ----------
        inputs : ndarray of shape (batch, input_nodes) or (input_nodes,)

        Returns
        -------
        hidden_outputs : ndarray of shape (batch, hidden_nodes) or (hidden_nodes,)
        outputs : ndarray of shape (batch, output_nodes) or (output_nodes,)
        """
        # (W @ x.T).T is x @ W.T, at half the time: BLAS likes its long rows on the left
        hidden_outputs = sigmoid((self.weights_input_hidden @ inputs.T).T)  # (batch, hidden)
        return hidden_outputs, self.outputs(hidden_outputs)

    def outputs(self, hidden_outputs: np.ndarray) -> np.ndarray:
        """Send hidden outputs through the second half; shapes as in `forward`."""
        # not @, which takes twice as long over arrays this small
        return sigmoid(hidden_outputs.dot(self.weights_hidden_output.T))  # (batch, outputs)

    def query(self, inputs: np.ndarray) -> np.ndarray:
        """Answer: the output signals for scaled inputs, with the shapes of `forward`."""
        return self.forward(inputs)[1]

    def train(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Learn from one batch; the updates of its samples are summed.

        Parameters
        ----------
        inputs : ndarray of shape (batch, input_nodes) or (input_nodes,)
        targets : ndarray of shape (batch, output_nodes) or (output_nodes,)

        Returns
        -------
        errors : ndarray of shape (batch, output_nodes)
            Targets less outputs, as they were before the update.

        Examples
        --------
        The book's worked example: a weight of 2.0 from a hidden node that puts out 0.4, another
        of 3.0 from one that puts out 0.5, so that the sum is 2.3, and an error of 1.5.

        >>> network = Network(1, 2, 1, learning_rate=0.1, dtype="float64")
        >>> network.weights_input_hidden[:] = logit(np.array([[0.4], [0.5]]))
        >>> network.weights_hidden_output[:] = [[2.0, 3.0]]
        >>> output = network.query(np.array([[1.0]]))
        >>> _ = network.train(np.array([[1.0]]), output + 1.5)
        >>> print(f"{network.weights_hidden_output[0, 0]:.3f}")
        2.005
        """
        inputs, targets = np.atleast_2d(inputs), np.atleast_2d(targets)
        hidden_outputs = sigmoid((self.weights_input_hidden @ inputs.T).T)  # (batch, hidden)
        errors, hidden_delta = self.train_outputs(hidden_outputs, targets)
        add_product(self.weights_input_hidden, hidden_delta.T, inputs)  # (hidden, inputs)
        return errors

    def train_outputs(
        self, hidden_outputs: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Learn the second half of the network from one batch, and send its error back.

        Parameters
        ----------
        hidden_outputs : ndarray of shape (batch, hidden_nodes)
        targets : ndarray of shape (batch, output_nodes)

        Returns
        -------
        errors : ndarray of shape (batch, output_nodes)
            Targets less outputs, as they were before the update.
        hidden_delta : ndarray of shape (batch, hidden_nodes)
            The update of the first half is its product with the inputs.
        """
        outputs = self.outputs(hidden_outputs)
        errors = targets - outputs
        steps = np.asarray(self.learning_rate, outputs.dtype) * errors
        hidden_steps = self._send_back(steps, self.weights_hidden_output, outputs)

        output_delta = steps * outputs * (_ONE - outputs)
        hidden_delta = hidden_steps * hidden_outputs * (_ONE - hidden_outputs)
        self.weights_hidden_output += output_delta.T.dot(hidden_outputs)  # (outputs, hidden)
        return errors, hidden_delta

    def backquery(self, targets: np.ndarray) -> np.ndarray:
        """Run the network backwards: the inputs it sees behind given outputs.

        Each layer's signals are undone by the logit, sent back through the transposed weights
        and rescaled into 0.01..0.99, where the next logit is defined.

        Parameters
        ----------
        targets : ndarray of shape (batch, output_nodes) or (output_nodes,)
            Strictly between 0 and 1.

        Returns
        -------
        inputs : ndarray of shape (batch, input_nodes) or (input_nodes,)
            From 0.01 to 0.99.
        """
        hidden_outputs = _rescale(logit(targets) @ self.weights_hidden_output)
        return _rescale(logit(hidden_outputs) @ self.weights_input_hidden)

    def save(self, path: str | os.PathLike, about: dict | None = None) -> None:
        """Write weights and settings to one .npz file, whole or not at all.

        Parameters
        ----------
        path : path-like
            Its folder must exist.
        about : dict, optional
            What else to keep, such as what the network was trained on; anything JSON can say.

        Raises
        ------
        OSError
            When the file cannot be written.
        """
        weights = {
            "weights_input_hidden": self.weights_input_hidden,
            "weights_hidden_output": self.weights_hidden_output,
        }
        settings = {"learning_rate": self.learning_rate, "rule": self.rule, "seed": self.seed}
        write_model(path, weights, {**settings, "about": about or {}})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Network":
        """Read a network that `save` wrote; `about` becomes its attribute of that name.

        Raises
        ------
        ModelError
            When there is no such file, or it is not a whole model of this kit.
        """
        weights, settings = read_model(path)
        try:
            network = cls(
                1,
                1,
                1,
                learning_rate=float(settings["learning_rate"]),
                rule=settings["rule"],
                seed=settings["seed"],
            )
            network.about = dict(settings.get("about", {}))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"{path} has unknown settings ({error}): train it again") from None
        network.weights_input_hidden = weights["weights_input_hidden"]
        network.weights_hidden_output = weights["weights_hidden_output"]
        return network


def _first_weights(generator, nodes: int, fan_in: int, dtype) -> np.ndarray:
    """Draw weights of shape (nodes, fan_in) from N(0, fan_in ** -0.5)."""
    return generator.normal(0.0, fan_in**-0.5, (nodes, fan_in)).astype(dtype)


def _rescale(signals: np.ndarray) -> np.ndarray:
    """Stretch each row over 0.01..0.99."""
    low = signals.min(axis=-1, keepdims=True)
    span = signals.max(axis=-1, keepdims=True) - low
    return (signals - low) / np.where(span > 0, span, 1) * 0.98 + 0.01
