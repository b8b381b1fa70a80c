"""What notebooks from the book call, and today's numpy and scipy no longer have.

In the first line of such a notebook, write::

    import nn.book_calls

The import adds, for the running Python and only where it is missing:

- ``numpy.asfarray``, which numpy 2 removed;
- ``scipy.misc.imread``, which scipy 1.2 removed;
- ``scipy.ndimage.interpolation``, which scipy 2 removes;
- ``imageio.imread``, ``imageio.v2.imread`` and ``imageio.v3.imread``, read by Pillow, when imageio
  is not installed.

It prints what it added, and changes nothing that is there. `ADDED` lists the same.
"""

import contextlib
import importlib
import sys
import types
import warnings
from importlib.machinery import ModuleSpec

import numpy as np
from PIL import Image


def asfarray(a, dtype=np.float64) -> np.ndarray:
    """Return numbers, or their texts, as an array of floats.

    Parameters
    ----------
    a : array_like
    dtype : dtype, default float64
        A type that is not of floats or complex numbers means float64.

    Returns
    -------
    array : ndarray
    """
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def read_picture(file, mode: str | None = None) -> np.ndarray:
    """Read a picture with Pillow.

    Parameters
    ----------
    file : str, path or binary file
    mode : str, optional
        Pillow's name of what to convert it to: "F" for grey as floats, "L" for grey as bytes.

    Returns
    -------
    pixels : ndarray of shape (height, width) or (height, width, channels)
        Float32 for "F".
    """
    with Image.open(file) as picture:
        if picture.mode in ("P", "PA"):  # the numbers of a palette mean nothing without it
            picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        if mode == "F" and picture.mode == "LA":  # Pillow converts this one only by way of L
            picture = picture.convert("L")
        return np.array(picture if mode is None else picture.convert(mode))


def _scipy_imread(name, flatten=False, mode=None):
    return read_picture(name, "F" if flatten else mode)


def _imageio_v2_imread(uri, format=None, *, as_gray=False, pilmode=None):
    return read_picture(uri, "F" if as_gray else pilmode)


def _imageio_v3_imread(uri, *, mode=None):
    return read_picture(uri, mode)


def _has(name: str) -> bool:
    """Return whether a module can be imported; what it warns of is of no use to a reader."""
    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.simplefilter("ignore")
        importlib.import_module(name)
        return True
    return False


def _add_module(name: str, **contents) -> None:
    """Make a module that can be imported, and that says what it is when it lacks something."""

    def missing(attribute: str):
        raise AttributeError(
            f"{name} has no {attribute}: nn.book_calls made it, with {', '.join(contents)} alone. "
            f"For more, install {name.partition('.')[0]} itself"
        )

    module = types.ModuleType(name, f"A stand-in made by nn.book_calls: {', '.join(contents)}.")
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    vars(module).update(contents, __getattr__=missing, __path__=[])
    sys.modules[name] = module
    parent, _, own = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, module)


def _add() -> list[str]:
    """Add what is missing; return its names."""
    added = []
    if not hasattr(np, "asfarray"):
        np.asfarray = asfarray
        added.append("numpy.asfarray")
    if not _has("scipy.misc"):
        _add_module("scipy.misc", imread=_scipy_imread)
        added.append("scipy.misc.imread")
    elif not hasattr(sys.modules["scipy.misc"], "imread"):
        sys.modules["scipy.misc"].imread = _scipy_imread
        added.append("scipy.misc.imread")
    if not _has("scipy.ndimage.interpolation"):
        ndimage = importlib.import_module("scipy.ndimage")
        _add_module(
            "scipy.ndimage.interpolation",
            **{name: getattr(ndimage, name) for name in ("rotate", "shift", "zoom")},
        )
        added.append("scipy.ndimage.interpolation")
    if not _has("imageio"):
        _add_module("imageio", imread=_imageio_v2_imread)
        _add_module("imageio.v2", imread=_imageio_v2_imread)
        _add_module("imageio.v3", imread=_imageio_v3_imread)
        added.append("imageio.imread")
    return added


ADDED = _add()
if ADDED:
    print(f"nn.book_calls added {', '.join(ADDED)}")
