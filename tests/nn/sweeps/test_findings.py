"""Cells and their heat map."""

import pytest

from nn.presets import PRESETS
from nn.sweeps.findings import best_of, cells_of, heat_map
from nn.sweeps.grid import Grid
from nn.sweeps.results import Result
from tests.nn.sweeps.test_results import FOUND

GRID = Grid(PRESETS["smoke"], learning_rate=(0.3, 0.1), hidden_nodes=(10, 30), seed=(1, 2))


def results(*accuracies: float, **changes) -> list[Result]:
    found = zip(GRID.tasks("MNIST"), accuracies, strict=False)
    return [Result(task, FOUND | {"accuracy": each} | changes) for task, each in found]


def texts(figure) -> set[str]:
    return {text.get_text() for text in figure.axes[0].texts}


def test_a_cell_is_the_mean_of_its_seeds():
    """With the spread, as soon as there are two."""
    cells = cells_of(results(0.9, 0.8, 0.7, 0.6, 0.94))
    assert cells[0.3, 10].mean == pytest.approx(0.92)
    assert str(cells[0.3, 10]) == "92.0 ± 2.8"
    assert str(cells[0.1, 10]) == "80.0"


def test_the_best_cell_has_the_highest_mean():
    """None before the first result."""
    assert best_of([]) is None
    best = best_of(results(0.9, 0.8, 0.7, 0.6, 0.1, 0.8))
    assert (best.learning_rate, best.hidden_nodes) == (0.1, 10)


def test_the_picture_fills():
    """Cell by cell, the learning rates in order."""
    assert texts(heat_map(GRID, [])) == set()
    figure = heat_map(GRID, results(0.9, 0.8))
    assert texts(figure) == {"90.0", "80.0"}
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.1", "0.3"]
    places = {text.get_text(): text.xy for text in figure.axes[0].texts}
    assert places == {"90.0": (1, 0), "80.0": (0, 0)}
    assert figure._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("other", [{"numpy": "2.2.4"}, {"processor": "ARMv7 rev 3"}])
def test_kinds_of_machine_are_not_mixed_without_a_mark(other):
    """One cell of results from two kinds; the others have no mark."""
    mixed = results(0.9, 0.8, 0.7, 0.6) + results(*[0.5] * 5, **other)[4:]
    figure = heat_map(GRID, mixed)
    assert {text for text in texts(figure) if text.endswith("*")} == {"70.0 ± 28.3*"}
    assert "* from machines of different kinds" in figure.axes[0].get_xlabel()
    assert "*" not in heat_map(GRID, results(0.9)).axes[0].get_xlabel()
