"""What a sweep found: a cell for each learning rate and size, their heat map, a vote."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nn.plots import Figure
from nn.sweeps.grid import Grid
from nn.sweeps.results import Result

MIXED = "*"


@dataclass(frozen=True)
class Cell:
    """The results at one learning rate and one number of hidden nodes.

    Attributes
    ----------
    accuracies : tuple of float
        One for each seed and fold with a result.
    kinds : frozenset of str
        The kinds of machine that they are from; see `nn.sweeps.results.Result`.
    """

    learning_rate: float
    hidden_nodes: int
    accuracies: tuple[float, ...]
    kinds: frozenset[str]

    @property
    def mean(self) -> float:
        """Return the mean accuracy."""
        return statistics.fmean(self.accuracies)

    def __str__(self) -> str:
        """Return its accuracy, marked if machines of different kinds contributed."""
        spread = f" ± {100 * statistics.stdev(self.accuracies):.1f}" if self.accuracies[1:] else ""
        mark = MIXED if len(self.kinds) > 1 else ""
        return f"{100 * self.mean:.1f}{spread}{mark}"


def cells_of(results: Iterable[Result]) -> dict[tuple[float, int], Cell]:
    """Group results by learning rate and number of hidden nodes."""
    groups: dict[tuple[float, int], list[Result]] = {}
    for each in results:
        place = each.task["learning_rate"], each.task["hidden_nodes"]
        groups.setdefault(place, []).append(each)
    return {
        place: Cell(
            *place, tuple(each.accuracy for each in group), frozenset(each.kind for each in group)
        )
        for place, group in groups.items()
    }


def best_of(results: Iterable[Result]) -> Cell | None:
    """Return the cell with the highest mean; None without results."""
    return max(cells_of(results).values(), key=lambda cell: cell.mean, default=None)


def is_in(cell: Cell, result: Result) -> bool:
    """Return whether a cell has a result."""
    place = result.task["learning_rate"], result.task["hidden_nodes"]
    return place == (cell.learning_rate, cell.hidden_nodes)


def vote(answers: np.ndarray) -> np.ndarray:
    """Let networks vote on each digit; a tie goes to the lowest figure.

    Parameters
    ----------
    answers : ndarray of int, shape (networks, digits)

    Returns
    -------
    chosen : ndarray of int, shape (digits,)

    Examples
    --------
    >>> vote(np.array([[3, 1], [5, 1], [3, 7]])).tolist()
    [3, 1]
    """
    votes = [(answers == figure).sum(axis=0) for figure in range(answers.max() + 1)]
    return np.argmax(votes, axis=0)


def answers_of(results: Iterable[Result]) -> np.ndarray:
    """Return the answers that results kept, of shape (networks, digits)."""
    return np.array([[int(figure) for figure in each.found["answers"]] for each in results])


def heat_map(grid: Grid, results: Iterable[Result]) -> Figure:
    """Draw the mean accuracy for each learning rate and number of hidden nodes.

    A cell without a result is white; one with results of different kinds of machine is marked, and
    the marks are explained below.

    Parameters
    ----------
    grid : Grid
    results : iterable of Result

    Returns
    -------
    figure : Figure
    """
    results = list(results)
    cells = cells_of(results)
    rates, sizes = sorted(grid.learning_rate), sorted(grid.hidden_nodes)
    means = np.full((len(sizes), len(rates)), np.nan)
    size = (2 + 1.15 * len(rates), 1.5 + 0.6 * len(sizes))
    figure = Figure(figsize=(max(4.5, size[0]), max(2.5, size[1])), layout="constrained")
    axis = figure.subplots()
    for (rate, nodes), cell in cells.items():
        means[sizes.index(nodes), rates.index(rate)] = 100 * cell.mean
    found = means[np.isfinite(means)]
    # Most of the colours for the upper half: there a difference of one percent matters.
    low = float(np.median(found) - 2 * (found.max() - np.median(found)) - 1) if len(found) else 0
    image = axis.imshow(means, cmap="viridis", origin="lower", aspect="auto", vmin=low)
    for (rate, nodes), cell in cells.items():
        colour = "white" if image.norm(100 * cell.mean) < 0.6 else "black"
        place = rates.index(rate), sizes.index(nodes)
        axis.annotate(str(cell), place, ha="center", va="center", color=colour, fontsize=8)
    axis.set_xticks(range(len(rates)), [f"{rate:.10g}" for rate in rates])
    axis.set_yticks(range(len(sizes)), sizes)
    axis.set_ylabel("hidden nodes")
    tested = "held-out digits" if grid.folds else "test digits"
    number = f"{len(results)} training{'' if len(results) == 1 else 's'}"
    axis.set_title(f"% of the {tested} read correctly: {number}", fontsize=10)
    marked = any(len(cell.kinds) > 1 for cell in cells.values())
    note = f"\n{MIXED} from machines of different kinds" if marked else ""
    axis.set_xlabel(f"learning rate{note}")
    return figure
