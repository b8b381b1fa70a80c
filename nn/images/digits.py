"""Find digits in ink, in reading order, and fit each into 28×28 pixels as MNIST's are."""

from typing import NamedTuple

import numpy as np

from nn.images.lines import without_lines
from nn.signals import SIDE

INK_SIDE = 20


class Digit(NamedTuple):
    """A digit in a picture.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (784,)
        0 for paper to 255 for ink, centred as MNIST's digits are.
    box : tuple of int
        Left, top, right and bottom.
    """

    pixels: np.ndarray
    box: tuple[int, int, int, int]


class _Part(NamedTuple):
    number: int
    top: int
    bottom: int
    left: int
    right: int
    mass: float

    @property
    def height(self):
        return self.bottom - self.top

    @property
    def width(self):
        return self.right - self.left

    @property
    def size(self):
        return max(self.height, self.width)


def find_digits(ink: np.ndarray, faintest: float) -> list[Digit]:
    from scipy import ndimage

    mask = without_lines(ink > faintest)
    labels, parts = _parts(ink, mask)
    parts = _whole(labels, parts, ink.shape)
    if not parts:
        return []
    main = max(parts, key=lambda part: part.mass)
    strength = np.percentile(ink[labels == main.number], 85)
    if strength < 0.1:
        return []
    mask &= ink > max(faintest, 0.4 * strength)
    labels, parts = _parts(ink, mask)
    parts = _whole(labels, parts, ink.shape)
    if not parts:
        return []
    groups = _grouped(parts)
    found = []
    for group in _in_reading_order(groups):
        top, bottom = min(p.top for p in group), max(p.bottom for p in group)
        left, right = min(p.left for p in group), max(p.right for p in group)
        place = slice(max(0, top - 2), bottom + 2), slice(max(0, left - 2), right + 2)
        own = np.isin(labels[place], [p.number for p in group])
        if not _is_sharp(ink[place], own, strength):
            continue
        own = ndimage.binary_dilation(own, iterations=1)
        cut = np.where(own, np.clip(ink[place] / strength, 0, 1), 0)
        cut[cut < 0.25] = 0
        found.append(Digit(centre_digit(cut), (left, top, right, bottom)))
    return found


def _parts(ink, mask):
    from scipy import ndimage

    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    least = 0.025 * min(mask.shape)
    parts = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        if max(rows.stop - rows.start, columns.stop - columns.start) >= least:
            place = rows, columns
            mass = float(ink[place][labels[place] == number].sum())
            parts.append(
                _Part(number, rows.start, rows.stop, columns.start, columns.stop, mass)
            )
    return labels, parts


def _whole(labels, parts, shape):
    """Leave out parts that go on beyond the picture's edge, unless a digit fills the picture."""
    height, width = shape
    inside = [
        part
        for part in parts
        if part.top > 0 and part.left > 0 and part.bottom < height and part.right < width
    ]
    return inside or [
        part
        for part in parts
        if part.height >= 0.8 * height and not _covers_a_side(labels == part.number)
    ]


def _covers_a_side(mask):
    """Return whether both ends of one side of the picture belong to a part, as a table does."""
    corners = mask[0, 0], mask[0, -1], mask[-1, -1], mask[-1, 0]
    return any(corners[number - 1] and corners[number] for number in range(4))


def _is_sharp(ink, own, strength):
    """Return whether a part ends within a few pixels, as ink does and a shadow does not."""
    from scipy import ndimage

    full = own & (ink > 0.5 * strength)
    border = full & ~ndimage.binary_erosion(full)
    if not border.any():
        return False
    slope = np.median(np.hypot(*np.gradient(ink))[border]) / strength
    return slope >= min(0.25, 12 / max(ink.shape))


def _grouped(parts):
    tallest = max(part.size for part in parts)
    parts = sorted(parts, key=lambda part: -part.size)
    groups = []
    loose = []
    for part in parts:
        if part.size >= 0.5 * tallest:
            groups.append([part])
        else:
            loose.append(part)
    for part in loose:
        best, distance = None, 0.12 * tallest
        for group in groups:
            for other in group:
                gap = max(
                    other.left - part.right, part.left - other.right, other.top - part.bottom,
                    part.top - other.bottom, 0,
                )  # fmt: skip
                if gap <= distance:
                    best, distance = group, gap
        if best is not None:
            best.append(part)
    return groups


def _in_reading_order(groups):
    """Sort row by row, and from left to right: a row is what overlaps its tallest digit."""
    left = [(min(p.top for p in g), max(p.bottom for p in g), min(p.left for p in g), g) for g in groups]
    left.sort(key=lambda box: box[0])
    ordered = []
    while left:
        top, bottom = left[0][:2]
        row = [box for box in left if (box[0] + box[1]) / 2 < bottom or box[0] < (top + bottom) / 2]
        ordered += [box[3] for box in sorted(row, key=lambda box: box[2])]
        left = [box for box in left if box not in row]
    return ordered


def centre_digit(ink: np.ndarray) -> np.ndarray:
    """Fit ink into 20×20 pixels, and those into 28×28 with the centre of mass in the middle."""
    from PIL import Image

    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = INK_SIDE / max(cropped.shape)
    height, width = (max(1, round(side * factor)) for side in cropped.shape)
    picture = Image.fromarray(np.ascontiguousarray(cropped, dtype=np.float32))
    small = np.asarray(picture.resize((width, height), Image.Resampling.BOX))
    full = np.percentile(small[small > 0.02 * small.max()], 90)
    small = np.rint(np.clip(small / full, 0, 1) * 255).astype(np.uint8)
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    top, left = _offset(small.sum(axis=1)), _offset(small.sum(axis=0))
    canvas[top : top + height, left : left + width] = small
    return canvas.reshape(-1)


def _offset(weights: np.ndarray) -> int:
    """Return where to place a run of pixels so that its centre of mass is in the middle of 28."""
    weights = weights.astype(float)
    centre = (weights @ (np.arange(len(weights)) + 0.5)) / weights.sum()
    return int(np.clip(round(SIDE / 2 - centre), 0, SIDE - len(weights)))
