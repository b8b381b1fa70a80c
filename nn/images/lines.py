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
    found = []
    inner = []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        if place[1].stop - place[1].start < _SPAN_TO_EDGE * width:
            continue
        down, along = np.nonzero(thin[place] & (labels[place] == number))
        down, along = down + place[0].start, along + place[1].start
        span = np.ptp(along) + 1
        if span < _SPAN_TO_EDGE * width or np.unique(along).size < 0.6 * span:
            continue
        usual = np.median(runs[down, along])
        slope, offset = np.polyfit(along, down, 1)
        straight = np.abs(down - slope * along - offset).mean() <= usual
        line = down, along, usual, slope, offset
        if along.min() <= 2 or along.max() >= width - 3:
            if straight or span >= _SPAN * width:
                found.append(line)
        elif span >= _SPAN * width:
            inner.append(line)
    if len(inner) >= 3:  # paper that ends within the picture; one or two may be strokes
        found += inner
    lines = np.zeros_like(mask)
    at = np.arange(width)
    for down, along, usual, slope, offset in found:
        lines[down, along] = True
        # the rest of the same line, between strokes
        reach = int(usual) + 1
        middle = np.rint(slope * at + offset).astype(int)
        for step in range(-reach, reach + 1):
            row = middle + step
            inside = (row >= 0) & (row < height)
            lines[row[inside], at[inside]] = True
    return lines & thin & (runs <= 1.5 * max(usual for _, _, usual, _, _ in found) + 1) if found else lines


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
