r"""The training step by whole matrices; pixels that are blank in a whole block count as one.

Of 784 pixels, some 230 have no ink in any of 256 digits. Each of these m pixels sends
:math:`c = 0.01` every time, so their weights :math:`w_i` all change by the same amount. One node
can stand for them: it sends :math:`c\sqrt m` through the weight

.. math::
    q = \frac{1}{\sqrt m} \sum_i w_i

which adds the same to the signals, since :math:`c \sqrt m \, q = \sum_i c\, w_i`; and the update
:math:`q \mathrel{+}= d\, c \sqrt m`, where d is the delta, is what :math:`w_i \mathrel{+}= d\, c`
makes of q. When the block is done, each :math:`w_i` gets its share of the change,
:math:`\Delta q / \sqrt m`.
"""

import numpy as np

from nn.network import PIXEL_OFFSET, Network, add_product, scale_pixels, sigmoid
from nn.saving.checkpoint import take_over


class DenseExecution:
    """A network's training step and its answers, by whole matrices; equal but for rounding.

    From the first block to `close`, the network's weights are a view into an array of shape
    (inputs, hidden). Between `begin_block` and `end_block` they lag behind until `fold` is called.

    Parameters
    ----------
    network : Network
    """

    name = "dense"

    def __init__(self, network: Network):
        self.network = network
        self._own_weights = network.weights_input_hidden
        self._weights: np.ndarray | None = None  # (inputs, hidden), from the first block on
        self._block: np.ndarray | None = None  # weights of the pixels with ink, then q
        self._q_before: np.ndarray | None = None  # when it was last shared out
        self._restored: np.ndarray | None = None

    def begin_block(self, variants: list[np.ndarray], batch_size: int) -> list[list[np.ndarray]]:
        """Take in the digits of a block, in one or more variants; return the batches of each.

        Parameters
        ----------
        variants : list of ndarray, each of shape (rows, inputs)
            Grey levels as uint8, or scaled inputs.
        batch_size : int

        Returns
        -------
        batches : list of list
            What `train` takes.
        """
        if self._weights is None:
            self._lay_out()
        blank = np.logical_and.reduce([_blank_pixels(rows) for rows in variants])
        self._inked, self._blank = np.flatnonzero(~blank), np.flatnonzero(blank)
        self._root = np.sqrt(max(1, len(self._blank))).astype(self._weights.dtype)
        self._block = self._room[: len(self._inked) + 1]
        self._weights.take(self._inked, axis=0, out=self._block[:-1], mode="clip")
        if self._restored is None:
            self._q_before = self._weights.take(self._blank, axis=0).sum(axis=0) / self._root
            self._block[-1] = self._q_before
        else:
            self._block[-1], self._q_before = self._restored
            self._restored = None
        return [_cut(self._inputs(rows), batch_size) for rows in variants]

    def train(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Learn from one batch, as `Network.train` does; return the errors before the update."""
        signals = inputs.dot(self._block)  # (batch, inked + 1) @ (inked + 1, hidden)
        hidden_outputs = sigmoid(signals)
        errors, hidden_delta = self.network.train_outputs(hidden_outputs, targets)
        add_product(self._block, inputs.T, hidden_delta)  # (inked + 1, batch) @ (batch, hidden)
        return errors

    def query(self, pixels: np.ndarray) -> np.ndarray:
        """Answer grey levels, uint8 of shape (n, inputs): the output signals, (n, outputs)."""
        self.fold()
        return self.network.query(scale_pixels(pixels, self.network.dtype))

    def fold(self) -> None:
        """Make the network's weights whole."""
        if self._block is not None:
            self._weights[self._inked] = self._block[:-1]
            self._weights[self._blank] += (self._block[-1] - self._q_before) / self._root
            self._q_before = self._block[-1].copy()

    def end_block(self) -> None:
        """Make the network's weights whole, and be done with the block."""
        self.fold()
        self._block = None

    def state(self) -> dict[str, np.ndarray]:
        """Bring the network's weights up to date but for q; return q and q before, (2, hidden)."""
        if self._block is None:
            return {}
        self._weights[self._inked] = self._block[:-1]
        return {"blank_pixels": np.stack([self._block[-1], self._q_before])}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up where another left off: its `state`, bit by bit, for the block it was in."""
        if "blank_pixels" in state:
            self._restored = np.empty_like(self._own_weights, shape=(2, self.network.sizes[1]))
            take_over(self._restored, "blank_pixels", state)

    def close(self) -> None:
        """Leave the network with whole weights in its own array again."""
        if self._weights is not None:
            self.fold()
            self._own_weights[:] = self._weights.T
            self.network.weights_input_hidden = self._own_weights

    def _lay_out(self) -> None:
        """Take the weights over, a pixel's beside each other; answers alone do not need it."""
        self._weights = np.array(self._own_weights.T, order="C")
        self.network.weights_input_hidden = self._weights.T
        inputs, hidden_nodes = self._weights.shape
        self._room = np.empty_like(self._weights, shape=(inputs + 1, hidden_nodes))

    def _inputs(self, rows: np.ndarray) -> np.ndarray:
        """Scale the pixels with ink, and add the node that stands for the others."""
        columns = np.append(self._inked, 0)  # the last one's values are replaced
        inputs = rows.take(columns, axis=1)
        if rows.dtype == np.uint8:
            inputs = scale_pixels(inputs, self.network.dtype)
        inputs[:, -1] = PIXEL_OFFSET * self._root if len(self._blank) else 0
        return inputs


def _blank_pixels(rows: np.ndarray) -> np.ndarray:
    """Tell which pixels are blank in all rows, but for a rounding: truth values, (inputs,)."""
    if rows.dtype == np.uint8:
        return rows.max(axis=0) == 0
    offset = rows.dtype.type(PIXEL_OFFSET)
    return np.abs(rows - offset).max(axis=0) <= np.finfo(rows.dtype).eps


def _cut(rows: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return [rows[first : first + batch_size] for first in range(0, len(rows), batch_size)]
