"""Imports run one way: each module imports from lower floors alone."""

import ast
from pathlib import Path

import nn

PACKAGE = Path(nn.__file__).parent
FLOORS = [
    {"errors", "atomic", "process"},
    {"rules", "presets", "augment", "images", "data", "model_file"},
    {"network"},
    {"book", "evaluation"},
    {"training"},
    {"plots"},
    {"cli"},
    {"__main__"},
]
DATA_FLOORS = [
    {"errors", "download", "handwriting"},
    {"streams", "drawn_digits"},
    {"csv_file"},
    {"idx", "packed"},
    {"dataset", "sources"},
]


def imported_names(path: Path) -> set[str]:
    """List the modules of this package that a file imports, however deep in a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return names


def floors_of(package: Path, prefix: str, floors: list[set[str]]):
    """Yield (module, its floor, the floor of each module of the package that it imports)."""
    level = {name: number for number, names in enumerate(floors) for name in names}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[0] == "__init__":
            continue
        for name in imported_names(path):
            words = name.split(".")
            if words[: len(prefix.split("."))] == prefix.split("."):
                target = words[len(prefix.split(".")) :]
                if target and target[0] != parts[0]:
                    yield path, parts[0], level[parts[0]], target[0], level[target[0]]


def test_modules_import_from_lower_floors_alone():
    """No module of nn imports one of its own floor or above, nor does one of nn.data."""
    checked = 0
    for package, prefix, floors in (
        (PACKAGE, "nn", FLOORS),
        (PACKAGE / "data", "nn.data", DATA_FLOORS),
    ):
        for path, module, floor, target, target_floor in floors_of(package, prefix, floors):
            checked += 1
            allowed = target_floor < floor or (floor == 1 and {module, target} <= FLOORS[0])
            assert allowed, f"{path}: {module} imports {target}, which is not below it"
    assert checked > 30


def test_every_module_has_a_floor():
    """A new module must be given its place."""
    for package, floors in ((PACKAGE, FLOORS), (PACKAGE / "data", DATA_FLOORS)):
        names = {
            path.stem
            for path in package.iterdir()
            if path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").exists())
        }
        assert names - {"__init__"} == set().union(*floors)


def test_plots_alone_imports_matplotlib():
    """Training on a Pi must not pay for what draws pictures."""
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == "matplotlib" for name in imported_names(path))
    }
    assert importers == {"plots.py"}
