"""Weights as plain text: what is written is what is read, to the last bit."""

import numpy as np
import pytest

from nn.saving.weights_text import WeightsTextError, read_weights, write_weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_bit_survives(dtype, tmp_path):
    """Large, small and negative numbers, of either precision."""
    generator = np.random.default_rng(1)
    exponents = generator.integers(-30, 30, (5, 7)).astype(float)
    wih = (generator.normal(size=(5, 7)) * 10.0**exponents).astype(dtype)
    who = generator.normal(size=(3, 5)).astype(dtype)
    write_weights(tmp_path / "weights.txt", wih, who)
    read = read_weights(tmp_path / "weights.txt")
    assert all(np.array_equal(*pair) for pair in zip(read, (wih, who), strict=True))
    assert {each.dtype for each in read} == {np.dtype("float64")}


def test_the_form(tmp_path):
    """Three sizes, then a line for each node, as any language can read."""
    write_weights(tmp_path / "w.txt", np.array([[0.5, -1], [1e-7, 3]]), np.array([[0.1, 2.0]]))
    text = "2 2 1\n0.5 -1.0\n1e-07 3.0\n0.1 2.0\n"
    assert (tmp_path / "w.txt").read_text() == text


@pytest.mark.parametrize(
    "text",
    ["", "2 2", "2 2 1\n1 2\n", "0 2 1\n", "2 1 1\n1 2 nan\n", "2 1 1\n1 2 x\n", "5,0,0\n", "\xff"],
)
def test_other_content_is_refused(text, tmp_path):
    """The message names the file, and what to do."""
    (tmp_path / "w.txt").write_text(text, encoding="latin-1")
    with pytest.raises(WeightsTextError, match=r"w\.txt: expected .*pi-nn weights"):
        read_weights(tmp_path / "w.txt")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    """And nothing beside it."""
    (tmp_path / "w.txt").write_text("old")

    class Broken(np.ndarray):
        def __iter__(self):
            raise OSError(28, "No space left")

    broken = np.zeros((2, 2)).view(Broken)
    with pytest.raises(OSError, match=r"No space left.*w\.txt"):
        write_weights(tmp_path / "w.txt", broken, np.zeros((1, 2)))
    assert [path.name for path in tmp_path.iterdir()] == ["w.txt"]
    assert (tmp_path / "w.txt").read_text() == "old"
