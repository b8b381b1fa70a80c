"""Outer products, against sums written out."""

import numpy as np
import pytest

from nn.lessons import outer_products
from nn.lessons.outer_products import NUMPY_WAYS, R_WAYS, RError, has_r, outer_in_r

COLUMN, ROW = np.array([1.0, -2.0, 0.5]), np.array([4.0, 3.0])
PRODUCT = [[4.0, 3.0], [-8.0, -6.0], [2.0, 1.5]]

needs_r = pytest.mark.skipif(not has_r(), reason="R is not installed")


@pytest.mark.parametrize("way", NUMPY_WAYS)
def test_numpy_multiplies_each_by_each(way):
    """All ways give the product that a pencil gives."""
    assert NUMPY_WAYS[way](COLUMN, ROW).tolist() == PRODUCT


@needs_r
@pytest.mark.parametrize("way", R_WAYS)
def test_r_multiplies_each_by_each(way):
    """R's product comes back row by row, with a time."""
    seconds, product = outer_in_r(COLUMN, ROW, R_WAYS[way], runs=1, repeats=2)
    assert product.tolist() == PRODUCT
    assert seconds >= 0


@needs_r
def test_what_r_complains_of_is_told():
    """The expression and R's own words."""
    with pytest.raises(RError, match=r"R stopped at 'colum'.*object 'colum' not found"):
        outer_in_r(COLUMN, ROW, "colum")


def test_without_r_the_error_says_how_to_get_it(monkeypatch):
    """A name of a package to install."""
    monkeypatch.setattr(outer_products.shutil, "which", lambda name: None)
    with pytest.raises(RError, match="R is not installed: sudo apt install r-base-core"):
        outer_in_r(COLUMN, ROW, "column %*% t(row)")
