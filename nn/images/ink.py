"""Find the ink in a picture: what is darker, or lighter, than the paper around it.

Paper is estimated at each pixel by grey closing: whatever is narrower than a window is filled with
what is around it. So the paper may be shaded, folded, or lie on a table; what is wider than the
window, or goes on beyond the picture's edge, is never ink.
"""

import numpy as np

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, by ITU-R BT.601
_WINDOW = 0.25  # sides of the window, as a share of the picture's: wider than a marker's stroke
_YELLOW = 0.6  # how much missing blue counts: yellow is hardly darker than paper
_NOISES = 4.0  # standard deviations of noise that are not ink yet
_LEAST_CONTRAST = 0.06  # between paper and ink, as a share of the paper's brightness
_BLACK = 0.03  # anything darker is as dark: ratios of such levels mean nothing


def ink_on_paper(picture: np.ndarray) -> tuple[np.ndarray, float]:
    """Separate ink from paper, whichever is darker.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
        Red, green and blue.

    Returns
    -------
    ink : ndarray of float32, shape (height, width)
        0 for paper to 1 for black ink on white.
    faintest : float
        What is fainter may be noise.
    """
    from scipy import ndimage

    plane = picture @ (_LUMINANCE / 255)  # (height, width, 3) @ (3,)
    plane -= _YELLOW * np.maximum(plane - picture[..., 2] / np.float32(255), 0)
    if min(plane.shape) > 100:
        grain = np.median(np.abs(np.diff(plane[::2], axis=1)))
        if grain > 0.002:
            plane = ndimage.gaussian_filter(plane, 0.6 if grain < 0.02 else 1.2)
    darkest, usual, lightest = np.maximum(np.percentile(plane, (0.02, 50, 99.98)), _BLACK)
    if lightest / usual > usual / darkest:
        plane = 1 - plane
    window = max(3, round(_WINDOW * np.sqrt(plane.size)))
    paper = ndimage.grey_closing(plane, size=(window, window), mode="nearest")
    ink = 1 - plane / np.maximum(paper, 0.05)
    ink -= np.median(ink[::2, ::2])  # closing follows the lightest pixels of the paper's grain
    noise = 1.48 * np.median(np.abs(ink[::2, ::2]))
    return np.maximum(ink, 0), max(_LEAST_CONTRAST, _NOISES * noise)
