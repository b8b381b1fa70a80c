"""Measure seconds and memory of something that can be done again and again."""

import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping


def median_seconds(
    actions: Mapping[str, Callable[[], object]],
    runs: int = 3,
    repeats: int = 1,
    on_run: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Time actions against each other.

    They take turns, so that a computer that is busy for a while is unfair to none, and the median
    leaves out the run that was disturbed.

    Parameters
    ----------
    actions : mapping of name to callable
        Called without arguments.
    runs : int
        Turns that each gets.
    repeats : int
        How often an action is called in one turn: many, where one call is too short to time.
    on_run : callable
        Called after each turn of each action.

    Returns
    -------
    seconds : dict of name to float
        The median of the turns, for one call.
    """
    seconds = {name: [] for name in actions}
    for _ in range(runs):
        for name, action in actions.items():
            start = time.perf_counter()
            for _ in range(repeats):
                action()
            seconds[name].append((time.perf_counter() - start) / repeats)
            on_run()
    return {name: statistics.median(each) for name, each in seconds.items()}


def peak_megabytes(action: Callable[[], object]) -> float:
    """Return the most memory that Python and numpy held for an action at one time, in MB.

    What was held before does not count. Watching takes time: never time an action meanwhile.
    """
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
