"""The book's loop in other languages: what each needs, its text, and how to run it.

The programs, network.py, network.R, network.fs and network.c, have the same form::

    network HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv TEST.csv FIRST_WEIGHTS LAST_WEIGHTS

Each trains sample by sample in float64, from weights that ``pi-nn weights`` wrote.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nn.errors import KitError, first_line
from nn.lessons.speed import Cost, cost_of

FOLDER = Path(__file__).parent
COMPILE = "gcc -std=c99 -O2 -Wall -Wextra -Werror".split()

# The steps of the network, and the definitions that make up each, in each language. In Python, the
# sigmoid is scipy's.
STEPS: dict[str, dict[str, tuple[str, ...]]] = {
    "sigmoid": {"R": ("sigmoid",), "Forth": ("sigmoid",), "C": ("sigmoid",)},
    "forward": dict.fromkeys(("Python", "R", "Forth", "C"), ("forward",)),
    "send back": {
        "Python": ("send_back",),
        "R": ("send_back",),
        "Forth": ("send-back",),
        "C": ("send_back",),
    },
    "update": dict.fromkeys(("Python", "R", "Forth", "C"), ("update",)),
    "learn": {
        "Python": ("learn",),
        "R": ("neural_network",),
        "Forth": ("query", "learn"),
        "C": ("query", "learn"),
    },
}

# A definition with its comment: blank lines before and after, none within that is not indented.
_PARAGRAPH = re.compile(r"\n\n+(?=\S)")


class MissingLanguageError(KitError, FileNotFoundError):
    """A language is not installed; the message says how to install it."""


@dataclass(frozen=True)
class Language:
    """A programming language.

    Attributes
    ----------
    name : str
    program : str
        The file with the network, in this folder.
    command : tuple of str
        What runs the file, or compiles it.
    texts : tuple of str
        The files, relative to this folder, that define the network.
    definition : str
        Regular expression of a line that defines a name, with "{}" for the name.
    packages : str
        The apt packages that it needs.
    remark : str
        Where they are not to be had.
    """

    name: str
    program: str
    command: tuple[str, ...]
    texts: tuple[str, ...]
    definition: str
    packages: str = ""
    remark: str = ""

    @property
    def is_installed(self) -> bool:
        """Return whether its command is found."""
        return shutil.which(self.command[0]) is not None

    @property
    def advice(self) -> str:
        """Return one sentence that says how to install it."""
        return f"{self.name} is not installed: sudo apt install {self.packages}{self.remark}"


PYTHON = Language(
    "Python",
    "network.py",
    (sys.executable, "-m", "nn.lessons.languages.network"),
    texts=("../book_loop.py",),
    definition=r"^def {}\(",
)
R = Language(
    "R",
    "network.R",
    ("Rscript", "--vanilla"),
    texts=("network.R",),
    definition="^{} <- ",
    packages="r-base-core",
)
FORTH = Language(
    "Forth",
    "network.fs",
    ("gforth",),
    texts=("layers.fs", "network.fs"),
    definition="^: {} ",
    packages="gforth",
    remark=" (Debian 13 has none)",
)
C = Language(
    "C",
    "network.c",
    tuple(COMPILE),
    texts=("network.c",),
    definition=r"^static \w+ {}\(",
    packages="gcc libc6-dev",
)
LANGUAGES = {language.name: language for language in (PYTHON, R, FORTH, C)}


def definition_of(language: Language, name: str, *files: str) -> str:
    """Return the lines of a program that define a name, and the comment above them.

    Parameters
    ----------
    language : Language
    name : str
    *files : str
        Where to look, relative to this folder; by default in the files of the network.
    """
    line = re.compile(language.definition.format(re.escape(name)), re.MULTILINE)
    for file in files or language.texts:
        for paragraph in _PARAGRAPH.split((FOLDER / file).read_text(encoding="utf-8")):
            if line.search(paragraph):
                return paragraph.strip() + "\n"
    raise KeyError(f"{language.name} does not define {name}")


def step_text(language: Language, step: str) -> str:
    """Return the lines of a program that are a step of the network; see `STEPS`."""
    return "\n".join(definition_of(language, name) for name in STEPS[step].get(language.name, ()))


def side_by_side(step: str) -> str:
    """Write a step of the network in each language, as Markdown."""
    texts = {language.name: step_text(language, step) for language in LANGUAGES.values()}
    blocks = [f"**{name}**\n\n{fenced(name, text)}" for name, text in texts.items() if text]
    return "\n\n".join(blocks)


def fenced(language_name: str, text: str) -> str:
    """Write the text of a program as Markdown that is shown in colours."""
    return f"```{language_name.lower()}\n{text}```"


def command_of(language: Language, folder: Path) -> list[str]:
    """Return the command that runs a language's program; compile C into `folder`, once.

    Raises
    ------
    MissingLanguageError
        When the language is not installed.
    """
    _require(language)
    source = FOLDER / language.program
    if language.name == "Python":
        return list(language.command)
    if language.name != "C":
        return [*language.command, str(source)]
    program = folder.resolve() / source.stem
    if not program.exists():
        command = [*language.command, "-o", str(program), str(source), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = first_line(RuntimeError(done.stderr.strip()))
            raise MissingLanguageError(
                f"C is not complete: sudo apt install {language.packages}. gcc says: {said}"
            )
    return [str(program)]


def _require(language: Language) -> None:
    if not language.is_installed:
        raise MissingLanguageError(language.advice)


def run_program(language: Language, *words: str | Path) -> Cost:
    """Run a language that is not compiled, with these words after its command.

    Raises
    ------
    MissingLanguageError
        When the language is not installed.
    ProgramError
        When the program fails.
    """
    _require(language)
    return cost_of([*language.command, *map(str, words)])


@dataclass(frozen=True)
class Result:
    """Accuracy from 0 to 1; processor time in seconds and peak memory in MB, with the start."""

    accuracy: float
    seconds: float
    peak_mb: float


def run(
    language: Language,
    train: Path,
    test: Path,
    first_weights: Path,
    last_weights: Path,
    *,
    hidden_nodes: int = 100,
    learning_rate: float = 0.1,
    epochs: int = 1,
    environ: Mapping[str, str] | None = None,
) -> Result:
    """Run a language's program to its end.

    Parameters
    ----------
    language : Language
    train, test : Path
        CSV files.
    first_weights, last_weights : Path
        Text files of weights; the second is written. Its folder also gets the compiled program.
    hidden_nodes : int
        Must be those of the first weights.
    learning_rate : float
    epochs : int
    environ : mapping of str to str, optional
        The environment variables; by default those of this process.

    Raises
    ------
    MissingLanguageError
        When the language is not installed.
    ProgramError
        When the program refuses something.
    """
    files = map(str, (train, test, first_weights, last_weights))
    settings = map(str, (hidden_nodes, learning_rate, epochs))
    cost = cost_of([*command_of(language, last_weights.parent), *settings, *files], environ)
    return result_of(cost)


def result_of(cost: Cost) -> Result:
    """Read what a program printed."""
    printed = dict(line.split() for line in cost.output.splitlines())
    return Result(float(printed["accuracy"]), cost.seconds, cost.peak_mb)
