"""Where files are looked for when nobody says where: what is built from a module's own place."""

import ast
from pathlib import Path

import pytest
from PIL import Image

from nn.data.sources import DATASET_FOLDER
from nn.lessons.experiments import MODELS_FOLDER
from nn.lessons.speed import MEASURED
from tests.conftest import PROJECT

MODULES = sorted(
    path for part in ("nn", "scripts", "tests") for path in PROJECT.glob(f"{part}/**/*.py")
)
EXPECTED = {
    "PROJECT": PROJECT,
    "KIT_FOLDER": PROJECT,
    "PICTURES": PROJECT / "docs" / "pictures",
}


def mentions_its_place(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "__file__" for each in ast.walk(node))


def paths_of(module: Path) -> list[tuple[str, Path]]:
    """Work out each path that a module builds from its own place, without importing it."""
    found = []
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Assign) and mentions_its_place(node.value):
            code = compile(ast.Expression(node.value), str(module), "eval")
            path = eval(code, {"Path": Path, "__file__": str(module)})
            found.append((node.targets[0].id, path))
    return found


def astray(module: Path) -> list[str]:
    """List what a module builds from its place and leads elsewhere than it should."""
    paths = paths_of(module)
    if not paths and mentions_its_place(ast.parse(module.read_text())):
        return ["a path without a name"]
    return [name for name, path in paths if path != EXPECTED.get(name, path) or not path.exists()]


def test_the_projects_root_is_what_these_tests_take_for_it():
    """The folder that has the package, and its settings."""
    assert {"nn", "notebooks", "pyproject.toml", "Makefile"} <= {
        path.name for path in PROJECT.iterdir()
    }


def test_no_path_leads_astray():
    """Each names the folder that it should, or a file that there is."""
    assert {str(module): astray(module) for module in MODULES if astray(module)} == {}
    found = [name for module in MODULES for name, _ in paths_of(module)]
    assert set(found) >= {*EXPECTED, "MEASURED", "ON_PI", "_esm", "_css"}
    assert found.count("_esm") == 2


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("KIT_FOLDER = Path(__file__).resolve().parents[1]", ["KIT_FOLDER"]),
        ("PROJECT = Path(__file__).parent", ["PROJECT"]),
        ('_css = Path(__file__).with_name("gone.css")', ["_css"]),
        ('_css = Path(__file__).with_name("gone.css")\n_css = Path(__file__)', ["_css"]),
        ('print(Path(__file__).with_name("here.txt"))', ["a path without a name"]),
        ('def f():\n    here = Path(__file__).with_name("module.py")', []),
    ],
)
def test_one_that_leads_astray_is_noticed(line, names, tmp_path):
    """One parent short, a file that is gone; and what cannot be looked at."""
    (tmp_path / "module.py").write_text(f"{line}\n")
    assert astray(tmp_path / "module.py") == names


def test_modules_have_what_was_worked_out():
    """The constants themselves, imported."""
    assert PROJECT / "models" == MODELS_FOLDER
    assert PROJECT / "mnist_dataset" == DATASET_FOLDER
    assert PROJECT / "nn" / "lessons" / "measured.json" == MEASURED


def test_by_default_commands_read_the_model_that_train_writes(run, csv_pair, tmp_path):
    """Each in the same folder, without --model: models/ there."""
    picture = Image.new("L", (28, 28), 255)
    picture.paste(0, (12, 4, 16, 24))
    picture.save(tmp_path / "digit.png")
    assert run("train", "--train", csv_pair[0]).returncode == 0
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["pi-zero.npz"]
    for words in (("test", "--test", csv_pair[1]), ("query", "digit.png"), ("backquery",)):
        result = run(*words)
        assert result.returncode == 0, result.stderr
