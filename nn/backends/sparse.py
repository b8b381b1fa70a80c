r"""The training step on pixels with ink only: the same sums without the many zeros.

Four out of five pixels are blank, and a blank pixel still sends 0.01. So an input vector is
:math:`x = c + s`: a constant :math:`c = 0.01` and a sparse :math:`s`. A step uses the weights
:math:`W` twice: it computes the signals :math:`W x`, and it adds :math:`d\, x^T`, where :math:`d`
are the deltas of the hidden nodes. Let :math:`\sigma = \sum_i s_i`. Instead of :math:`W`, keep
:math:`V` and, for each hidden node, the amount k that has been added to all of its n weights, and
the sum r of its weights:

.. math::
    W = V + k\, 1^T \qquad r = W\, 1

Then these hold exactly:

.. math::
    W x = V s + k\, \sigma + r\, c

    W \mathrel{+}= d\, x^T \iff
    V \mathrel{+}= d\, s^T, \quad k \mathrel{+}= d\, c, \quad r \mathrel{+}= d\, (\sigma + n c)

The products with s are sparse: they use only the weights in V of inked pixels. The products with k
and r are small, and each digit has these factors for them:

========  ================  =======================
          with k            with r
========  ================  =======================
forward   :math:`\sigma`    c
back      c                 :math:`\sigma + n c`
========  ================  =======================
"""

from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from nn.network import Network
from nn.signals import PIXEL_OFFSET, PIXEL_SCALE, sigmoid

_QUERY_BYTES = 8 * 1024  # of signals at once: half of a Pi Zero's cache


class SparseBatch:
    """Input vectors without blank pixels, as compressed columns, pixel by pixel.

    A pixel's weights are then fetched once for the entire batch, in the forward and in the backward
    pass. Fetching takes most of the time on a Pi Zero, whose cache holds few weights.

    Attributes
    ----------
    starts : ndarray of int32, shape (n + 1,)
        Pixel i has the entries from ``starts[i]`` to before ``starts[i + 1]``.
    digits : ndarray of int32, shape (entries,)
        The row of the batch that each entry belongs to.
    ink : ndarray of shape (entries,)
        The value of s for that pixel in that row.
    forward, back : ndarrays of shape (batch, 2)
        The factors of k and r in the forward and in the backward pass.
    """

    __slots__ = ("back", "digits", "forward", "ink", "starts")

    def __init__(self, starts, digits, ink, forward, back):
        self.starts, self.digits, self.ink = starts, digits, ink
        self.forward, self.back = forward, back


def compress(rows: np.ndarray, batch_size: int, dtype) -> list[SparseBatch]:
    """Split rows into batches without blank pixels; the last batch may be shorter.

    Parameters
    ----------
    rows : ndarray of shape (rows, n)
        Grey levels as uint8; or scaled inputs, where 0.01, up to rounding, is blank.
    batch_size : int
    dtype : dtype
        Type of ink and factors.
    """
    if rows.dtype == np.uint8:
        levels, scale = np.ascontiguousarray(rows), PIXEL_SCALE
        inked = levels != 0
    else:
        levels, scale = rows - rows.dtype.type(PIXEL_OFFSET), 1
        inked = np.abs(levels) > np.finfo(levels.dtype).eps
    count, n = levels.shape
    places = np.flatnonzero(inked)  # five times as fast on booleans
    entries = levels.take(places)
    row_starts = places.searchsorted(np.arange(count + 1) * n).astype(np.int32)
    row_lengths = np.diff(row_starts)
    closed = np.append(entries, entries.dtype.type(0))
    sums = np.add.reduceat(closed, row_starts[:-1], dtype=float)
    sums = scale * np.where(row_lengths, sums, 0)  # of no entries, reduceat takes the next one

    # All batches at once: in a matrix of shape (count, batches * n), each batch has n columns, and
    # scipy converts the compressed rows into compressed columns.
    columns, digit_of = _numbers(count, n, batch_size)
    batches = -(-count // batch_size)
    starts = np.empty(batches * n + 1, np.int32)
    digits, ink = np.empty(len(places), np.int32), np.empty_like(entries)
    sparse_tools().csr_tocsc(
        count, batches * n, row_starts, columns.take(places), entries, starts, digits, ink
    )
    digits, ink = digit_of.take(digits), np.multiply(ink, scale, dtype=dtype)

    forward, back = np.empty((count, 2), dtype), np.empty((count, 2), dtype)
    forward[:, 0] = sums
    forward[:, 1] = back[:, 0] = PIXEL_OFFSET
    back[:, 1] = sums + n * PIXEL_OFFSET
    cuts = [slice(first, first + batch_size) for first in range(0, count, batch_size)]
    return [
        SparseBatch(starts[number * n : (number + 1) * n + 1], digits, ink, forward[cut], back[cut])
        for number, cut in enumerate(cuts)
    ]


@lru_cache(maxsize=2)
def _numbers(count: int, n: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each place's column in the matrix of all batches, and each row's index in its own."""
    batch_of, digit_of = np.divmod(np.arange(count, dtype=np.int32), np.int32(batch_size))
    columns = n * batch_of[:, np.newaxis] + np.arange(n, dtype=np.int32)
    return columns.ravel(), digit_of


class Backend:
    """A network's training steps and answers without blank pixels; only rounding differs.

    Until `close`, the network's weights are a view of V, and are complete between blocks. All
    arrays for scipy's products are C-contiguous: others would be copied, in and out, at each call.

    Parameters
    ----------
    network : Network
    """

    name = "sparse"

    def __init__(self, network: Network):
        self.network = network
        self._own_weights = network.weights_input_hidden
        self._weights = np.array(network.weights_input_hidden.T, order="C")  # V, (n, hidden)
        network.weights_input_hidden = self._weights.T
        self._tools = sparse_tools()

    def train_block(
        self, variants: list[np.ndarray], targets: np.ndarray, batch_size: int
    ) -> np.ndarray:
        """Learn from a block of digits, as `nn.backends.dense.Backend.train_block` does."""
        variants = [compress(rows, batch_size, self.network.dtype) for rows in variants]
        n, hidden_nodes = self._weights.shape
        common, _ = common_and_sums = self._common_and_sums()
        errors = []
        try:
            for number, batches in enumerate(zip(*variants, strict=True)):
                batch_targets = targets[number * batch_size : (number + 1) * batch_size]
                for batch in batches:
                    hidden_outputs = self._hidden_outputs(batch, common_and_sums)
                    wrong, delta = self.network.train_outputs(hidden_outputs, batch_targets)
                    ink = (batch.starts, batch.digits, batch.ink)
                    # V += ink @ delta: (n, batch) @ (batch, hidden)
                    self._tools.csr_matvecs(n, len(delta), hidden_nodes, *ink, delta, self._weights)
                    common_and_sums += batch.back.T.dot(delta)  # (2, batch) @ (batch, hidden)
                    errors.append(wrong)
        finally:  # complete the weights even if Ctrl-C ends a notebook's cell
            self._weights += common
        return np.concatenate(errors)

    def query(self, pixels: np.ndarray) -> np.ndarray:
        """Return the output signals, (n, outputs), for grey levels, uint8 of shape (n, inputs)."""
        rows = max(16, _QUERY_BYTES // self._weights[0].nbytes)
        common_and_sums = self._common_and_sums()
        answers = [np.empty((0, self.network.sizes[2]), self.network.dtype)]
        for batch in compress(pixels, rows, self.network.dtype):
            hidden_outputs = self._hidden_outputs(batch, common_and_sums)
            answers.append(sigmoid(hidden_outputs.dot(self.network.weights_hidden_output.T)))
        return np.concatenate(answers)

    def _common_and_sums(self) -> np.ndarray:
        """Return k and r, of shape (2, hidden), for complete weights: zeros and sums of weights."""
        sums = self._weights.sum(axis=0)
        return np.stack([np.zeros_like(sums), sums])

    def _hidden_outputs(self, batch: SparseBatch, common_and_sums: np.ndarray) -> np.ndarray:
        signals = batch.forward.dot(common_and_sums)  # (batch, 2) @ (2, hidden)
        n, hidden_nodes = self._weights.shape
        ink = (batch.starts, batch.digits, batch.ink)
        # signals += ink.T @ V: (batch, n) @ (n, hidden)
        self._tools.csc_matvecs(len(signals), n, hidden_nodes, *ink, self._weights, signals)
        return sigmoid(signals)

    def close(self) -> None:
        """Put the weights back into the network's own array."""
        self._own_weights[:] = self._weights.T
        self.network.weights_input_hidden = self._own_weights


@cache
def sparse_tools():
    """Load scipy's compiled sparse products, and nothing else from scipy.

    ``import scipy.sparse`` takes 0.3 s and 24 MB on x86-64, and many seconds on a Pi Zero, mostly
    for code that training does not need. This extension module needs only numpy, and takes a
    hundredth of that.
    """
    import importlib.machinery  # here, because on x86-64 it is usually not needed
    import importlib.util

    scipy = importlib.util.find_spec("scipy")
    if scipy is None or scipy.origin is None:
        raise ImportError("scipy is missing", name="scipy")
    folder = str(Path(scipy.origin).parent / "sparse")
    spec = importlib.machinery.PathFinder.find_spec("_sparsetools", [folder])
    if spec is None or spec.loader is None:
        from scipy.sparse import _sparsetools  # in case a later scipy moves the file

        return _sparsetools
    tools = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tools)
    return tools
