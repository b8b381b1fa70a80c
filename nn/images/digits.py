"""Find digits in ink, in reading order, and fit each into 28×28 pixels as MNIST's are."""

from typing import NamedTuple

import numpy as np

from nn.images.lines import without_lines
from nn.images.strokes import INK_SIDE, SMALL, resized, widened
from nn.signals import SIDE

_LEAST_STRENGTH = 0.1  # of ink, from 0 to 1: anything fainter is a stain
_FULL_SHARE = 0.4  # of the strongest part's ink: anything fainter shows through from the back
_FAINTEST_SHARE = 0.25  # of full ink, at the border of a stroke
_LEAST_SIZE = 0.025  # of the picture's shorter side
_LEAST_OF_TALLEST = 0.5  # what is smaller belongs to a digit beside it, or is no digit
_NEAR = 0.12  # of the tallest digit's size: as near as strokes of one digit
_SHARP_SLOPE = 0.25  # of full ink in a pixel, at the border of a stroke
_SHARP_SHARE = 0.7  # of the border, at least; a shadow may be sharp where another one ends
_SHARP_SIZE = 12  # a blurred stroke's border is at most a twelfth of its digit wide
_BAR = 1.5  # times its height, a stroke is wide that is no digit alone, such as the bar of a 5
_BAR_FILLS = 0.5  # of its box; a 2 that lies flat fills less
_WIDEST = 2.5  # times its height: what is wider is a dash, or the grain of a table
_SAME_LINE = 0.4  # of the height of the lower of two digits, that both have in common
_FILLS = 0.8, 0.3  # of the picture's height and width: a digit that the picture is cropped to
_REACHES = (
    0.5,
    0.2,
)  # of the picture's height: a digit; of its size: the end of a stroke at the edge
_THRESHOLDS = (1, 2, 4)  # times the faintest ink, where lines join a digit to the picture's edge


class Digit(NamedTuple):
    """A digit in a picture.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (784,)
        0 for paper to 255 for ink, centred as MNIST's digits are.
    line : int
        The line of digits that it stands in, from 0 at the top.
    top, bottom, left, right : int
        Its place: the first row of pixels, the one after the last, and likewise the columns.
    """

    pixels: np.ndarray
    line: int
    top: int
    bottom: int
    left: int
    right: int


class _Part(NamedTuple):
    """Ink that hangs together: its number in an array of labels, its pixels, and its place."""

    number: int
    area: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def size(self) -> int:
        return max(self.height, self.width)

    @property
    def is_bar(self) -> bool:
        """Whether it is a single stroke across, which is no digit alone."""
        is_wide = self.width > _BAR * self.height
        return is_wide and self.area > _BAR_FILLS * self.width * self.height

    def gap_to(self, other: "_Part") -> int:
        """Return how far apart two boxes are, across or down."""
        down = max(self.top, other.top) - min(self.bottom, other.bottom)
        across = max(self.left, other.left) - min(self.right, other.right)
        return max(down, across, 0)


def find_digits(ink: np.ndarray, faintest: float) -> list[Digit]:
    """Find digits, row by row and from left to right.

    Parameters
    ----------
    ink : ndarray of float, shape (height, width)
        From 0 for paper to 1.
    faintest : float
        What is fainter may be noise.

    Returns
    -------
    digits : list of Digit
    """
    for factor in _THRESHOLDS:
        mask = ink > factor * faintest
        if max(mask.shape) > SMALL:
            mask = without_lines(mask)
        labels, parts = _parts(mask)
        if parts:
            heaviest = max(parts, key=lambda part: _ink_of(part, ink, labels).sum())
            strength = np.percentile(_ink_of(heaviest, ink, labels), 85)
            if strength >= _LEAST_STRENGTH:
                break
    else:
        return []
    labels, parts = _parts(mask & (ink > max(faintest, _FULL_SHARE * strength)))
    ink = ink / strength
    digits = [
        _digit(strokes, line, ink, labels)
        for line, of_line in enumerate(_in_reading_order(parts))
        for strokes in of_line
    ]
    return [digit for digit in digits if digit]


def _ink_of(part: _Part, ink: np.ndarray, labels: np.ndarray) -> np.ndarray:
    place = slice(part.top, part.bottom), slice(part.left, part.right)
    return ink[place][labels[place] == part.number]


def _parts(mask: np.ndarray) -> tuple[np.ndarray, list[_Part]]:
    """Label what hangs together; leave out specks, and what goes on beyond the picture's edge."""
    from scipy import ndimage

    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    height, width = mask.shape
    parts = [
        _Part(number, areas[number], rows.start, rows.stop, columns.start, columns.stop)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1)
    ]
    parts = [part for part in parts if part.size >= _LEAST_SIZE * min(mask.shape)]
    inside = [
        part
        for part in parts
        if max(mask.shape) <= SMALL
        or (part.top > 0 and part.left > 0 and part.bottom < height and part.right < width)
    ]
    return labels, inside or [part for part in parts if _is_cropped_to(part, labels)]


def _is_cropped_to(part: _Part, labels: np.ndarray) -> bool:
    """Return whether a part fills the picture, or only the end of a stroke is at its edge."""
    height, width = labels.shape
    mask = labels == part.number
    sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    ends = sum(side.sum() for side in sides) <= _REACHES[1] * part.size
    fills = part.height >= _FILLS[0] * height and part.width >= _FILLS[1] * width
    return (fills and not _covers_a_side(mask)) or (ends and part.height >= _REACHES[0] * height)


def _covers_a_side(mask: np.ndarray) -> bool:
    """Return whether a part reaches from corner to corner of the picture, as a table does."""
    corners = [mask[0, 0], mask[0, -1], mask[-1, -1], mask[-1, 0]]
    return any(corners[number - 1] and corners[number] for number in range(4))


def _in_reading_order(parts: list[_Part]) -> list[list[list[_Part]]]:
    """Put the strokes of each digit together, and digits into lines, from left to right."""
    whole = [part for part in parts if not part.is_bar]
    tallest = max((part.height for part in whole), default=0)
    digits = [[part] for part in whole if part.height >= _LEAST_OF_TALLEST * tallest]
    whole = [strokes[0] for strokes in digits]
    for part in parts:
        if digits and part not in whole:
            near = min(digits, key=lambda strokes: part.gap_to(strokes[0]))
            if part.gap_to(near[0]) <= _NEAR * tallest:
                near.append(part)
    lines: list[list[list[_Part]]] = []
    for strokes in sorted(digits, key=lambda strokes: strokes[0].left):
        before = [line for line in lines if _are_in_line(line[-1][0], strokes[0])]
        if before:
            max(before, key=lambda line: line[-1][0].right).append(strokes)
        else:
            lines.append([strokes])
    return sorted(lines, key=lambda line: np.mean([strokes[0].top for strokes in line]))


def _are_in_line(left: _Part, right: _Part) -> bool:
    """Return whether a digit continues the line of another, which may rise or fall."""
    shared = min(left.bottom, right.bottom) - max(left.top, right.top)
    return shared >= _SAME_LINE * min(left.height, right.height)


def _digit(strokes: list[_Part], line: int, ink: np.ndarray, labels: np.ndarray) -> Digit | None:
    """Fit the strokes of a digit into 28×28 pixels; return None for a shadow or a dash."""
    from scipy import ndimage

    top, left = min(each.top for each in strokes), min(each.left for each in strokes)
    bottom, right = max(each.bottom for each in strokes), max(each.right for each in strokes)
    if right - left > _WIDEST * (bottom - top):
        return None
    place = slice(max(0, top - 2), bottom + 2), slice(max(0, left - 2), right + 2)
    own, ink = np.isin(labels[place], [stroke.number for stroke in strokes]), ink[place]
    full = own & (ink > 0.5)
    border = full & ~ndimage.binary_erosion(full)
    slopes = np.hypot(*np.gradient(ink))[border]
    if not slopes.size or np.quantile(slopes, 1 - _SHARP_SHARE) < min(
        _SHARP_SLOPE, _SHARP_SIZE / max(ink.shape)
    ):
        return None
    ink = np.where(ndimage.binary_dilation(own), np.clip(ink, 0, 1), 0)
    ink[ink < _FAINTEST_SHARE] = 0
    return Digit(centre_digit(ink), line, top, bottom, left, right)


def centre_digit(ink: np.ndarray) -> np.ndarray:
    """Fit ink into 20×20 pixels, and those into 28×28 with the centre of mass in the middle.

    A thin stroke is widened first, or it would fade.

    Parameters
    ----------
    ink : ndarray of float, shape (height, width)
        From 0 to 1, not empty.

    Returns
    -------
    pixels : ndarray of uint8, shape (784,)
    """
    ink = widened(ink)
    factor = INK_SIDE / max(ink.shape)
    height, width = (max(1, round(side * factor)) for side in ink.shape)
    small = resized(ink, height, width)
    full = np.percentile(small[small > 0.02 * small.max()], 90)
    small = np.rint(255 * np.clip(small / full, 0, 1)).astype(np.uint8)

    canvas = np.zeros((SIDE, SIDE), np.uint8)
    top, left = _offset(small.sum(axis=1)), _offset(small.sum(axis=0))
    canvas[top : top + height, left : left + width] = small
    return canvas.reshape(-1)


def _offset(weights: np.ndarray) -> int:
    """Return where to place a run of pixels so that its centre of mass is in the middle of 28."""
    weights = weights.astype(float)
    centre = (weights @ (np.arange(len(weights)) + 0.5)) / weights.sum()
    return int(np.clip(round(SIDE / 2 - centre), 0, SIDE - len(weights)))
