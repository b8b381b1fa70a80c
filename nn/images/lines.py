"""Take the lines of lined and squared paper, margins and creases out of the ink."""

from typing import NamedTuple

import numpy as np

_SPAN = 0.55  # of the picture's width, that a line reaches at least
_SPAN_TO_EDGE = 0.04  # if it is straight and goes on to the picture's edge
_COVERED = 0.6  # of its span: the rest may be crossed by strokes and other lines
_THICKEST = 0.02  # of the picture's longer side
_FEWEST = 3  # lines that end within the picture, on paper that does; one or two may be strokes


class _Line(NamedTuple):
    """Thin ink across the picture, and the straight line through it."""

    rows: np.ndarray
    columns: np.ndarray
    thickness: float
    slope: float
    offset: float


def without_lines(mask: np.ndarray) -> np.ndarray:
    """Leave long, thin lines out of a mask of ink, those across and those down.

    A line is thin all along, so it may be tilted or bent. Where a stroke crosses it, ink is as
    thick as the stroke is long, and stays.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)

    Returns
    -------
    mask : ndarray of bool, shape (height, width)
    """
    return mask & ~_lines_across(mask) & ~_lines_across(mask.T).T


def _lines_across(mask: np.ndarray) -> np.ndarray:
    runs = _vertical_runs(mask)
    thickest = max(3, round(_THICKEST * max(mask.shape)))
    lines = _find_lines(mask & (runs <= thickest), runs, thickest)
    found = np.zeros_like(mask)
    columns = np.arange(mask.shape[1])
    for line in lines:
        found[line.rows, line.columns] = True
        # the rest of the same line, between strokes
        middle = np.rint(line.slope * columns + line.offset).astype(int)
        for step in range(-int(line.thickness) - 1, int(line.thickness) + 2):
            inside = (middle + step >= 0) & (middle + step < len(mask))
            found[middle[inside] + step, columns[inside]] = True
    thickness = max((line.thickness for line in lines), default=0)
    return found & mask & (runs <= min(thickest, 1.5 * thickness + 1))


def _find_lines(thin: np.ndarray, runs: np.ndarray, thickest: int) -> list[_Line]:
    """Find what is long among what is thin."""
    from scipy import ndimage

    width = thin.shape[1]
    bridge = 4 * thickest
    bridged = ndimage.maximum_filter(thin, size=(3, bridge + 1))
    labels, _ = ndimage.label(bridged, np.ones((3, 3)))
    to_edge, inner = [], []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        if place[1].stop - place[1].start < _SPAN_TO_EDGE * width:
            continue
        rows, columns = np.nonzero(thin[place] & (labels[place] == number))
        rows, columns = rows + place[0].start, columns + place[1].start
        span = np.ptp(columns) + 1
        if span < max(3, _SPAN_TO_EDGE * width) or np.unique(columns).size < _COVERED * span:
            continue
        thickness = float(np.median(runs[rows, columns]))
        slope, offset = np.polyfit(columns, rows, 1)
        line = _Line(rows, columns, thickness, slope, offset)
        is_long = span >= _SPAN * width
        is_straight = np.abs(rows - slope * columns - offset).mean() <= thickness
        if columns.min() <= 2 or columns.max() >= width - 3:
            if is_long or (is_straight and _goes_on_to_an_edge(columns, width, bridge)):
                to_edge.append(line)
        elif is_long:
            inner.append(line)
    return to_edge + (inner if len(inner) >= _FEWEST else [])


def _goes_on_to_an_edge(columns: np.ndarray, width: int, bridge: int) -> bool:
    """Return whether ink covers the way to an edge; specks alone join a stroke to it as well."""
    covered = np.zeros(width, bool)
    covered[columns] = True
    ends = covered[: min(bridge, columns.max() + 1)], covered[max(width - bridge, columns.min()) :]
    return any(end.mean() >= _COVERED for end in ends if end.size)


def _vertical_runs(mask: np.ndarray) -> np.ndarray:
    """Return for each pixel of a mask how long the vertical run is that it belongs to; else 0."""
    height, width = mask.shape
    padded = np.zeros((width, height + 2), np.int8)
    padded[:, 1:-1] = mask.T  # so that runs go along memory
    edges = np.diff(padded, axis=1)
    columns, starts = np.nonzero(edges == 1)
    _, stops = np.nonzero(edges == -1)
    lengths = np.zeros((width, height + 1), np.int32)
    lengths[columns, starts] = stops - starts
    lengths[columns, stops] -= stops - starts
    return lengths.cumsum(axis=1, dtype=np.int32)[:, :height].T
