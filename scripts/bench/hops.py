"""Measure how much a reader has to follow: the functions, modules and classes of a training.

    python -m scripts.bench.hops                     # this project
    python -m scripts.bench.hops --package FOLDER    # another package's private functions

What is counted
---------------
functions
    Code objects of `nn/` that Python enters (``sys.setprofile``) while ``train --preset smoke``
    runs on the bundled sample: functions, methods, lambdas and comprehensions. Bodies of modules
    and of classes are not functions.
modules, classes
    Bodies of modules and of classes of `nn/` that were executed on the way. An ``__init__`` is
    not counted as a module.
a row to the weights
    The functions entered, and their modules, between the ends of two blocks of rows in the first
    epoch from a CSV file, of which 1,000 rows are used: all that a line of text passes through
    until it has changed a weight. Chained generators are the generator functions among them.
private functions called once
    Functions and methods whose name begins with one underscore, and that are named twice, their
    definition included: in their own file, and, as a second figure, in the whole package.
runs of six lines
    Places of `nn/` and `scripts/` that share six or more lines to the letter; blank lines,
    comments, imports and lines without a letter do not count.
"""

import argparse
import ast
import contextlib
import gzip
import io
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from inspect import CO_GENERATOR
from pathlib import Path
from types import CodeType

from scripts.bench import PROJECT
from scripts.bench.packed_kit import unpack_kit

NN = PROJECT / "nn"
RUN_LINES = 6


class Profile:
    """The code objects of `nn/` that Python enters from `start` to `stop`."""

    def __init__(self):
        self.codes: set[CodeType] = set()

    def start(self) -> None:
        """Begin to watch."""
        sys.setprofile(self._on_event)

    def stop(self) -> None:
        """Watch no more."""
        sys.setprofile(None)

    def _on_event(self, frame, event: str, _argument) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(f"{NN}/"):
            self.codes.add(frame.f_code)


def is_class_body(code: CodeType) -> bool:
    """Tell whether a code object is the body of a class: it sets the class's full name."""
    return "__qualname__" in code.co_names and code.co_argcount == 0


def is_function(code: CodeType) -> bool:
    """Tell whether a code object is a function, a lambda or a comprehension."""
    return code.co_name != "<module>" and not is_class_body(code)


def modules_of(codes: Iterable[CodeType]) -> set[str]:
    """Return the files that code objects come from, without each ``__init__``."""
    files = {code.co_filename for code in codes}
    return {file for file in files if not file.endswith("__init__.py")}


def unpack_sample(kind: str, rows: int, folder: Path) -> Path:
    """Write the first rows of the bundled "train" or "test" sample as CSV; return the file."""
    with gzip.open(PROJECT / f"mnist_dataset/sample_{kind}.csv.gz") as file:
        text = b"".join(file.readlines()[:rows])
    path = folder / f"sample_{kind}.csv"
    path.write_bytes(text)
    return path


def train_smoke(folder: Path) -> dict[str, int]:
    """Count what `train --preset smoke` enters; must be the first to import `nn`."""
    train_file = str(unpack_sample("train", 1000, folder))
    unpack_sample("test", 200, folder)
    words = ["train", "--preset", "smoke", "--train", train_file]
    profile = Profile()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        profile.start()
        from nn.cli import main

        code = main([*words, "--model", str(folder / "smoke.npz")])
        profile.stop()
    if code:
        sys.exit("error: the training failed")
    return {
        "functions": sum(map(is_function, profile.codes)),
        "modules": len(modules_of(profile.codes)),
        "classes": sum(map(is_class_body, profile.codes)),
    }


def row_to_weights(folder: Path) -> dict[str, int]:
    """Count what a row passes through from the text to the weights."""
    from nn.cli.summary import TimedReading
    from nn.data.dataset import FirstRows, open_dataset
    from nn.network import Network
    from nn.training import train

    text = unpack_sample("train", 1000, folder)
    profile = Profile()
    actions = iter([profile.start, profile.stop])  # at the ends of the first two blocks

    def on_rows(_rows):
        next(actions, profile.stop)()

    dataset = TimedReading(FirstRows(open_dataset(text), 1000))
    train(Network(hidden_nodes=30), dataset, on_rows=on_rows)
    functions = {code for code in profile.codes if is_function(code)} - {on_rows.__code__}
    generators = [code for code in functions if code.co_flags & CO_GENERATOR]
    return {
        "functions": len(functions),
        "modules": len(modules_of(functions)),
        "chained generators": sum(code.co_name[0] != "<" for code in generators),
    }


def private_functions(package: Path) -> tuple[int, int, int]:
    """Count a package's private functions: all, called once in their file, and in the package."""
    texts = {path: path.read_text() for path in sorted(package.rglob("*.py"))}
    whole = "\n".join(texts.values())
    count = once_in_file = once_in_package = 0
    for text in texts.values():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.name.startswith("_") and not node.name.startswith("__"):
                named = re.compile(rf"\b{node.name}\b")
                count += 1
                once_in_file += len(named.findall(text)) == 2
                once_in_package += len(named.findall(whole)) == 2
    return count, once_in_file, once_in_package


def repeated_runs(folders: Iterable[Path]) -> list[str]:
    """List the places that share a run of lines, each as ``file:line ~ file:line``."""
    places = defaultdict(list)
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        numbered = enumerate(map(str.strip, path.read_text().splitlines()), start=1)
        ignored = re.compile(r"#|import |from .* import |\w+,$|[^a-z]*$", re.IGNORECASE)
        lines = [(number, line) for number, line in numbered if not ignored.match(line)]
        for first in range(len(lines) - RUN_LINES + 1):
            run = lines[first : first + RUN_LINES]
            place = f"{path.relative_to(PROJECT)}:{run[0][0]}"
            places[tuple(line for _, line in run)].append(place)
    return [" ~ ".join(shared) for shared in places.values() if len(shared) > 1]


def show_private_functions(package: Path) -> None:
    """Print the share of private functions called once."""
    count, in_file, in_package = private_functions(package)
    shares = f"{in_file / max(count, 1):.0%} in their file, {in_package / max(count, 1):.0%} in all"
    print(f"{package.name}: private functions called once: {shares} (of {count})")


def main() -> None:
    """Print the figures of this project, or of a package."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", metavar="FOLDER", type=Path, action="append")
    given = parser.parse_args().package
    if given:
        for package in given:
            if not package.is_dir():
                parser.error(f"{package}: expected the folder of a package")
            show_private_functions(package)
        return
    with tempfile.TemporaryDirectory(prefix="pi-nn-hops-") as folder:
        for name, figures in (
            ("train --preset smoke", train_smoke(Path(folder))),
            ("a row to the weights", row_to_weights(Path(folder))),
        ):
            print(f"{name}: " + ", ".join(f"{count} {what}" for what, count in figures.items()))
    for package in (NN, PROJECT / "scripts"):
        show_private_functions(package)
    modules = [path for path in NN.rglob("*.py") if path.stem != "__init__"]
    print(f"nn: {len(modules)} modules")
    scripts = [path for path in (PROJECT / "scripts").rglob("*.py") if path.stem != "__init__"]
    print(f"scripts: {len(scripts)} modules")
    targets = re.findall(r"^[a-z-]+:.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    with tempfile.TemporaryDirectory(prefix="pi-nn-hops-") as folder:
        shipped = (unpack_kit(Path(folder)) / "scripts").rglob("*")
        sizes = [path.stat().st_size for path in shipped if path.is_file()]
    print(f"scripts shipped to a Pi: {len(sizes)} files, {sum(sizes) / 1000:.0f} KB")
    print(f"Makefile: {len(targets)} targets for users in `make help`")
    print(f"README: {len((PROJECT / 'README.md').read_text().split())} words")
    for places in repeated_runs([NN, PROJECT / "scripts"]):
        print(f"the same {RUN_LINES} lines: {places}")


if __name__ == "__main__":
    main()
