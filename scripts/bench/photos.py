"""Measure how well photographs of digits are read: `make measure-photos`.

Makes photographs from MNIST's test digits, each kind in `KINDS` with its own paper, pen, light and
clutter, and reads them with a model of preset `book`, and with the one that comes with the kit.
Position, size, angle, colour and strength differ from picture to picture, and depend on the seed
alone. No part of the reader is adjusted to these figures' exact values.
"""

import argparse
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from platformdirs import user_cache_path
from scipy import ndimage

from nn.answers import LEAST_LEAD, Answer
from nn.data.dataset import open_dataset
from nn.errors import KitError
from nn.images import ImageError, read_uploaded_page
from nn.network import Network
from nn.saving.model_file import load_model
from nn.saving.shipped import SHIPPED_MODEL
from nn.signals import SIDE, scale_pixels
from scripts.bench import PROJECT
from scripts.bench.digits import find_mnist
from scripts.bench.markers import write_between
from scripts.machines.host import call

SEED = 19
PHOTOS = 200  # of each kind
FIRST = 5000  # of MNIST's test digits; the reader was made with photographs of the earlier ones
MODEL = user_cache_path("pi-nn") / "measure-photos-book.npz"
QUALITY = 75  # of the JPEGs, as messengers send them


@dataclass
class Photo:
    """A picture in the making.

    Attributes
    ----------
    rng : Generator
    size : tuple of int
        Height and width in pixels.
    page : ndarray of float, shape (height, width, 3)
        What is seen so far, 0 for black to 1 for white.
    """

    rng: np.random.Generator
    size: tuple[int, int]
    page: np.ndarray = field(init=False)

    def __post_init__(self):
        shade = self.rng.uniform(0.88, 0.97) * self.rng.uniform([0.98, 0.97, 0.93], 1.0)
        grain = 1 + self.rng.normal(0, 0.006, self.size)
        self.page = shade * grain[..., np.newaxis]

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Return each pixel's row and column, as shares of the longer side."""
        rows, columns = np.indices(self.size, dtype=float)
        return rows / max(self.size), columns / max(self.size)

    def cover(self, where: np.ndarray, colour) -> None:
        """Lay paint over the page: `where` is 1 for opaque, 0 for none."""
        where = where[..., np.newaxis]
        self.page = self.page * (1 - where) + np.asarray(colour) * where

    def dim(self, light: np.ndarray) -> None:
        """Multiply by the light that falls on each pixel."""
        self.page = self.page * light[..., np.newaxis]


# --- the pen


def upright_stroke(digit: np.ndarray, height: int) -> np.ndarray:
    """Enlarge a digit of 28×28 pixels so that its ink is `height` pixels high, with sharp edges."""
    rows, columns = np.flatnonzero(digit.max(1) > 90), np.flatnonzero(digit.max(0) > 90)
    cropped = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = height / cropped.shape[0]
    shape = (round(cropped.shape[1] * factor), height)
    padded = Image.fromarray(np.pad(cropped, 2))
    margin = round(2 * factor)
    large = padded.resize((shape[0] + 2 * margin, height + 2 * margin), Image.Resampling.BICUBIC)
    soft = ndimage.gaussian_filter(np.asarray(large, float) / 255, factor * 0.35)
    return np.clip((soft - 0.45) * factor * 0.9 + 0.5, 0, 1)


def thin_stroke(digit: np.ndarray, height: int, share: float) -> np.ndarray:
    """Draw the digit's middle line, `share` of its height wide."""
    stroke = upright_stroke(digit, 160) > 0.5
    centre = skeleton(stroke)
    points = ndimage.distance_transform_edt(~centre)
    factor = height / 160
    size = tuple(round(side * factor) for side in centre.shape[::-1])
    smooth = ndimage.gaussian_filter(points, 1.0)
    smooth -= 0.75  # what smoothing adds on the line itself
    far = Image.fromarray(smooth.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.clip(share * height / 2 - np.asarray(far) * factor + 0.5, 0, 1)


def skeleton(mask: np.ndarray) -> np.ndarray:
    """Thin a mask to lines of one pixel, by the rules of Zhang and Suen (1984)."""
    mask = np.pad(mask, 1).astype(np.uint8)
    while True:
        before = mask.sum()
        for first in (True, False):
            around = [
                np.roll(mask, shift, (0, 1))
                for shift in ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))
            ]
            north, _, east, _, south, _, west, _ = around
            count = sum(around)
            turns = sum((a == 0) & (b == 1) for a, b in pairwise([*around, around[0]]))
            if first:
                free = (north * east * south == 0) & (east * south * west == 0)
            else:
                free = (north * east * west == 0) & (north * south * west == 0)
            mask[(mask == 1) & (count >= 2) & (count <= 6) & (turns == 1) & free] = 0
        if mask.sum() == before:
            return mask[1:-1, 1:-1].astype(bool)


INKS = {
    "pencil": (0.33, 0.33, 0.35),
    "blue": (0.13, 0.18, 0.52),
    "black": (0.10, 0.10, 0.11),
}


def any_ink(rng) -> np.ndarray:
    """Pick a pencil, a blue or a black pen."""
    colour = np.array(list(INKS.values())[rng.integers(3)])
    return np.clip(colour + rng.uniform(-0.05, 0.05, 3), 0, 1)


def ink(
    photo: Photo,
    stroke: np.ndarray,
    colour,
    row: float | None = None,
    column: float | None = None,
    edge: float = 0.04,
) -> None:
    """Write a stroke on the page: in a place, or anywhere but for a share along its edges."""
    rng, (height, width) = photo.rng, photo.size
    high, wide = stroke.shape
    edge *= min(photo.size)
    top = rng.uniform(edge, max(edge, height - high - edge)) if row is None else row
    left = rng.uniform(edge, max(edge, width - wide - edge)) if column is None else column
    top = int(np.clip(top, 0, max(0, height - high)))
    left = int(np.clip(left, 0, max(0, width - wide)))
    where = np.zeros(photo.size)
    stroke = stroke[: height - top, : width - left]
    where[top : top + high, left : left + wide] = stroke
    grain = 1 - 0.12 * ndimage.gaussian_filter(rng.random(photo.size), 1)
    photo.cover(where * grain, colour)


# --- what is on the paper before the pen


def lined(lowest: float, highest: float, across: bool = False) -> Callable[[Photo], None]:
    """Print lines, and with `across` squares, of a strength between the two; a little turned."""

    def print_lines(photo: Photo) -> None:
        rng, (rows, columns) = photo.rng, photo.places
        turn = np.radians(rng.uniform(-2.5, 2.5))
        spacing = rng.uniform(0.05, 0.11) if across else rng.uniform(0.09, 0.17)
        width = rng.uniform(0.0018, 0.0035)
        strength = rng.uniform(lowest, highest)
        colour = np.array([[0.35, 0.45, 0.65], [0.4, 0.4, 0.42]][rng.integers(2)])
        ways = [rows * np.cos(turn) + columns * np.sin(turn)]
        if across:
            ways.append(columns * np.cos(turn) - rows * np.sin(turn))
        for way in ways:
            away = np.abs((way + rng.random()) % spacing - spacing / 2)
            line = np.clip((width / 2 - away) * max(photo.size) + 0.5, 0, 1)
            photo.cover(strength * line, colour)

    return print_lines


def margin_line(photo: Photo) -> None:
    """Print a red line down one side, as school paper has."""
    rng, (rows, columns) = photo.rng, photo.places
    at = rng.uniform(0.06, 0.14) * photo.size[1] / max(photo.size)
    at = at if rng.random() < 0.7 else photo.size[1] / max(photo.size) - at
    away = np.abs(columns + rows * rng.uniform(-0.02, 0.02) - at)
    line = np.clip((0.002 - away) * max(photo.size) + 0.5, 0, 1)
    photo.cover(rng.uniform(0.6, 1) * line, (0.85, 0.25, 0.28))


def bleed_through(photo: Photo) -> None:
    """Let another digit show faintly from the back, mirrored."""
    other = OTHERS[photo.rng.integers(len(OTHERS))]
    stroke = upright_stroke(other, round(photo.rng.uniform(0.3, 0.55) * min(photo.size)))
    ghost = ndimage.gaussian_filter(stroke[:, ::-1], 1.5)
    ink(photo, ghost * photo.rng.uniform(0.12, 0.26), any_ink(photo.rng))


def print_in_a_corner(photo: Photo) -> None:
    """Print two lines of small letters in a corner."""
    rng, (height, width) = photo.rng, photo.size
    text = Image.new("L", (60, 24))
    pen = ImageDraw.Draw(text)
    for line in range(2):
        letters = "".join(rng.choice(list("abcdefghkmnorstuvwxz "), 9))
        pen.text((1, 11 * line), letters, fill=255)
    factor = rng.uniform(0.17, 0.26) * width / 60
    text = text.resize((round(60 * factor), round(24 * factor)), Image.Resampling.BICUBIC)
    row = rng.choice([0.02 * height, 0.98 * height - text.height])
    column = rng.choice([0.02 * width, 0.98 * width - text.width])
    ink(photo, np.asarray(text) / 255, (0.15, 0.15, 0.15), row, column)


def specks(photo: Photo) -> None:
    """Drop four specks of dirt."""
    rows, columns = np.indices(photo.size)
    for _ in range(4):
        row, column = photo.rng.uniform(0, photo.size)
        radius = photo.rng.uniform(1.2, 3.2)
        away = np.hypot(rows - row, columns - column)
        photo.cover(np.clip(radius - away + 0.5, 0, 1), (0.15, 0.13, 0.12))


def fold(photo: Photo) -> None:
    """Fold the paper: one half is darker, with a thin shadow along the crease."""
    rng, (rows, columns) = photo.rng, photo.places
    way, other = (rows, columns) if rng.random() < 0.5 else (columns, rows)
    away = way + other * rng.uniform(-0.06, 0.06) - rng.uniform(0.3, 0.7) * way.max()
    photo.dim(np.where(away > 0, 1, rng.uniform(0.88, 0.96)))
    photo.dim(1 - rng.uniform(0.15, 0.4) * np.exp(-((away / 0.0025) ** 2)))


# --- light


def fall_of_light(photo: Photo) -> None:
    """Let the light fall off evenly to one side, as beside a window."""
    rng, (rows, columns) = photo.rng, photo.places
    angle = rng.uniform(0, 2 * np.pi)
    way = rows * np.sin(angle) + columns * np.cos(angle)
    way = (way - way.min()) / np.ptp(way)
    photo.dim(1 - rng.uniform(0.25, 0.5) * way)


def soft_shadow(photo: Photo) -> None:
    """Cast the round shadow of a head or a hand."""
    rng, (rows, columns) = photo.rng, photo.places
    row, column = rng.uniform(0.1, 0.9, 2) * (rows.max(), columns.max())
    away = np.hypot(rows - row, (columns - column) * rng.uniform(0.7, 1.3)) / rng.uniform(0.15, 0.4)
    photo.dim(1 - rng.uniform(0.25, 0.5) / (1 + np.exp((away - 1) * rng.uniform(7, 20))))


def edged_shadow(lowest: float, highest: float) -> Callable[[Photo], None]:
    """Cast a shadow with a straight edge, as that of the phone."""

    def cast(photo: Photo) -> None:
        rng, (rows, columns) = photo.rng, photo.places
        angle = rng.uniform(0, 2 * np.pi)
        way = (rows - rows.mean()) * np.sin(angle) + (columns - columns.mean()) * np.cos(angle)
        way = (way - rng.uniform(-0.2, 0.2)) / rng.uniform(0.004, 0.04)
        photo.dim(1 - rng.uniform(lowest, highest) / (1 + np.exp(np.clip(way, -50, 50))))

    return cast


def vignette(photo: Photo) -> None:
    """Darken the corners."""
    rng, (rows, columns) = photo.rng, photo.places
    away = np.hypot(rows - rows.mean(), columns - columns.mean())
    photo.dim(1 - rng.uniform(0.3, 0.5) * (away / away.max()) ** rng.uniform(1.6, 2.6))


def dark_room(photo: Photo) -> None:
    """Take the picture with little light and much noise."""
    rng = photo.rng
    photo.page = photo.page * rng.uniform(0.32, 0.5) * rng.uniform([0.95, 0.85, 0.7], 1)
    grain = rng.normal(0, rng.uniform(0.02, 0.04), photo.page.shape)
    photo.page = photo.page + ndimage.gaussian_filter(grain, (0.5, 0.5, 0)) * 1.5


# --- what lies on or beside the paper


def table(sides: int) -> Callable[[Photo], None]:
    """Show the table beside the paper on this many sides."""

    def lay(photo: Photo) -> None:
        rng, (height, width) = photo.rng, photo.size
        shade = [(0.36, 0.24, 0.15), (0.22, 0.22, 0.23), (0.55, 0.4, 0.27)][rng.integers(3)]
        grain = ndimage.gaussian_filter(rng.normal(0, 1, photo.size), (0.7, 12))
        wood = np.asarray(shade) * (1 + 0.25 * grain[..., np.newaxis])
        rows, columns = np.indices(photo.size)
        tilt = rng.uniform(-0.03, 0.03)
        first = rng.integers(4)
        for side in (first + np.arange(sides)) % 4:
            share = rng.uniform(0.03, 0.12)
            away = (
                rows + tilt * columns - share * height,
                columns - tilt * rows - share * width,
                height * (1 - share) - rows - tilt * columns,
                width * (1 - share) - columns + tilt * rows,
            )[side]
            photo.cover(np.clip(0.5 - away, 0, 1), wood)

    return lay


def finger(photo: Photo) -> None:
    """Hold the paper by a finger that reaches into the picture."""
    rng, (height, width) = photo.rng, photo.size
    side, along = rng.integers(4), rng.uniform(0.15, 0.85)
    row, column = [(0, along), (along, 0), (1, along), (along, 1)][side]
    rows, columns = np.indices(photo.size)
    down, right = rows - row * height, columns - column * width
    long, thick = rng.uniform(0.06, 0.12) * max(photo.size), rng.uniform(0.05, 0.09) * width
    if side % 2:
        down, right = right, down
    away = np.hypot(down / long, right / thick)
    shade = np.array((0.82, 0.6, 0.48)) * rng.uniform(0.55, 1.05)
    photo.cover(np.clip((1 - away) * thick + 0.5, 0, 1), shade)


# --- the kinds


@dataclass(frozen=True)
class Kind:
    """A kind of photograph.

    Attributes
    ----------
    paper, scene : tuple of functions
        What is done to the page before and after the digit is written.
    colour : function
        Picks the ink's colour.
    share : tuple of float
        Lowest and highest height of the digit, as a share of the shorter side.
    turn : tuple of float
        Lowest and highest angle in degrees, to either side.
    thickness : float or None
        Of the stroke, as a share of the digit's height; None leaves it as it is.
    grown : tuple of float
        How far the stroke is widened, or thinned if negative, as a share of the digit's height.
    blur : tuple of float
        Lowest and highest blur, in pixels.
    negative : bool
        Light on dark.
    sides : tuple of int
        Smallest and largest side in pixels.
    clean : bool
        Whether today's photographs of this kind were read well before.
    plain : bool
        Exactly black on white, without noise.
    count : int
        Digits in the picture, at most.
    edge : float
        Share of the shorter side along the picture's edge without ink.
    """

    paper: tuple = ()
    scene: tuple = ()
    colour: Callable = any_ink
    share: tuple[float, float] = (0.35, 0.65)
    turn: tuple[float, float] = (0, 5)
    thickness: float | None = None
    grown: tuple[float, float] = (0, 0)
    blur: tuple[float, float] = (0.3, 0.8)
    negative: bool = False
    sides: tuple[int, int] = (300, 600)
    clean: bool = False
    plain: bool = False
    count: int = 1
    edge: float = 0.04


def _shade(low: float, high: float) -> Callable:
    return lambda rng: np.full(3, rng.uniform(low, high))


def _bright(rng) -> np.ndarray:
    colours = [(0.8, 0.12, 0.15), (0.05, 0.5, 0.2), (0.5, 0.15, 0.6), (0.85, 0.4, 0.05)]
    return np.clip(np.array(colours[rng.integers(4)]) + rng.uniform(-0.06, 0.06, 3), 0, 1)


def _yellow(rng) -> np.ndarray:
    return np.array([rng.uniform(0.92, 0.99), rng.uniform(0.86, 0.95), rng.uniform(0.2, 0.5)])


def grey_paper(photo: Photo) -> None:
    """Use grey paper."""
    photo.page = photo.page * photo.rng.uniform(0.6, 0.85)


KINDS = {
    "white paper": Kind(clean=True),
    "grey paper": Kind(paper=(grey_paper,), clean=True),
    "even fall of light": Kind(scene=(fall_of_light,), clean=True),
    "coloured ink": Kind(colour=_bright, clean=True),
    "faint pencil": Kind(colour=_shade(0.6, 0.72), clean=True),
    "chalk on a board": Kind(negative=True, colour=_shade(0.05, 0.15), clean=True),
    "blurred": Kind(blur=(1.8, 3.5), clean=True),
    "marker": Kind(grown=(0.02, 0.045), colour=_shade(0.05, 0.2), clean=True),
    "fine pen": Kind(thickness=0.035),
    "turned by 15°": Kind(turn=(13, 17)),
    "lined, light": Kind(paper=(lined(0.15, 0.35),)),
    "lined, dark": Kind(paper=(lined(0.55, 0.9),)),
    "squared, light": Kind(paper=(lined(0.15, 0.35, True),)),
    "squared, strong": Kind(paper=(lined(0.55, 0.9, True),)),
    "faint pencil on squares": Kind(paper=(lined(0.2, 0.4, True),), colour=_shade(0.5, 0.66)),
    "squares and fall of light": Kind(paper=(lined(0.2, 0.5, True),), scene=(fall_of_light,)),
    "soft shadow": Kind(scene=(soft_shadow,)),
    "edge of the phone's shadow": Kind(scene=(edged_shadow(0.3, 0.5),)),
    "weak edge of a shadow": Kind(scene=(edged_shadow(0.1, 0.2),)),
    "vignette": Kind(scene=(vignette,)),
    "dark, noisy room": Kind(scene=(dark_room,)),
    "table on one side": Kind(scene=(table(1),), share=(0.35, 0.55), edge=0.16),
    "table on two sides": Kind(scene=(table(2),), share=(0.35, 0.55), edge=0.16),
    "table all round": Kind(scene=(table(4),), share=(0.35, 0.55), edge=0.16),
    "finger at the edge": Kind(scene=(finger,), share=(0.35, 0.5)),
    "red margin line": Kind(paper=(margin_line,)),
    "fold": Kind(scene=(fold,)),
    "bleed-through": Kind(paper=(bleed_through,)),
    "print in a corner": Kind(paper=(print_in_a_corner,), share=(0.35, 0.5)),
    "four specks": Kind(paper=(specks,)),
    "yellow highlighter": Kind(colour=_yellow, grown=(0, 0.03)),
    "8 % of the side": Kind(share=(0.08, 0.08)),
    "10 mm on a page of A4": Kind(share=(10 / 210, 10 / 210), sides=(1500, 2121)),
    **{
        f"stroke of {100 * share:g} %": Kind(
            thickness=share, plain=True, share=(0.6, 0.75), sides=(900, 900), blur=(0, 0)
        )
        for share in (0.005, 0.01, 0.015, 0.02, 0.03)
    },
    "two to four digits": Kind(count=4, share=(0.18, 0.3), sides=(420, 600)),
}
BLANK = {
    "blank paper": Kind(count=0),
    "blank, lined": Kind(paper=(lined(0.15, 0.9),), count=0),
    "blank, squared": Kind(paper=(lined(0.15, 0.9, True),), count=0),
    "blank, in shadow": Kind(scene=(soft_shadow, edged_shadow(0.1, 0.5)), count=0),
    "blank, on a table": Kind(scene=(table(2),), count=0),
}
OTHERS: list[np.ndarray] = []  # digits that show through from the back


def take_photo(kind: Kind, digits: np.ndarray, seed) -> Image.Image:
    """Make a photograph.

    Parameters
    ----------
    kind : Kind
    digits : ndarray of uint8, shape (n, 28, 28)
        What to write, in rows.
    seed : int or sequence of int

    Returns
    -------
    photo : Image
    """
    rng = np.random.default_rng(seed)
    low, high = kind.sides
    size = (high, low) if high > 1000 else tuple(rng.integers(low, high + 1, 2).tolist())
    photo = Photo(rng, size)
    if kind.plain:
        photo.page[:] = 1
    for change in kind.paper:
        change(photo)
    colour = np.zeros(3) if kind.plain else kind.colour(rng)
    share = rng.uniform(*kind.share)
    strokes = [_stroke(kind, digit, share, photo) for digit in digits]
    if len(strokes) == 1:
        ink(photo, strokes[0], colour, edge=kind.edge)
    else:
        _write_in_rows(photo, strokes, colour)
    for change in kind.scene:
        change(photo)
    page = 1 - photo.page if kind.negative else photo.page
    page = ndimage.gaussian_filter(page, (*[rng.uniform(*kind.blur)] * 2, 0))
    if not kind.plain:
        page = page + rng.normal(0, rng.uniform(0.004, 0.012), page.shape)
    return Image.fromarray(np.rint(page.clip(0, 1) * 255).astype(np.uint8))


def _stroke(kind: Kind, digit: np.ndarray, share: float, photo: Photo) -> np.ndarray:
    rng = photo.rng
    height = max(12, round(share * min(photo.size)))
    if kind.thickness:
        stroke = thin_stroke(digit, height, kind.thickness)
    else:
        stroke = upright_stroke(digit, height)
        grown = rng.uniform(*kind.grown) * height
        if grown:
            apart = ndimage.distance_transform_edt(np.pad(stroke, round(grown) + 2) < 0.5)
            stroke = np.clip(grown - apart + 0.5, 0, 1)
    angle = rng.uniform(*kind.turn) * rng.choice([-1, 1])
    return np.clip(ndimage.rotate(stroke, angle, order=1), 0, 1)


def _write_in_rows(photo: Photo, strokes: list[np.ndarray], colour) -> None:
    """Write digits in two rows, or in one if they are few."""
    rng, (height, width) = photo.rng, photo.size
    per_row = 2 if len(strokes) > 3 else len(strokes)
    lines = -(-len(strokes) // per_row) if strokes else 0
    for number, stroke in enumerate(strokes):
        line, place = divmod(number, per_row)
        high, wide = stroke.shape
        cell = height / lines, width / per_row
        row = cell[0] * line + (cell[0] - high) * rng.uniform(0.4, 0.6)
        column = cell[1] * place + (cell[1] - wide) * rng.uniform(0.3, 0.7)
        ink(photo, stroke, colour, row, column)


# --- the measurement


class Tally(NamedTuple):
    """How photographs of one kind were read.

    Attributes
    ----------
    photos, right, refused : int
        How many there were, how many were read right, and in how many no digit was found.
    right_shipped : int
        How many the model that comes with the kit read right.
    answers : list of (is_right, is_sure)
        One for each digit of the others.
    """

    photos: int
    right: int
    refused: int
    right_shipped: int
    answers: list[tuple[bool, bool]]


def measure(
    network: Network,
    shipped: Network,
    digits: np.ndarray,
    labels: np.ndarray,
    name: str,
    photos: int,
) -> Tally:
    """Make photographs of one kind, and read them with both networks."""
    kind = (KINDS | BLANK)[name]
    number = list(KINDS | BLANK).index(name)
    right = refused = right_shipped = 0
    answers = []
    for photo in range(photos):
        count = 2 + photo % (kind.count - 1) if kind.count > 1 else kind.count
        rows = (FIRST + photo + 1000 * np.arange(count)) % len(labels)
        file = io.BytesIO()
        take_photo(kind, digits[rows], (SEED, number, photo)).save(file, "JPEG", quality=QUALITY)
        try:
            page = read_uploaded_page(file.getvalue(), name)
        except ImageError:
            refused += 1
            right += not count
            right_shipped += not count
            continue
        signals = [scale_pixels(each.pixels) for each in page.digits]
        read_shipped = [shipped.query(each).argmax() for each in signals]
        right_shipped += read_shipped == labels[rows].tolist()
        read = [Answer(network.query(each)) for each in signals]
        right += [answer.digit for answer in read] == labels[rows].tolist()
        if len(read) == count:
            answers += [
                (answer.digit == label, answer.is_sure)
                for answer, label in zip(read, labels[rows], strict=True)
            ]
    return Tally(photos, right, refused, right_shipped, answers)


def table(tallies: dict[str, Tally], read_themselves: float) -> str:
    """Write the table of all kinds, and below it the mean and what "not sure" does."""
    lines = [
        "| photographs | read right | by the model that comes with the kit | no digit found |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {each.right / each.photos:.1%} | {each.right_shipped / each.photos:.1%} | "
        f"{each.refused / each.photos:.1%} |"
        for name, each in tallies.items()
    ]
    shares, shares_shipped = (
        [getattr(each, what) / each.photos for name, each in tallies.items() if name in KINDS]
        for what in ("right", "right_shipped")
    )
    answers = [answer for each in tallies.values() for answer in each.answers]
    unsure = [
        np.mean([not is_sure for is_right, is_sure in answers if is_right == right] or [0])
        for right in (True, False)
    ]
    some = next(iter(tallies.values())).photos
    return "\n".join(
        (
            *lines,
            "",
            f"{some} photographs of each kind. Mean of all kinds with digits: "
            f"**{np.mean(shares):.1%}**; the worst {min(shares):.1%}. By the model that comes with "
            f"the kit: **{np.mean(shares_shipped):.1%}**; the worst {min(shares_shipped):.1%}. The "
            "network of preset `book` reads "
            f"{read_themselves:.1%} of the same digits as MNIST has them, which is the most that "
            f'can be expected. With a least lead of {LEAST_LEAD}, the answer is "not sure" for '
            f"{unsure[0]:.1%} of the digits that are read right, and for {unsure[1]:.1%} of those "
            "that are read wrong.",
        )
    )


def main() -> int:
    """Measure all kinds; print the table, and write it into the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=PHOTOS, help="default: %(default)s")
    parser.add_argument("--kind", action="append", help="only this kind; may be repeated")
    parser.add_argument("--report", metavar="FILE", help="write the table between its markers")
    arguments = parser.parse_args()
    try:
        source = find_mnist(_say)
        blocks = zip(*open_dataset(source.test).blocks(), strict=True)
        pixels, labels = map(np.concatenate, blocks)
        digits = pixels.reshape(-1, SIDE, SIDE)
        OTHERS[:] = digits[-1000:]
        network, shipped = _book_network(source.train), load_model(SHIPPED_MODEL)
        rows = slice(FIRST, FIRST + arguments.photos)
        themselves = network.query(scale_pixels(pixels[rows])).argmax(axis=1)
        tallies = {}
        for name in arguments.kind or KINDS | BLANK:
            tallies[name] = measure(network, shipped, digits, labels, name, arguments.photos)
            _say(f"{name}: {tallies[name].right} of {tallies[name].photos}")
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    text = table(tallies, np.mean(themselves == labels[rows]))
    print(text)
    if arguments.report:
        write_between(Path(arguments.report), "measure-photos", text)
    return 0


def _book_network(train: Path) -> Network:
    """Load the model of preset `book`, which is trained once."""
    if not MODEL.exists():
        _say("training preset book")
        words = ("--preset", "book", "--train", train, "--model", MODEL, "--restart")
        call("env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", "nn", "train", *words)
    return load_model(MODEL)


def _say(message: str) -> None:
    print(f"measure-photos: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
