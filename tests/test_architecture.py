"""Imports run one way: each module imports from lower floors alone."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import nn

PACKAGE = Path(nn.__file__).parent
PROJECT = PACKAGE.parent
# The rooms of the project, and those that each may import from.
ROOMS = {
    "nn": {"nn"},
    "ansible": {"nn", "ansible"},  # the folder has the name of Ansible's own package
    "scripts": {"nn", "scripts"},
    "scripts.bench": {"nn", "scripts", "scripts.bench"},
    "tests": {"nn", "scripts", "scripts.bench", "tests"},
}
# Which modules of nn may import these; the others are held by the floors alone.
IMPORTERS = {
    "backends": {"training", "sweeps", "cli"},
    "training": {"sweeps", "cli", "lessons"},
    "sweeps": {"cli"},
    "page": {"cli", "lessons"},
    "cli": {"__main__"},
    "lessons": set(),
}
FLOORS = [
    {"errors", "kit", "book_calls"},
    {"rules", "signals"},
    {"network", "images", "answers", "augment"},
    {"presets", "saving", "learning_curve"},
    {"data", "backends", "book"},
    {"training", "plots", "page"},
    {"sweeps"},
    {"lessons", "cli"},
    {"__main__"},
]
LESSON_FLOORS = [
    {"book_loop", "calculus", "charts", "experiments", "introspection", "widgets"},
    {"speed", "our_digits"},
    {"languages"},
]
DATA_FLOORS = [
    {"streams", "handwriting"},
    {"drawn_digits", "transfer", "packed", "checksum", "labels", "kinds"},
    {"download", "doubts", "idx"},
    {"forms"},
    {"csv_file", "arrays"},
    {"dataset"},
    {"sources", "mending"},
]
SWEEPS_FLOORS = [{"grid"}, {"tasks", "results"}, {"sharing", "findings"}, {"keys"}, {"cluster"}]
IMAGES_FLOORS = [{"ink", "lines", "pictures", "strokes"}, {"digits"}]
PAGE_FLOORS = [
    {"waiting", "fetching", "limits", "models", "class_digits"},
    {"reader", "state"},
    {"handlers"},
    {"server"},
]
SAVING_FLOORS = [
    {"atomic", "shipped"},
    {"model_file", "weights_text"},
    {"checkpoint"},
    {"autosaver"},
]


def imported_names(path: Path, package: str = "") -> set[str]:
    """List the modules that a file imports, however deep in a function; names in them as well.

    Only where its package is given may it import by relative names.
    """
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert package or node.level == 0, f"{path}: import by full name"
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(filter(None, (above, node.module)))
            names.update(f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return names


def imports_within(package: Path, prefix: str, floors: list[set[str]]):
    """Yield (path, module, imported module) for what a package imports of itself."""
    known = set().union(*floors)
    for path in package.rglob("*.py"):
        module = path.relative_to(package).with_suffix("").parts[0]
        for name in imported_names(path):
            if name.startswith(prefix + "."):
                target = name.removeprefix(prefix + ".").split(".")[0]
                if target in known and target != module and module != "__init__":
                    yield path, module, target


def import_graph(*packages: Path) -> dict[str, set[str]]:
    """Map the full name of each module to those of the same packages that it names in imports."""
    files = {}
    for package in packages:
        for path in package.rglob("*.py"):
            place = path.relative_to(package.parent)
            module = place.parent if path.stem == "__init__" else place.with_suffix("")
            files[".".join(module.parts)] = path, ".".join(place.parent.parts)
    graph = {}
    for module, (path, package) in files.items():
        named = imported_names(path, package)
        owners = {name.rpartition(".")[0] for name in named - files.keys()}
        graph[module] = (named | owners) & files.keys()
    return graph


def room_of(module: str) -> str:
    """Return the room that a module is in; "" when it is none of the project's."""
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len, default="")


def trespasses(project: Path) -> list[str]:
    """List the imports from rooms that a file may not import from."""
    found = []
    for path in sorted(path for room in ROOMS for path in (project / room).rglob("*.py")):
        place = path.relative_to(project)
        package = ".".join(place.parent.parts)
        allowed = ROOMS[room_of(package)]
        rooms = {name: room_of(name) for name in imported_names(path, package)}
        found += [
            f"{place}: {name}" for name, room in rooms.items() if room and room not in allowed
        ]
    return found


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Return modules of which each is imported by the next, from one back to it; none: empty."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize(
    ("package", "prefix", "floors", "least"),
    [
        (PACKAGE, "nn", FLOORS, 40),
        (PACKAGE / "data", "nn.data", DATA_FLOORS, 15),
        (PACKAGE / "saving", "nn.saving", SAVING_FLOORS, 5),
        (PACKAGE / "images", "nn.images", IMAGES_FLOORS, 1),
        (PACKAGE / "page", "nn.page", PAGE_FLOORS, 5),
        (PACKAGE / "lessons", "nn.lessons", LESSON_FLOORS, 1),
        (PACKAGE / "sweeps", "nn.sweeps", SWEEPS_FLOORS, 4),
    ],
)
def test_modules_import_from_lower_floors_alone(package, prefix, floors, least):
    """No module imports one of its own floor or above."""
    level = {name: number for number, names in enumerate(floors) for name in names}
    checked = list(imports_within(package, prefix, floors))
    for path, module, target in checked:
        assert level[target] < level[module], f"{path}: {module} imports {target}"
    assert len(checked) >= least


def importers_of(package: Path) -> dict[str, set[str]]:
    """Return the modules of a package that import each of those in `IMPORTERS`."""
    found = {name: set() for name in IMPORTERS}
    for _, module, target in imports_within(package, "nn", FLOORS):
        if target in found:
            found[target].add(module)
    return found


def test_only_those_import_a_room_that_may():
    """The backends belong to training, the lessons to notebooks, the command line to nobody."""
    assert importers_of(PACKAGE) == IMPORTERS


def test_a_wrong_importer_is_seen(tmp_path):
    """A module of the package that needs a backend, and one in a folder."""
    (tmp_path / "plots.py").write_text("from nn.backends import start_backend")
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "speed.py").write_text("def f():\n    import nn.cli.train")
    found = importers_of(tmp_path)
    assert found["backends"] == {"plots"}
    assert found["cli"] == {"lessons"}


@pytest.mark.parametrize("room", IMPORTERS)
def test_contributing_says_who_may_import(room):
    """The table's last column names the same modules."""
    lines = (PROJECT / "CONTRIBUTING.md").read_text().splitlines()
    (row,) = [line for line in lines if re.match(rf"\| `nn/{room}(/|\.py)` ", line)]
    named = re.findall(r"`nn/(\w+)", row.split("|")[3])
    assert set(named) == IMPORTERS[room]


def test_each_way_of_importing_is_seen(tmp_path):
    """From a package, from a module, in a function, by name."""
    (tmp_path / "rules.py").write_text(
        "import nn.plots\nfrom nn import cli, network\ndef f():\n    from nn.book import x\n"
    )
    found = {target for _, _, target in imports_within(tmp_path, "nn", FLOORS)}
    assert found == {"plots", "cli", "network", "book"}


def test_no_room_imports_from_one_it_may_not():
    """The package needs no scripts, the scripts no tests, and only tests import what measures."""
    assert trespasses(PROJECT) == []


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("nn/a.py", "import scripts.sdcard.cli", ["nn/a.py: scripts.sdcard.cli"]),
        ("nn/a.py", "def f():\n    from tests import x", ["nn/a.py: tests.x"]),
        (
            "scripts/a/b.py",
            "from tests.machines.a import b",
            ["scripts/a/b.py: tests.machines.a.b"],
        ),
        ("scripts/bench/b.py", "import tests", ["scripts/bench/b.py: tests"]),
        ("scripts/a.py", "from scripts import bench", ["scripts/a.py: scripts.bench"]),
        ("ansible/files/a.py", "import scripts.a", ["ansible/files/a.py: scripts.a"]),
        ("tests/a.py", "import nn.a, scripts.bench.a, scripts.b, tests.b, testsuite", []),
        ("scripts/bench/a.py", "import nn.a, scripts.b, scripts.bench.b, numpy", []),
    ],
)
def test_an_import_from_the_wrong_room_is_seen(file, line, named, tmp_path):
    """Of a package, of a module, in a function; and what is allowed is not named."""
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(line)
    assert trespasses(tmp_path) == named


def test_no_imports_go_round_in_a_circle():
    """Wherever in a file they stand, in the package, the scripts and the tests."""
    graph = import_graph(*(PROJECT / room for room in ("nn", "scripts", "tests")))
    assert circle_in(graph) == []
    assert sum(map(len, graph.values())) > 250
    assert graph["tests.campaigns.power_cuts.judge"] == set()
    assert graph["tests.campaigns.fuzz.campaign"] == {
        "tests.campaigns",
        "tests.campaigns.fuzz.trial",
    }


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"a": "from kit.b import x", "b": "def f():\n    from kit.a import y"}, {"a", "b"}),
        ({"a": "from kit import b", "b": "import kit.c", "c": "import kit.a"}, {"a", "b", "c"}),
        ({"a": "from . import b", "b": "from .c import x", "c": "from .a import y"}, {*"abc"}),
        ({"__init__": "from kit.a import x", "a": "from kit.b import x", "b": ""}, set()),
    ],
)
def test_a_circle_is_seen(files, circle, tmp_path):
    """Of two modules, one import in a function; of three; by relative names; none is none."""
    package = tmp_path / "kit"
    package.mkdir()
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    assert set(circle_in(import_graph(package))) == {f"kit.{name}" for name in circle}


def test_every_module_has_a_floor():
    """A new module must be given its place."""
    packages = {
        "": FLOORS,
        "data": DATA_FLOORS,
        "saving": SAVING_FLOORS,
        "images": IMAGES_FLOORS,
        "lessons": LESSON_FLOORS,
        "sweeps": SWEEPS_FLOORS,
        "page": PAGE_FLOORS,
    }
    for package, floors in ((PACKAGE / name, floors) for name, floors in packages.items()):
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


def test_widgets_alone_import_those_of_jupyter():
    """Everything else runs where no notebook is installed."""
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if {name.split(".")[0] for name in imported_names(path)} & {"anywidget", "ipywidgets"}
    }
    assert importers == {"lessons/widgets.py"}


def test_the_pages_server_alone_imports_tornado():
    """Everything else, also the page that asks to wait, runs without it."""
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == "tornado" for name in imported_names(path))
    }
    assert importers == {"page/handlers.py", "page/server.py"}
