"""Time the same network in Python, R, Forth and C, here and on ARM: `make compare-languages`.

Each language trains by the book's loop of nn.lessons.languages, from the same weights and the same
CSV files. Here, each run is the complete job, with MNIST's 70,000 digits. On emulated ARM, where
that would take hours, they train on 2,000 rows, and the start is not counted. R and Debian's numpy
run with the reference BLAS and with OpenBLAS, where both are installed. Since they do the same,
their accuracies must agree from 100 nodes on, and reach 97 % at 200 nodes and 5 epochs.
"""

import platform
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from nn.backends import loaded_blas
from nn.lessons import book_loop
from nn.lessons.languages import FOLDER, LANGUAGES, Language, result_of
from nn.presets import PRESETS
from nn.saving.weights_text import write_weights
from scripts.bench import PROJECT, kinds
from scripts.bench.comparison import NAMES, Comparison, Medians
from scripts.bench.places import ROWS, SEED, Here, Job, Need, Side, Source
from scripts.machines.arm import HARD_FLOAT

LEAST_ACCURACY = 0.97  # with the preset "book"
MOST_DIFFERENCE = 0.002  # 20 of MNIST's 10,000 test digits
# Ten nodes amplify the last digit of a sum until, after 30,000 rows, other weights are learned.
STABLE = ("pi-zero-100", "book")

# Debian's packages, and their folders in /usr/lib/TRIPLET; in each is a libblas.so.3.
BLAS = {
    "reference BLAS": ("libblas3", "blas"),
    "OpenBLAS": ("libopenblas0-serial", "openblas-*"),
}


def write_first_weights(folder: Path) -> None:
    """Write the weights that every language starts from, for the nodes of each preset."""
    for hidden_nodes in {PRESETS[name].hidden_nodes for name in NAMES}:
        weights = book_loop.initial_weights(hidden_nodes, SEED)
        write_weights(folder / f"first_{hidden_nodes}.txt", *weights)


def _arguments(job: Job) -> tuple:
    hidden_nodes = job.preset.hidden_nodes
    weights = (job.folder / f"first_{hidden_nodes}.txt", job.folder / "last.txt")
    return (hidden_nodes, book_loop.LEARNING_RATE, job.preset.epochs, *job.files, *weights)


def _side(language: Language) -> Side:
    source = str(FOLDER.relative_to(PROJECT) / language.program)
    if language.name == "Python":
        words = ("python", *language.command[1:])
    elif language.name == "C":
        words = (Source(source, language.command[1:]),)
    else:
        words = (*language.command, source)
    need = Need(f"apt-get install {language.packages}", lambda: language.is_installed)
    return Side(words, (need,), _arguments, lambda cost: result_of(cost).accuracy)


def with_each_blas(side: Side, system: Path) -> dict[str, Side]:
    """Return a side once for each BLAS of Debian, which it then uses.

    Parameters
    ----------
    side : Side
        A language that uses the system's BLAS.
    system : Path
        The root of the system it runs in.

    Returns
    -------
    sides : dict of str to Side
        By the name of the BLAS; one that is not installed is a need. Empty when none is installed.
    """
    found = {}
    for blas, (_, pattern) in BLAS.items():
        for file in system.glob(f"usr/lib/*/{pattern}/libblas.so.3"):
            found[blas] = Path("/", file.parent.relative_to(system))
    sides = {}
    for blas, (package, _) in BLAS.items() if found else ():
        folder = found.get(blas)
        # R's start script puts the system's folder in front of LD_LIBRARY_PATH, unless this is set
        settings = (f"LD_LIBRARY_PATH={folder}", f"R_LD_LIBRARY_PATH={folder}")
        need = Need(f"apt-get install {package}", partial(bool, folder))
        sides[blas] = replace(side, needs=(*side.needs, need), settings=settings)
    return sides


def sides_in(place: Here) -> dict[str, Side]:
    """Return the languages; those that use a BLAS, once with each that can be chosen."""
    python, r, forth, c = map(_side, LANGUAGES.values())
    if place.name == "here":  # this environment's numpy may bring its own BLAS
        blas = loaded_blas()
        names = {"openblas": "OpenBLAS", "reference": "reference BLAS"}
        of_python = {names.get(blas, blas): python}
    else:
        of_python = with_each_blas(python, place.system)
    of_r = with_each_blas(r, place.system) or {"its own BLAS": r}
    return {
        **{f"Python, {blas}": side for blas, side in of_python.items()},
        **{f"R, {blas}": side for blas, side in of_r.items()},
        "Forth": forth,
        "C": c,
    }


def check_accuracy(medians: Medians) -> list[str]:
    """Complain if a language misses the promised accuracy, or the languages disagree."""
    complaints = [
        f"{name}: expected an accuracy of at least {LEAST_ACCURACY:.0%} at "
        f"{PRESETS['book'].hidden_nodes} nodes, got {runs['book'].accuracy:.2%}"
        for name, runs in medians.items()
        if runs["book"].accuracy < LEAST_ACCURACY
    ]
    for preset in STABLE if medians else ():
        found = {name: runs[preset].accuracy for name, runs in medians.items()}
        low, high = min(found, key=found.get), max(found, key=found.get)
        if found[high] - found[low] > MOST_DIFFERENCE:
            complaints.append(
                f"{preset}: expected the same accuracy of all languages, got {found[low]:.2%} of "
                f"{low} and {found[high]:.2%} of {high}"
            )
    return complaints


COMPARISON = Comparison(
    "compare-languages",
    kind=kinds.LANGUAGES,
    unit="C",
    titles={
        "here": f"On one {platform.machine()} core, from CSV to accuracy, with the start of the "
        "program. Processor seconds, times C's, accuracy, peak memory. Runs of each: {}. Python's "
        "numpy uses the BLAS of this environment, R that of Debian.",
        "arm": f"On an emulated {HARD_FLOAT} without NEON, with Debian's packages: {ROWS:,} rows "
        "and a sixth as many test rows, without the start. Processor milliseconds per row, times "
        "C's. Runs of each: {}.",
    },
    sides=sides_in,
    check=lambda place, medians: check_accuracy(medians) if place.name == "here" else [],
    prepare=write_first_weights,
    runs=1,
)

if __name__ == "__main__":
    sys.exit(COMPARISON.main(__doc__))
