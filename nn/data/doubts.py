"""Doubt the first digits of a file: what would train without an error, but to nonsense."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nn.data.kinds import convert_command
from nn.data.labels import DIGITS, Labels
from nn.kit import command
from nn.signals import SIDE

_MOST_LABELS = 62  # in EMNIST's largest set
_FEWEST = 10  # digits from which something follows
_DARK, _INKED = 128, 64
_MANY = 0.9  # the share of digits that makes a rule
_MOST_WIDE = 0.65  # the share of letters wider than high that tells that they lie on their sides
_STRIPS = 7  # of a digit, in either direction, for what it looks like
_CLEARER = 0.04  # how much more the digits must look like themselves when turned

_BORDER = np.pad(np.zeros((SIDE - 2, SIDE - 2), bool), 1, constant_values=True).ravel()

# The mean of 400 drawn digits of each kind, in 7 by 7 fields, 9 where it has most ink.
_LOOKS = (
    "0000000003882003889600672750067583003884000000000",
    "0000000001431000183000019100003710001441000000000",
    "0001000014762001356200147510049963002443100000000",
    "0000000026851002487100039810023582003784100010000",
    "0000000012331002657300499920024751000342000001000",
    "0000000013663002795300179710034672003773100010000",
    "0001100003631001652100388730029883000352000000000",
    "0000000012321003789200225710002730000352000022100",
    "0000000003652001567200169610026741002663000000000",
    "0000000002531002899200489810013750000253100011100",
)


@dataclass(frozen=True)
class Doubt:
    """Something odd about the first digits of a file.

    Attributes
    ----------
    seen : str
        What was seen.
    advice : str
        What to do, with FILE for the path; empty if a conversion mends it.
    flags : str or None
        The flags of the conversion that mends it; None if none does.
    certain : bool
        Whether nothing could be learned from such digits.
    """

    seen: str
    advice: str = ""
    flags: str | None = None
    certain: bool = False

    def told_of(self, path: Path) -> str:
        """Say what was seen in a file, and what to do."""
        advice = self.advice.replace("FILE", shlex.quote(str(path)))
        if self.flags is not None:
            advice = f"Convert it: {convert_command(path, self.flags)}"
        return f"{path}: {self.seen}. {advice}".removesuffix(". ")


def doubts(pixels: np.ndarray, labels: np.ndarray | None, known: Labels = DIGITS) -> list[Doubt]:
    """Look at the first digits of a file for what cannot be right, or may not be.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 784)
    labels : ndarray of int, shape (n,), or None
        Numbered from 0; None for digits without labels.
    known : Labels

    Returns
    -------
    doubts : list of Doubt
        Only one, if it is certain: what else is odd follows from it.
    """
    if len(pixels) == 0:
        return []
    for check in (_labels_last, _zero_to_one, _light_on_dark):
        if doubt := check(pixels, labels):
            return [doubt]
    if len(pixels) < _FEWEST:
        return []
    if not pixels.any():
        return [Doubt(f"{_first(pixels)} are blank")]
    found = [_sorted(pixels, labels, known), _faint(pixels), _inked_border(pixels)]
    found.append(_turned(pixels, labels, known))
    return [doubt for doubt in found if doubt]


def _first(pixels: np.ndarray) -> str:
    return f"the first {len(pixels)} digits"


def _labels_last(pixels: np.ndarray, labels: np.ndarray | None) -> Doubt | None:
    if labels is None or not labels_are_last(labels, pixels[:, -1]):
        return None
    return Doubt(
        f"in {_first(pixels)}, column 1 is always 0 and column 785 holds {pixels[:, -1].min()} to "
        f"{pixels[:, -1].max()}: the labels seem to be in the last column",
        flags="",
        certain=True,
    )


def _zero_to_one(pixels: np.ndarray, _labels) -> Doubt | None:
    if pixels.max() != 1:
        return None
    seen = f"{_first(pixels)} have no pixel above 1: expected 0 (paper) to 255 (ink)"
    return Doubt(seen, flags="", certain=True)


def _light_on_dark(pixels: np.ndarray, _labels) -> Doubt | None:
    full_borders = (pixels[:, _BORDER] >= _DARK).mean(axis=1) > 0.5
    if (pixels >= _DARK).mean() <= 0.5 or full_borders.mean() <= _MANY:
        return None
    return Doubt(
        f"{_first(pixels)} are light on a dark ground, with most pixels full: expected 0 for "
        "paper, 255 for ink",
        flags="--invert",
        certain=True,
    )


def _sorted(pixels: np.ndarray, labels: np.ndarray | None, known: Labels) -> Doubt | None:
    if labels is None or np.any(labels[1:] < labels[:-1]):
        return None
    lowest, highest = known.names[labels[0]], known.names[labels[-1]]
    if lowest == highest:
        seen = f"{_first(pixels)} all have the label {lowest}"
    else:
        seen = f"{_first(pixels)} are sorted by label, from {lowest} to {highest}"
    return Doubt(
        seen, "Shuffle the lines: a network forgets the labels that it has not seen for long"
    )


def _faint(pixels: np.ndarray) -> Doubt | None:
    darkest = pixels.max()
    if darkest >= _INKED:
        return None
    return Doubt(f"{_first(pixels)} have no pixel above {darkest}: expected ink up to 255")


def _inked_border(pixels: np.ndarray) -> Doubt | None:
    if (pixels[:, _BORDER].max(axis=1) >= _INKED).mean() <= 0.5:
        return None
    return Doubt(
        f"most of {_first(pixels)} have ink at the border: MNIST's leave it blank",
        "Leave four blank pixels around each, as MNIST does",
    )


def _turned(pixels: np.ndarray, labels: np.ndarray | None, known: Labels) -> Doubt | None:
    """Say if the pictures make more sense when they are turned or mirrored."""
    if labels is None:
        return None
    are_digits = known.names[:10] == DIGITS.names and (len(known) == 10 or len(known) >= 36)
    if are_digits:
        transposed = _best_way(pixels[labels < 10], labels[labels < 10])
    else:  # as are most letters: higher than wide
        inked = pixels.reshape(-1, SIDE, SIDE) >= _INKED
        height, width = inked.any(axis=2).sum(axis=1), inked.any(axis=1).sum(axis=1)
        transposed = True if (width > height).mean() > _MOST_WIDE else None
    if transposed is None:
        return None
    if transposed:
        seen = "look transposed, as EMNIST's are: rows are columns"
        return Doubt(f"{_first(pixels)} {seen}", flags="--transpose")
    advice = f"Look at them: {command('data info FILE --picture digits.png')}"
    return Doubt(f"{_first(pixels)} look turned or mirrored", advice)


def labels_are_last(first: np.ndarray, last: np.ndarray) -> bool:
    """Tell from a file's first and last column whether the labels are in the last.

    The last pixel of a digit is blank as a rule: labels are not.
    """
    varied = (len(last) > 1 and last.min() < last.max()) or (len(last) == 1 and last[0] > 0)
    could_be = (last < _MOST_LABELS) & (last % 1 == 0)
    return bool(varied and not np.any(first) and could_be.mean() > _MANY)


def _best_way(pixels: np.ndarray, digits: np.ndarray) -> bool | None:
    """Compare digits, in each of the eight ways to turn and mirror them, with how they look.

    Returns whether they look best transposed; None if no way is clearly better than upright.
    """
    if len(digits) < _FEWEST or len(set(digits.tolist())) < 3:
        return None
    looks = np.array([list(text) for text in _LOOKS], float)  # (10, 49)
    width = SIDE // _STRIPS
    fields = pixels.reshape(-1, _STRIPS, width, _STRIPS, width).mean(axis=(2, 4))  # (n, 7, 7)
    likeness = {}
    for turns in range(4):
        for mirrored in (False, True):
            turned = np.rot90(fields, turns, (1, 2))
            turned = turned.transpose(0, 2, 1) if mirrored else turned
            alike = _correlation(turned.reshape(-1, _STRIPS**2), looks)  # (n, 10)
            own = alike[np.arange(len(digits)), digits]
            likeness[turns, mirrored] = float(np.mean(own - alike.mean(axis=1)))
    best = max(likeness, key=likeness.get)
    clear = likeness[best] > max(0, likeness[0, False]) + _CLEARER
    return best == (0, True) if clear else None


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the correlation of each row of one array with each of another's."""
    one, other = (each - each.mean(axis=1, keepdims=True) for each in (one, other))
    lengths = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)
    return one @ other.T / np.where(lengths > 0, lengths, 1)
