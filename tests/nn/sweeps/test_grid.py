"""Grids in TOML files."""

import itertools

import pytest

from nn.presets import PRESETS
from nn.sweeps.grid import GridError, read_grid
from tests.conftest import PROJECT


@pytest.fixture
def grid_file(tmp_path):
    """Write a grid; return its path."""

    def write(text: str):
        path = tmp_path / "grid.toml"
        path.write_text(text)
        return path

    return write


def test_each_combination_is_one_task(grid_file):
    """Each learning rate with each size, seed and fold, and the preset's other settings."""
    grid = read_grid(
        grid_file(
            'preset = "book"\nrows = 700\nlearning_rate = [0.1, 1]\nhidden_nodes = [5, 7]\n'
            "seed = [3, 4]\nfolds = 3\n"
        )
    )
    tasks = grid.tasks("MNIST")
    names = ("learning_rate", "hidden_nodes", "seed", "fold")
    found = {tuple(task[name] for name in names) for task in tasks}
    assert found == {*itertools.product((0.1, 1.0), (5, 7), (3, 4), (0, 1, 2))}
    assert len(tasks) == 24
    for task in tasks:
        assert (task["samples"], task["folds"], task["dataset"]) == (700, 3, "MNIST")
        assert task["epochs"] == PRESETS["book"].epochs


def test_what_a_grid_does_not_name_is_the_presets(grid_file):
    """Even an empty grid is one training."""
    (task,) = read_grid(grid_file("")).tasks("MNIST")
    preset = PRESETS["pi-zero-100"]
    assert task.items() >= preset.hyperparameters().items()


def test_a_mark_of_windows_editors_is_no_part_of_the_grid(tmp_path):
    """Notepad begins UTF-8 with a byte order mark."""
    (tmp_path / "grid.toml").write_text("rows = 7", "utf-8-sig")
    assert read_grid(tmp_path / "grid.toml").preset.samples == 7


def test_each_cell_has_a_result_early(grid_file):
    """The first tasks are one for each cell."""
    grid = read_grid(grid_file("learning_rate = [0.1, 0.2]\nhidden_nodes = [5, 7]\nseed = [1, 2]"))
    cells = [(task["learning_rate"], task["hidden_nodes"]) for task in grid.tasks("MNIST")]
    assert len(set(cells[:4])) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\nlearning_rates = [0.1]",
            r"grid.toml:2: learning_rates is unknown: expected one of pre",
        ),
        ("seed = [1]\nlearning_rate = 0.1", r":2: learning_rate: expected a list of numbers abov"),
        ("learning_rate = [0.1, -1]", r":1: learning_rate: expected numbers above 0, got -1"),
        ("learning_rate = [nan]", r":1: learning_rate: expected numbers above 0, got nan"),
        ("learning_rate = [true]", r":1: learning_rate: expected numbers above 0, got True"),
        ("learning_rate = []", r":1: learning_rate: expected a list"),
        ("hidden_nodes = [10.5]", r":1: hidden_nodes: expected whole numbers from 1 to 100000"),
        ("seed = [1, 1]", r":1: seed: expected different values, got 1 twice"),
        (
            "hidden_nodes = [5, 7, 9, 7]",
            r":1: hidden_nodes: expected different values, got 7 twice",
        ),
        (
            f"learning_rate = [{'9' * 400}]",
            r":1: learning_rate: expected numbers above 0, got 9{57}",
        ),
        (f"seed = [{'9' * 5000}]", r"grid.toml: expected TOML such as .*: a number is too long"),
        (f"seed = [0x{'f' * 5000}]", r":1: seed: .* to 2.64 - 1, got a number that is too long"),
        (f"epochs = 1{'0' * 320}", r":1: epochs: expected a whole number from 1 to 10000, got 10"),
        (
            'preset = "best"\nlearning_rate = [0.2, 0.0005]',
            r":2: learning_rate: expected at least 0.001, to which preset best falls, got 0.0005",
        ),
        (f"rows = -0x{'f' * 5000}", r"grid.toml:1: expected TOML such as"),
        (f"seed = {'[' * 5000}", r"grid.toml: expected TOML such as .*: too many brackets"),
        ("folds = 5\nanswers = true", r":2: answers: expected no vote with folds: each fold has"),
        ("seed = [true]", r":1: seed: expected whole numbers from 0 to 2.64 - 1, got True"),
        ("folds = 1", r":1: folds: expected a whole number from 2 to 100, got 1"),
        ("rows = 3\nfolds = 4", r":2: folds: expected at most one for each of 3 rows, got 4"),
        ('preset = "huge"', r":1: preset: expected one of smoke, pi-zero, .*, got 'huge'"),
        ("preset = [1]", r":1: preset: expected one of smoke"),
        ("answers = 1", r":1: answers: expected true or false, got 1"),
        ("seed = [1\nrows = 2", r"grid.toml:2: expected TOML such as"),
        ("seed = [1", r"grid.toml, at its end: expected TOML such as"),
        ("[table]\nx = 1", r":1: table is unknown"),
        (f"seed = [{','.join(map(str, range(2000)))}]\nfolds = 99", r"at most 100,000 .* 198,000"),
    ],
    ids=lambda each: each[:30],
)
def test_a_bad_grid_is_refused_with_line_and_key(text, message, grid_file):
    """Unknown keys, values of another type or size, and what is not TOML."""
    with pytest.raises(GridError, match=message):
        read_grid(grid_file(text))


def test_a_missing_or_binary_grid_is_refused(tmp_path):
    """In a sentence."""
    with pytest.raises(GridError, match=r"no such grid"):
        read_grid(tmp_path / "missing.toml")
    with pytest.raises(GridError, match=r"expected the path of a grid, got .*x00"):
        read_grid("grid\0.toml")
    (tmp_path / "picture.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(GridError, match=r"expected text in UTF-8"):
        read_grid(tmp_path / "picture.toml")


@pytest.mark.parametrize("path", sorted((PROJECT / "sweeps").glob("*.toml")), ids=lambda p: p.stem)
def test_the_kits_grids_are_read(path):
    """And have more than one training."""
    assert len(read_grid(path).tasks("MNIST")) > 10
