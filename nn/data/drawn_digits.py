"""Digits drawn with a simulated pen: handwriting to learn from when MNIST is not available.

Every digit is a pen path designed by hand.  A drawn digit picks one of the paths, lets the hand
tremble and lean, inks the line, and frames it as MNIST does: fitted into a box of 20 x 20 pixels,
with the centre of mass in the middle of 28 x 28.
"""

from collections.abc import Iterator

import numpy as np

from nn.data.handwriting import PATHS
from nn.data.streams import BLOCK_ROWS
from nn.signals import PIXELS, SIDE

BOX = 20  # pixels along the box that the ink is fitted into

# How people write each digit: thickness of the pen and its spread, breadth and its spread, lean and
# its spread. Spreads are of the natural logarithm; the lean is to the right for each unit upwards.
HABITS = np.array(
    [
        (0.98, 0.32, 1.19, 0.18, 0.21, 0.27),
        (0.99, 0.35, 1.00, 0.21, 0.26, 0.26),
        (0.90, 0.34, 1.14, 0.20, 0.13, 0.33),
        (0.90, 0.31, 1.08, 0.20, 0.06, 0.29),
        (0.86, 0.31, 1.02, 0.21, 0.27, 0.39),
        (0.83, 0.30, 1.21, 0.17, 0.11, 0.31),
        (0.87, 0.35, 1.05, 0.20, 0.11, 0.17),
        (0.91, 0.31, 1.12, 0.18, 0.00, 0.23),
        (0.80, 0.32, 1.03, 0.15, 0.11, 0.25),
        (0.81, 0.30, 0.98, 0.21, 0.11, 0.23),
    ]
)

# The hand, on a page 100 units high.
TREMBLE = 8.5  # how far a point of the path strays
DRIFT = 4.0  # how far a whole stroke strays after the pen was lifted
TURN = 0.14  # radians
TAPER = 0.17  # how much wider the top may be than the middle
BEND, BEND_WAVE = 4.5, 130.0  # height and length of the slow waves that bend the page

# The pen, in pixels of the finished picture.
PEN_RADIUS, FINEST_RADIUS = 1.4, 0.6
PRESSURE = 0.3  # how much of the radius comes and goes along the line
SOFT_EDGE = 1.15  # from full ink to none


def draw_digits(n_samples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw handwritten-looking digits, labels shuffled and balanced.

    Each run of ten rows holds every digit once, so the labels stay balanced wherever the rows are
    cut.  The first rows for a seed are the same whatever ``n_samples`` is.

    Parameters
    ----------
    n_samples : int
        Number of digits, at least 1.
    seed : int
        The same seed gives the same bytes; not negative.

    Returns
    -------
    pixels : ndarray of uint8, shape (n_samples, 784)
        Ink from 0 (paper) to 255 (full), 28 rows of 28 pixels from the top left.
    labels : ndarray of uint8, shape (n_samples,)
        The digit that each row shows.

    Raises
    ------
    ValueError
        If ``n_samples`` is below 1 or ``seed`` is negative.
    """
    blocks = iter_digits(n_samples, seed)
    pixels = np.empty((n_samples, PIXELS), dtype=np.uint8)
    labels = np.empty(n_samples, dtype=np.uint8)
    start = 0
    for block_pixels, block_labels in blocks:
        stop = start + len(block_labels)
        pixels[start:stop], labels[start:stop] = block_pixels, block_labels
        start = stop
    return pixels, labels


def iter_digits(
    n_samples: int, seed: int = 0, block: int = 1000
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw the digits of `draw_digits` block by block, in constant memory.

    Parameters
    ----------
    n_samples, seed : int
        As for `draw_digits`.
    block : int
        Maximum number of rows in a block, at least 1.

    Returns
    -------
    iterator of (pixels, labels)
        uint8 arrays of shape (rows, 784) and (rows,), with ``rows`` at most ``block``.

    Raises
    ------
    ValueError
        If ``n_samples`` or ``block`` is below 1, or ``seed`` is negative.
    """
    for name, value, least in (("n_samples", n_samples, 1), ("seed", seed, 0), ("block", block, 1)):
        if value < least:
            raise ValueError(f"expected {name} of at least {least}, got {value}")
    return _blocks(n_samples, seed, block)


class DrawnDigits:
    """A dataset of any length whose digits are drawn as they are read, in constant memory.

    Parameters
    ----------
    n_samples, seed : int
        As for `draw_digits`.
    """

    def __init__(self, n_samples: int, seed: int = 0):
        self.n_samples, self.seed = n_samples, seed

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (pixels, labels); see `nn.data.dataset.Dataset`."""
        return iter_digits(self.n_samples, self.seed, block=rows)

    def estimate_rows(self) -> int:
        """Return the number of rows."""
        return self.n_samples


def _blocks(n_samples, seed, block):
    pictures, labels = [], []
    for number in range(n_samples):
        if number % 10 == 0:
            rng = np.random.default_rng([seed, number // 10])
            decade = rng.permutation(10)
        labels.append(decade[number % 10])
        pictures.append(_draw(labels[-1], rng))
        if len(labels) == block or number == n_samples - 1:
            yield np.stack(pictures).reshape(-1, PIXELS), np.array(labels, dtype=np.uint8)
            pictures, labels = [], []


def _draw(digit, rng):
    """Return one picture, uint8 of shape (28, 28)."""
    shares, paths = PATHS[digit]
    path = paths[np.searchsorted(shares, rng.random())]
    n_points = len(path.points)
    # Normal noise without its tails, which would make a digit unreadable.
    noise = rng.normal(size=2 * (n_points + 1 + path.strokes[-1] + 1) + 9).clip(-2, 2)
    pen, breadth, lean, taper, turn = noise[:5]
    trembles, drifts = np.split(noise[9:].reshape(-1, 2), [n_points + 1])
    # A neighbour's error lingers, or round digits turn angular.
    tremble = TREMBLE * (0.9 * trembles[1:] + 0.45 * trembles[:-1])
    points = path.points + DRIFT * drifts[path.strokes] + tremble
    line = path.spline @ points  # (n_line, n_points) @ (n_points, 2)

    x, y = (line - line.mean(axis=0)).T
    pen_size, pen_spread, broad, broad_spread, leaning, lean_spread = HABITS[digit]
    x = x * (broad * np.exp(broad_spread * breadth)) * (1 + TAPER * taper * y / 50)
    x = x - (leaning + lean_spread * lean) * y
    sine, cosine = np.sin(TURN * turn), np.cos(TURN * turn)
    line = np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=1)
    angles = line[:, :, np.newaxis] * (2 * np.pi / BEND_WAVE) + rng.uniform(0, 2 * np.pi, (2, 2))
    line = line + (BEND * noise[5:9].reshape(2, 2) * np.sin(angles)).sum(axis=2)  # (n_line, 2, 2)

    radius = max(PEN_RADIUS * pen_size * np.exp(pen_spread * pen), FINEST_RADIUS)
    begin, waves = rng.random(), rng.uniform(0.3, 1.5)
    along = begin + waves * np.linspace(0, 1, len(line))
    radii = radius * (1 + PRESSURE * np.sin(2 * np.pi * along))
    return _frame(_ink(_fit(line, radii), radii))


def _fit(line, radii):
    """Return the line in pixels of the box, its ink reaching from edge to edge."""
    reach = radii[:, np.newaxis]
    scale = (BOX - 2 * radii.max()) / np.ptp(line, axis=0).max()
    for _ in range(2):  # the outermost point is not always where the pen is at its thickest
        low, high = (line * scale - reach).min(axis=0), (line * scale + reach).max(axis=0)
        scale *= BOX / (high - low).max()
    return line * scale - (low + high) / 2 + (BOX - 1) / 2


def _ink(line, radii):
    """Return the inked box, uint8 of shape (20, 20)."""
    # Rounding hides the last bits of sin and exp, which differ from one NumPy to the next.
    line, radii = np.round(line, 6), np.round(radii, 6)
    grid = np.arange(BOX)[:, np.newaxis]
    across, down = (((grid - along) / radii) ** 2 for along in line.T)  # (20, n)
    nearest = np.sqrt((down[:, np.newaxis] + across).min(axis=2))  # in radii of the pen
    ink = 0.5 + (1 - nearest) * radii.mean() / SOFT_EDGE
    return np.rint(np.round(255 * np.clip(ink, 0, 1), 3)).astype(np.uint8)


def _frame(box):
    """Return a picture, uint8 of shape (28, 28), with the box's centre of mass in its middle."""
    picture = np.zeros((SIDE, SIDE), dtype=np.uint8)
    margins = []
    for axis in (1, 0):
        masses = box.sum(axis=axis, dtype=np.int64)
        centre = np.arange(BOX) @ masses / masses.sum()
        margins.append(int(np.clip(np.rint((SIDE - 1) / 2 - centre), 0, SIDE - BOX)))
    top, left = margins
    picture[top : top + BOX, left : left + BOX] = box
    return picture
