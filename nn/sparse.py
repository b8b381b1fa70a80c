r"""The training step on the pixels with ink alone: the same sums without the many zeros.

Four pixels of five are blank, and a blank one still sends 0.01. So an input vector is
:math:`x = c + s`: the same :math:`c = 0.01` everywhere, and a sparse :math:`s`. A step uses the
weights :math:`W` twice: it needs the signals :math:`W x`, and it adds :math:`d\, x^T`, where
:math:`d` are the deltas of the hidden nodes. Write :math:`\sigma = \sum_i s_i`, and keep instead
of :math:`W`, for each hidden node, what has been added to all of its n weights alike, k, and the
sum of its weights, r:

.. math::
    W = V + k\, 1^T \qquad r = W\, 1

Then, exactly,

.. math::
    W x = V s + k\, \sigma + r\, c

    W \mathrel{+}= d\, x^T \iff
    V \mathrel{+}= d\, s^T, \quad k \mathrel{+}= d\, c, \quad r \mathrel{+}= d\, (\sigma + n c)

Both are products with sparse vectors only. With the columns of V, k and r as rows of one matrix,
and two more values in each sparse vector, there is nothing else to them:

=============  ======================================
stack          V's n columns, then k, then r
``forward``    s, then :math:`\sigma`, then :math:`c`
``back``       s, then :math:`c`, then :math:`\sigma + n c`
=============  ======================================
"""

import importlib.machinery
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from nn.network import PIXEL_OFFSET, PIXEL_SCALE, Network, sigmoid


class SparseRows:
    """Input vectors without their blanks, as compressed sparse rows; a slice is a view.

    Attributes
    ----------
    starts : ndarray of int32, shape (rows + 1,)
        Row i has the entries from ``starts[i]`` to before ``starts[i + 1]``.
    columns : ndarray of int32, shape (entries,)
        Where in the stack each belongs.
    forward, back : ndarrays of shape (entries,)
        What it is multiplied by on the way forward, and on the way back.
    """

    __slots__ = ("back", "columns", "forward", "starts")

    def __init__(self, starts, columns, forward, back):
        self.starts, self.columns, self.forward, self.back = starts, columns, forward, back

    @classmethod
    def from_pixels(cls, pixels: np.ndarray, dtype) -> "SparseRows":
        """Compress grey levels, uint8 of shape (rows, n); the inputs are `scale_pixels` of them."""
        return cls._compress(pixels, PIXEL_SCALE, dtype)

    @classmethod
    def from_inputs(cls, inputs: np.ndarray) -> "SparseRows":
        """Compress inputs of shape (rows, n); what is 0.01 but for a rounding is blank."""
        sparse = inputs - inputs.dtype.type(PIXEL_OFFSET)
        sparse[np.abs(sparse) <= np.finfo(sparse.dtype).eps] = 0
        return cls._compress(sparse, 1, sparse.dtype)

    @classmethod
    def _compress(cls, levels: np.ndarray, scale: float, dtype) -> "SparseRows":
        rows, n = levels.shape
        padded = np.ones((rows, n + 2), levels.dtype)  # ones hold the places of the two more
        padded[:, :n] = levels
        places = np.flatnonzero(padded)
        first_places = np.arange(rows + 1) * (n + 2)
        starts = places.searchsorted(first_places)
        columns = places - first_places[:-1].repeat(np.diff(starts))

        entries = padded.take(places)
        sums = scale * (np.add.reduceat(entries, starts[:-1], dtype=float) - 2)
        forward = np.multiply(entries, scale, dtype=dtype)
        back = forward.copy()
        last = starts[1:] - 1
        forward[last - 1], forward[last] = sums, PIXEL_OFFSET
        back[last - 1], back[last] = PIXEL_OFFSET, sums + n * PIXEL_OFFSET
        return cls(starts.astype(np.int32), columns.astype(np.int32), forward, back)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, rows: slice) -> "SparseRows":
        first, stop, _ = rows.indices(len(self))
        starts = self.starts[first : stop + 1]
        return SparseRows(starts, self.columns, self.forward, self.back)


class SparseExecution:
    """A network's training step and its answers, on sparse rows; equal but for rounding.

    From the start to `close`, the network's weights are a view into the stack. They lack what
    has been added to all alike until `fold` is called.

    Parameters
    ----------
    network : Network
    """

    name = "sparse"

    def __init__(self, network: Network):
        self.network = network
        self._own_weights = network.weights_input_hidden
        n = network.sizes[0]
        self._stack = np.vstack(
            [
                network.weights_input_hidden.T,  # V, (n, hidden)
                np.zeros_like(network.weights_input_hidden, shape=(1, network.sizes[1])),  # k
                network.weights_input_hidden.sum(axis=1)[np.newaxis],  # r
            ]
        )
        self._columns, self._common = self._stack[:n], self._stack[n]
        network.weights_input_hidden = self._columns.T
        self._tools = sparse_tools()

    def from_pixels(self, pixels: np.ndarray) -> SparseRows:
        """Make rows of grey levels, uint8 of shape (batch, input_nodes)."""
        return SparseRows.from_pixels(pixels, self.network.dtype)

    def from_inputs(self, inputs: np.ndarray) -> SparseRows:
        """Make rows of scaled inputs, of shape (batch, input_nodes)."""
        return SparseRows.from_inputs(inputs)

    def train(self, rows: SparseRows, targets: np.ndarray) -> np.ndarray:
        """Learn from one batch, as `Network.train` does; return the errors before the update."""
        hidden_outputs = self._hidden(rows)
        errors, hidden_delta = self.network.train_outputs(hidden_outputs, targets)
        n, hidden = self._stack.shape
        # stack += rows.T @ hidden_delta: (n + 2, batch) @ (batch, hidden); the rows of S are the
        # columns of its transpose
        self._tools.csc_matvecs(
            n, len(rows), hidden, rows.starts, rows.columns, rows.back, hidden_delta, self._stack
        )
        return errors

    def query(self, rows: SparseRows) -> np.ndarray:
        """Answer: the output signals, of shape (batch, output_nodes)."""
        return self.network.outputs(self._hidden(rows))

    def _hidden(self, rows: SparseRows) -> np.ndarray:
        n, hidden = self._stack.shape
        signals = np.zeros((len(rows), hidden), self._stack.dtype)
        # signals += rows @ stack: (batch, n + 2) @ (n + 2, hidden)
        self._tools.csr_matvecs(
            len(rows), n, hidden, rows.starts, rows.columns, rows.forward, self._stack, signals
        )
        return sigmoid(signals)

    def fold(self) -> None:
        """Make the network's weights whole: V += k, and k = 0."""
        self._columns += self._common
        self._common[:] = 0

    def state(self) -> dict[str, np.ndarray]:
        """Return what is kept besides the network's weights, which are V: k and r, (2, hidden)."""
        return {"common_and_sums": self._stack[-2:]}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up where another left off: what its `state` was, bit by bit."""
        self._stack[-2:] = state["common_and_sums"]

    def close(self) -> None:
        """Leave the network with whole weights in its own array again."""
        self.fold()
        self._own_weights[:] = self._columns.T
        self.network.weights_input_hidden = self._own_weights


@cache
def sparse_tools():
    """Load scipy's compiled sparse products, and nothing else of scipy.

    ``import scipy.sparse`` takes 0.3 s and 24 MB on x86-64, and many seconds on a Pi Zero, for
    what training has no use for. This one extension module needs nothing but numpy and takes a
    hundredth of that.
    """
    scipy = importlib.util.find_spec("scipy")
    if scipy is None or scipy.origin is None:
        raise ImportError("scipy is missing", name="scipy")
    folder = str(Path(scipy.origin).parent / "sparse")
    spec = importlib.machinery.PathFinder.find_spec("_sparsetools", [folder])
    if spec is None or spec.loader is None:
        from scipy.sparse import _sparsetools  # where a scipy to come may keep it

        return _sparsetools
    tools = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tools)
    return tools
