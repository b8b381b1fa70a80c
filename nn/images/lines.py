"""Take the lines of lined and squared paper, margins and creases out of the ink."""

import numpy as np

_SPAN = 0.55  # of the picture's side, that a line reaches at least
_SPAN_TO_EDGE = 0.04  # if it goes on to the picture's edge
_THICKEST = 1 / 50  # of the picture's side


def without_lines(mask: np.ndarray) -> np.ndarray:
    """Return a mask of ink without its long, thin lines, across and down.

    A line is thin all along, so it may be tilted or bent; where a stroke crosses it, ink is as
    long as the stroke is, and stays.
    """
    lines = _lines_across(mask) | _lines_across(mask.T).T
    return mask & ~lines


def _lines_across(mask):
    from scipy import ndimage

    height, width = mask.shape
    runs = _vertical_runs(mask)
    limit = max(3, round(_THICKEST * max(mask.shape)))
    thin = mask & (runs <= limit)
    bridged = ndimage.maximum_filter(thin, size=(3, 4 * limit + 1))
    labels, count = ndimage.label(bridged, np.ones((3, 3)))
    lines = np.zeros_like(mask)
    at = np.arange(width)
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        span = columns.stop - columns.start
        to_edge = columns.start == 0 or columns.stop == width
        if span < (_SPAN_TO_EDGE if to_edge else _SPAN) * width:
            continue
        place = rows, columns
        covered = thin[place] & (labels[place] == number)
        if covered.any(axis=0).sum() < 0.6 * span:
            continue
        usual = np.median(runs[place][covered])
        down, along = np.nonzero(covered)
        slope, offset = np.polyfit(along + columns.start, down + rows.start, 1)
        if not to_edge or span >= _SPAN * width:
            lines[place] |= covered & (runs[place] <= 1.5 * usual + 1)
        elif np.abs(down + rows.start - slope * (along + columns.start) - offset).mean() > usual:
            continue
        # the rest of the same line, between strokes
        reach = int(usual) + 1
        middle = np.rint(slope * at + offset).astype(int)
        for step in range(-reach, reach + 1):
            row = middle + step
            inside = (row >= 0) & (row < height)
            row, column = row[inside], at[inside]
            lines[row, column] |= thin[row, column] & (runs[row, column] <= 1.5 * usual + 1)
    return lines


def _vertical_runs(mask):
    """Return for each pixel of a mask the length of the vertical run that it is in."""
    height, width = mask.shape
    padded = np.zeros((height + 2, width), np.int8)
    padded[1:-1] = mask
    edges = np.diff(padded, axis=0).T  # (width, height + 1): runs go along memory
    columns, starts = np.nonzero(edges == 1)
    _, stops = np.nonzero(edges == -1)
    lengths = np.zeros((width, height + 1), np.int32)
    lengths[columns, starts] = stops - starts
    lengths[columns, stops] -= stops - starts
    return lengths.cumsum(axis=1)[:, :height].T
