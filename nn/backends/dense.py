r"""The training step with dense matrices; pixels that are blank in an entire block count as one.

Of 784 pixels, about 230 have no ink in any of 256 digits. Each of these m pixels always sends
:math:`c = 0.01`, so their weights :math:`w_i` all change by the same amount. A single node can
replace them: it sends :math:`c\sqrt m` through the weight

.. math::
    q = \frac{1}{\sqrt m} \sum_i w_i

which adds the same to the signals, since :math:`c \sqrt m \, q = \sum_i c\, w_i`. Its update
:math:`q \mathrel{+}= d\, c \sqrt m`, where d is the delta, equals the effect on q of all updates
:math:`w_i \mathrel{+}= d\, c`. At the end of the block, each :math:`w_i` gets its share of the
change, :math:`\Delta q / \sqrt m`.
"""

import copy

import numpy as np

from nn.network import Network
from nn.signals import PIXEL_OFFSET, scale_pixels


class Backend:
    """A network's training steps and answers with dense matrices; results differ by rounding only.

    From the first block to `close`, the network's weights are a view into an array of shape
    (inputs, hidden), and are complete between blocks.

    Parameters
    ----------
    network : Network
    """

    name = "dense"

    def __init__(self, network: Network):
        self.network = network
        self._own_weights = network.weights_input_hidden
        self._weights: np.ndarray | None = None  # (inputs, hidden), from the first block on

    def train_block(
        self, variants: list[np.ndarray], targets: np.ndarray, batch_size: int
    ) -> np.ndarray:
        """Learn from a block of digits, batch by batch.

        Parameters
        ----------
        variants : list of ndarray, each of shape (rows, inputs)
            Grey levels as uint8, or scaled inputs. Each batch is learned once per variant.
        targets : ndarray of shape (rows, outputs)
        batch_size : int

        Returns
        -------
        errors : ndarray of shape (rows * len(variants), outputs)
            In the order of the updates, each from before its update.
        """
        if self._weights is None:  # answers alone do not need it
            self._weights = np.array(self._own_weights.T, order="C")
            self.network.weights_input_hidden = self._weights.T
            inputs, hidden_nodes = self._weights.shape
            self._room = np.empty_like(self._weights, shape=(inputs + 1, hidden_nodes))
        small = copy.copy(self.network)  # the two share the weights of the second half
        is_blank = np.ones(len(self._weights), bool)
        for rows in variants:
            rounding = np.finfo(self._weights.dtype).eps
            ink = rows if rows.dtype == np.uint8 else np.abs(rows - PIXEL_OFFSET) > rounding
            is_blank &= np.bitwise_or.reduce(ink, axis=0) == 0
        inked, blanks = np.flatnonzero(~is_blank), np.count_nonzero(is_blank)
        root = np.sqrt(max(1, blanks)).astype(self._weights.dtype)

        # A network of the pixels with ink and one node that replaces the others
        block = self._room[: len(inked) + 1]  # (inked + 1, hidden)
        self._weights.take(inked, axis=0, out=block[:-1], mode="clip")
        before = self._weights[is_blank].sum(axis=0) / root
        block[-1] = before
        small.weights_input_hidden = block.T
        columns = np.append(inked, 0)  # the last one's values are replaced
        inputs = []
        for rows in variants:
            chosen = rows.take(columns, axis=1)
            chosen = scale_pixels(chosen, block.dtype) if rows.dtype == np.uint8 else chosen
            chosen[:, -1] = PIXEL_OFFSET * root if blanks else 0
            inputs.append(chosen)

        errors = []
        try:
            for first in range(0, len(targets), batch_size):
                batch = slice(first, first + batch_size)
                for chosen in inputs:
                    errors.append(small.train(chosen[batch], targets[batch]))
        finally:  # complete the weights even if Ctrl-C ends a notebook's cell
            self._weights[inked] = block[:-1]
            change = (block[-1] - before) / root
            np.add(self._weights, change, out=self._weights, where=is_blank[:, np.newaxis])
        return np.concatenate(errors)

    def query(self, pixels: np.ndarray) -> np.ndarray:
        """Return the output signals, (n, outputs), for grey levels, uint8 of shape (n, inputs)."""
        return self.network.query(scale_pixels(pixels, self.network.dtype))

    def close(self) -> None:
        """Put the weights back into the network's own array."""
        if self._weights is not None:
            self._own_weights[:] = self._weights.T
            self.network.weights_input_hidden = self._own_weights
