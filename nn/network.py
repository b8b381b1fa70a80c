"""The book's three-layer network: rows are samples; `batch` is the number of rows in a call."""

import numpy as np

from nn.rules import get_rule
from nn.signals import PIXELS, add_product, logit, sigmoid


class Network:
    """Input, hidden and output nodes; sigmoid, no biases; the book's initial weights.

    Parameters
    ----------
    input_nodes, hidden_nodes, output_nodes : int
        Sizes of the three layers.
    learning_rate : float, default 0.1
        Applied to the summed update of each batch.
    rule : str, default "multiply"
        How output errors are sent back to the hidden nodes: a name in `nn.rules.RULES`.
    seed : int or None
        Seed of the initial weights, N(0, fan_in ** -0.5).
    dtype : {"float32", "float64"}
        Type of weights and signals.

    Attributes
    ----------
    weights_input_hidden : ndarray of shape (hidden_nodes, input_nodes)
    weights_hidden_output : ndarray of shape (output_nodes, hidden_nodes)
    about : dict
        Metadata of a model file, such as what it was trained on.

    References
    ----------
    T. Rashid, "Make Your Own Neural Network", 2016.
    """

    def __init__(
        self,
        input_nodes: int = PIXELS,
        hidden_nodes: int = 100,
        output_nodes: int = 10,
        *,
        learning_rate: float = 0.1,
        rule: str = "multiply",
        seed: int | None = None,
        dtype="float32",
    ):
        self.learning_rate, self.rule, self.seed = float(learning_rate), rule, seed
        self.send_back = get_rule(rule)
        self.about: dict = {}
        normal = np.random.default_rng(seed).normal
        hidden, output = (hidden_nodes, input_nodes), (output_nodes, hidden_nodes)
        self.weights_input_hidden = normal(0.0, input_nodes**-0.5, hidden).astype(dtype)
        self.weights_hidden_output = normal(0.0, hidden_nodes**-0.5, output).astype(dtype)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Return (input_nodes, hidden_nodes, output_nodes)."""
        hidden_nodes, input_nodes = self.weights_input_hidden.shape
        return input_nodes, hidden_nodes, self.weights_hidden_output.shape[0]

    @property
    def dtype(self) -> np.dtype:
        """Return the type of the weights."""
        return self.weights_input_hidden.dtype

    def forward(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Send signals forward; return the outputs of the hidden nodes and of the output nodes.

        Parameters
        ----------
        inputs : ndarray of shape (batch, input_nodes) or (input_nodes,)

        Returns
        -------
        hidden_outputs : ndarray of shape (batch, hidden_nodes) or (hidden_nodes,)
        outputs : ndarray of shape (batch, output_nodes) or (output_nodes,)
        """
        hidden_outputs = sigmoid(inputs.dot(self.weights_input_hidden.T))  # (batch, hidden)
        outputs = sigmoid(hidden_outputs.dot(self.weights_hidden_output.T))  # (batch, outputs)
        return hidden_outputs, outputs

    def query(self, inputs: np.ndarray) -> np.ndarray:
        """Return the output signals for scaled inputs; shapes as in `forward`."""
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
            Targets minus outputs, before the update.

        Examples
        --------
        The book's worked example: a weight of 2.0 from a hidden node with output 0.4, and one of
        3.0 from a node with output 0.5; their sum is 2.3, and the error is 1.5.

        >>> network = Network(1, 2, 1, learning_rate=0.1, dtype="float64")
        >>> network.weights_input_hidden[:] = logit(np.array([[0.4], [0.5]]))
        >>> network.weights_hidden_output[:] = [[2.0, 3.0]]
        >>> output = network.query(np.array([[1.0]]))
        >>> _ = network.train(np.array([[1.0]]), output + 1.5)
        >>> print(f"{network.weights_hidden_output[0, 0]:.3f}")
        2.005
        """
        inputs, targets = np.atleast_2d(inputs), np.atleast_2d(targets)
        hidden_outputs = sigmoid(inputs.dot(self.weights_input_hidden.T))  # (batch, hidden)
        errors, hidden_delta = self.train_outputs(hidden_outputs, targets)
        add_product(self.weights_input_hidden, hidden_delta.T, inputs)  # (hidden, inputs)
        return errors

    def train_outputs(
        self, hidden_outputs: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Learn the second half from one batch; return its errors and the hidden nodes' deltas.

        `hidden_outputs` and the deltas are of shape (batch, hidden_nodes), `targets` and the errors
        of shape (batch, output_nodes). The deltas times the inputs update the first half.
        """
        outputs = sigmoid(hidden_outputs.dot(self.weights_hidden_output.T))  # (batch, outputs)
        errors = targets - outputs
        steps = self.learning_rate * errors
        hidden_steps = self.send_back(steps, self.weights_hidden_output, outputs)

        output_delta = steps * outputs * (1 - outputs)
        hidden_delta = hidden_steps * hidden_outputs * (1 - hidden_outputs)
        self.weights_hidden_output += output_delta.T.dot(hidden_outputs)  # (outputs, hidden)
        return errors, hidden_delta

    def backquery(self, targets: np.ndarray) -> np.ndarray:
        """Run the network backwards: find inputs that match given outputs.

        In each layer, the logit undoes the sigmoid, the transposed weights send the signals back,
        and the result is rescaled to 0.01..0.99, where the next logit is defined.

        Parameters
        ----------
        targets : ndarray of shape (batch, output_nodes) or (output_nodes,)
            Strictly between 0 and 1.

        Returns
        -------
        inputs : ndarray of shape (batch, input_nodes) or (input_nodes,)
            From 0.01 to 0.99.
        """
        signals = targets
        for weights in (self.weights_hidden_output, self.weights_input_hidden):
            signals = logit(signals) @ weights
            low = signals.min(axis=-1, keepdims=True)
            span = signals.max(axis=-1, keepdims=True) - low
            signals = (signals - low) / np.where(span > 0, span, 1) * 0.98 + 0.01
        return signals
