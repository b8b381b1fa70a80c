"""``sweep``: train once for each cell of a grid, on all cores, and draw which is best."""

import math
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path

from nn.cli.arguments import whole_number
from nn.cli.console import Interrupted, percent, progress_of, remark
from nn.errors import KitError
from nn.kit import KIT_FOLDER

_SECONDS_BETWEEN_PICTURES = 10  # at least; a large grid takes seconds to draw
_SECONDS_BETWEEN_NAMES = 1  # of the best cell so far
_FEW_ROWS, _MORE_ROWS = 500, 2500  # to estimate how long a training takes
_PI_ZERO_SECONDS_PER_DIGIT = (1.6e-3, 3e-5)  # and for each hidden node
_NOT_A_PIS = ("authority.pem", "computer.pem")


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument("grid", metavar="GRID.toml", help="such as sweeps/learning-rate.toml")
    parser.add_argument(
        "--results",
        metavar="FILE",
        help="where each result is kept; default: the grid's name with .jsonl",
    )
    parser.add_argument(
        "--picture", metavar="FILE.png", help="draw a heat map, again and again as results come"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how many trainings, and about how long"
    )
    parser.add_argument(
        "--workers",
        type=whole_number(1, 1000),
        metavar="N",
        help="processes on this computer; default: one for each core",
    )
    group = parser.add_argument_group("Pis", "docs/sweeps.md shows how to set them up.")
    group.add_argument(
        "--pis", action="store_true", help="let Pis do the work; this computer only shares it out"
    )
    group.add_argument(
        "--laptop", action="store_true", help="with --pis: let this computer's cores work as well"
    )
    group.add_argument(
        "--keys",
        metavar="FOLDER",
        default=KIT_FOLDER / "ansible" / "secrets" / "sweep",
        type=Path,
        help="with --pis: what 'make provision' made; default: ansible/secrets/sweep",
    )
    parser.add_argument("--offline", action="store_true", help="do not try to download MNIST")
    parser.set_defaults(run=run, parser=parser)


def run(arguments) -> None:
    """Run what is missing, and print a table of all results."""
    from nn.sweeps.grid import read_grid

    if arguments.laptop and not arguments.pis:
        arguments.parser.error(
            "--laptop adds this computer's cores to the Pis': use it with --pis (make: PIS=1), or "
            "leave it out, and this computer does all the work"
        )
    grid = read_grid(arguments.grid)
    path = Path(arguments.results or Path(arguments.grid).with_suffix(".jsonl"))
    if arguments.picture:
        from nn.cli.files import check_picture_target

        check_picture_target(arguments.picture)
        folder = Path(arguments.picture).parent
        if not os.access(folder, os.W_OK):
            raise KitError(f"{arguments.picture}: nothing can be written into {folder}")
        if Path(arguments.picture).resolve() == path.resolve():
            raise KitError(f"{path} is for the results: give the picture another name")
    from nn.data.sources import OTHER_NAME, find_source
    from nn.saving.atomic import alone_with
    from nn.sweeps.results import ResultsFile

    source = find_source(environ=os.environ, offline=arguments.offline, say=remark)
    if source.name == OTHER_NAME:  # results of two such files could not be told apart
        raise KitError(
            "expected MNIST or the bundled sample, which all machines of a sweep know by name, "
            f"got {source}. Unset MNIST_DIR, or let it name a folder with MNIST"
        )
    remark(f"Data: {source}")
    tasks = grid.tasks(source.name)
    try:
        # by its own name: a link is another way to the same file
        with alone_with(path.resolve()) if not arguments.dry_run else nullcontext():
            results = ResultsFile(path, remark)
            missing = results.missing(tasks)
            _say_what_is_there(results, tasks, path)
            if arguments.dry_run:
                _estimate(missing, arguments)
                return
            if missing:
                _run_missing(arguments, grid, tasks, missing, results)
            _report(arguments, grid, results.of(tasks), path)
            failed = results.missing(tasks)
    except BlockingIOError:
        raise KitError(f"{path}: another sweep is writing to it. Wait, or name another") from None
    if failed:
        raise KitError(f"{len(failed)} of {_trainings(len(tasks))} failed, see above: {path}")


def _say_what_is_there(results, tasks, path: Path) -> None:
    there = len(results.of(tasks))
    if there:
        remark(f"{there} of {len(tasks)} results are in {path}")
    if others := len(results.results) - there:
        belong = "belongs" if others == 1 else "belong"
        remark(f"{others} more in {path} {belong} to another grid: kept, and not shown")


def _run_missing(arguments, grid, tasks, missing, results) -> None:
    """Run tasks, keep each result, and show how far it is."""
    from nn.sweeps.findings import best_of
    from nn.sweeps.results import ResultsFile

    drawn_at = named_at = time.monotonic()
    pause, best = _SECONDS_BETWEEN_PICTURES, ""
    shown = results.of(tasks)
    done = len(shown)
    try:
        with (
            progress_of("sweep", "trainings", len(tasks), done) as advance,
            _runner(arguments) as run_tasks,
        ):
            for task, found in run_tasks(missing):
                results.add(task, found)
                shown += results.of([task])
                if "failed" in found:
                    remark(f"failed: {_place(task)}: {found['failed']}")
                if not best or time.monotonic() - named_at > _SECONDS_BETWEEN_NAMES:
                    best, named_at = _short_name(best_of(shown)), time.monotonic()
                advance(1, best)
                if arguments.picture and time.monotonic() - drawn_at > pause:
                    begun = time.monotonic()
                    _draw_or_remark(arguments, grid, shown)
                    drawn_at = time.monotonic()
                    pause = max(_SECONDS_BETWEEN_PICTURES, 10 * (drawn_at - begun))
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Interrupted) else signal.SIGINT
        there = len(ResultsFile(results.path).of(tasks))  # a line may have been written just now
        raise Interrupted(
            number,
            f"interrupted: {there} of {len(tasks)} results are in {results.path}. The "
            "same command does the rest",
        ) from None


def _runner(arguments):
    """Return the context in which tasks are run."""
    from nn.sweeps.cluster import HAS_DASK, available_cores, many_pis, this_computer

    if arguments.pis:
        cores = (arguments.workers or available_cores()) if arguments.laptop else 0
        return many_pis(arguments.keys, cores, remark)
    if not HAS_DASK:
        extra = "'make sweep' or pip install -e '.[sweep]'"
        remark(f"Dask is not installed, so one core does all the work: {extra} installs it")
    return this_computer(arguments.workers)


def _report(arguments, grid, results, path: Path) -> None:
    """Print a table: a row for each number of hidden nodes, a column for each learning rate."""
    from nn.sweeps.findings import MIXED, best_of, cells_of, is_in

    cells = cells_of(results)
    rates = sorted(grid.learning_rate)
    print(_row("hidden nodes", [f"rate {rate:.10g}" for rate in rates]))
    for nodes in sorted(grid.hidden_nodes):
        print(_row(str(nodes), [str(cells.get((rate, nodes), "")) for rate in rates]))
    if any(len(cell.kinds) > 1 for cell in cells.values()):
        print(f"{MIXED} from machines of different kinds: compare them with care")
    if best := best_of(results):
        place = f"rate {best.learning_rate:.10g}, {best.hidden_nodes} nodes"
        mark = MIXED if len(best.kinds) > 1 else ""
        print(f"best {percent(best.mean)}{mark} at {place}, of {_trainings(len(results))}: {path}")
        if grid.answers:
            _print_vote([each for each in results if is_in(best, each)])
    if arguments.picture:
        _draw(arguments, grid, results)
        remark(f"Picture: {arguments.picture}")


def _print_vote(results) -> None:
    """Print how well the networks of a cell read together."""
    import numpy as np

    from nn.sweeps.findings import answers_of, vote
    from nn.sweeps.tasks import digits_of

    _, test_set = digits_of(results[0].task)
    labels = np.concatenate([labels for _, labels in test_set.blocks()])
    whole = [each for each in results if len(each.found["answers"]) == len(labels)]
    if len(whole) < len(results):
        others = len(results) - len(whole)
        do = "answers other digits: it does" if others == 1 else "answer other digits: they do"
        remark(f"{others} of the results {do} not vote")
    if not whole:
        return
    results = whole
    share = float((vote(answers_of(results)) == labels).mean())
    networks = f"these {len(results)} networks" if len(results) > 1 else "this one network"
    print(f"a vote of {networks} reads {percent(share)}")


def _draw(arguments, grid, results) -> None:
    from nn.plots import save_figure
    from nn.sweeps.findings import heat_map

    save_figure(heat_map(grid, results), arguments.picture)


def _draw_or_remark(arguments, grid, results) -> None:
    """Draw what is there; a full disk is no reason to end a sweep."""
    try:
        _draw(arguments, grid, results)
    except OSError as error:
        remark(f"{arguments.picture} could not be drawn: {error.strerror or error}")


def _row(name: str, cells: Iterable[str]) -> str:
    return f"{name:12}" + "".join(f" {cell:>12}" for cell in cells)


def _short_name(cell) -> str:
    """Name the best cell beside the bar, if there is one."""
    if cell is None:
        return ""
    return f"best: {cell.learning_rate:.10g}, {cell.hidden_nodes} nodes, {100 * cell.mean:.1f} %"


def _trainings(number: int) -> str:
    return "1 training" if number == 1 else f"{number} trainings"


def _place(task) -> str:
    fold = f", fold {task['fold']}" if task["folds"] else ""
    rate, nodes = f"{task['learning_rate']:.10g}", task["hidden_nodes"]
    return f"rate {rate}, {nodes} nodes, seed {task['seed']}{fold}"


def _estimate(tasks, arguments) -> None:
    """Say how many trainings there are and about how long they take."""
    from nn.sweeps.cluster import HAS_DASK, available_cores

    if tasks and (arguments.laptop or not arguments.pis):
        remark("Training on some digits of each size, to see how long this computer takes")
    groups = []  # of machines: how many, and what a task takes there
    where = ""
    if arguments.pis:
        keys = {path.name for path in arguments.keys.glob("*.pem")} - {*_NOT_A_PIS}
        pis = max(1, len(keys))
        where = "1 Pi Zero (estimated)" if pis == 1 else f"{pis} Pi Zeros (estimated)"
        if not keys:
            where += ". No Pi is set up for sweeps yet: docs/sweeps.md shows how"
        groups.append((pis, _seconds_on_a_pi))
    if arguments.laptop or not arguments.pis:
        cores = (arguments.workers or available_cores()) if HAS_DASK else 1
        these = f"{'one core' if cores == 1 else f'{cores} cores'} of this computer"
        where = f"{these} and {where}" if where else these
        groups.append((cores, _seconds_here))
    rates = []  # trainings in a second, of each group
    for workers, seconds_each in groups:
        seconds = _seconds_for_all(tasks, seconds_each)
        rounds = math.ceil(len(tasks) / workers) if len(groups) == 1 else len(tasks) / workers
        rates.append(len(tasks) / max(1e-9, seconds / max(1, len(tasks)) * rounds))
    minutes = len(tasks) / sum(rates) / 60 if tasks else 0
    seconds = max(1, round(60 * minutes))
    about = f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{seconds} second{'s' * (seconds > 1)}"
    print(f"{_trainings(len(tasks))}: about {about} on {where}")


def _seconds_for_all(tasks, seconds_each: Callable[[dict, int], float]) -> float:
    """Estimate what tasks take one after another."""
    from nn.sweeps.tasks import digits_of

    seconds, known = 0.0, {}
    for task in tasks:
        nodes = task["hidden_nodes"]
        if nodes not in known:
            rows = digits_of(task | {"folds": 0})[0].estimate_rows() or task["samples"] or 0
            known[nodes] = seconds_each(task, rows)
        seconds += known[nodes]
    return seconds


def _seconds_on_a_pi(task, rows: int) -> float:
    """Estimate a training on a Pi Zero from docs/performance.md, in a line through its presets."""
    base, for_each_node = _PI_ZERO_SECONDS_PER_DIGIT
    return rows * task["epochs"] * (base + for_each_node * task["hidden_nodes"])


def _seconds_here(task, rows: int) -> float:
    """Estimate a training on this computer from two short ones of one epoch each."""
    from nn.sweeps.tasks import run_task

    more = min(_MORE_ROWS, max(2, rows))
    few = min(_FEW_ROWS, more // 2)
    _, short, long = (
        run_task(task | {"samples": samples, "epochs": 1})["seconds"]
        for samples in (few, few, more)  # the first time, files are opened
    )
    slope = max(0.0, long - short) / (more - few)
    return short + slope * max(0, rows * task["epochs"] - few)
