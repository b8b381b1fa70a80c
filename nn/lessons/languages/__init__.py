"""The book's loop in other languages: what each needs, its text, and how to run it.

The programs, network.py, network.R, network.fs and network.c, have the same form::

    network HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv TEST.csv FIRST_WEIGHTS LAST_WEIGHTS

Each trains sample by sample in float64, from weights that ``python -m nn weights`` wrote.
"""

import inspect
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nn.errors import KitError
from nn.lessons import book_loop
from nn.lessons.speed import Cost, cost_of

FOLDER = Path(__file__).parent
COMPILE = "gcc -std=c99 -O2 -Wall -Wextra -Werror".split()

# The network of a program: what follows its heading, up to the next heading.
_NETWORK = re.compile(
    r"^\S+ ---- The network ----[^\n]*\n(.*?)^\S+ ---- ", re.DOTALL | re.MULTILINE
)


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
    packages : str
        The apt packages that it needs.
    """

    name: str
    program: str
    command: tuple[str, ...]
    packages: str = ""

    @property
    def is_installed(self) -> bool:
        """Return whether its command is found."""
        return shutil.which(self.command[0]) is not None

    @property
    def advice(self) -> str:
        """Return one sentence that says how to install it."""
        return f"{self.name} is not installed: sudo apt install {self.packages}"


LANGUAGES = {
    language.name: language
    for language in (
        Language("Python", "network.py", (sys.executable, "-m", "nn.lessons.languages.network")),
        Language("R", "network.R", ("Rscript", "--vanilla"), "r-base-core"),
        Language("Forth", "network.fs", ("gforth",), "gforth"),
        Language("C", "network.c", tuple(COMPILE), "gcc libc6-dev"),
    )
}


def network_text(language: Language) -> str:
    """Return the lines of a program that are the network, without its reading and writing."""
    if language.name == "Python":
        parts = (book_loop.forward, book_loop.send_back, book_loop.update, book_loop.learn)
        return "\n".join(map(inspect.getsource, parts))
    (text,) = _NETWORK.findall((FOLDER / language.program).read_text())
    return text.strip() + "\n"


def command_of(language: Language, folder: Path) -> list[str]:
    """Return the command that runs a language's program; compile C into `folder`, once.

    Raises
    ------
    MissingLanguageError
        When the language is not installed.
    """
    if not language.is_installed:
        raise MissingLanguageError(language.advice)
    source = FOLDER / language.program
    if language.name == "Python":
        return list(language.command)
    if language.name != "C":
        return [*language.command, str(source)]
    program = folder / source.stem
    if not program.exists():
        command = [*language.command, "-o", str(program), str(source), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MissingLanguageError(f"{language.advice}. gcc says: {done.stderr.strip()}")
    return [str(program)]


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

    Raises
    ------
    MissingLanguageError
        When the language is not installed.
    ProgramError
        When the program refuses something.
    """
    files = map(str, (train, test, first_weights, last_weights))
    settings = map(str, (hidden_nodes, learning_rate, epochs))
    cost = cost_of([*command_of(language, last_weights.parent), *settings, *files])
    return result_of(cost)


def result_of(cost: Cost) -> Result:
    """Read what a program printed."""
    printed = dict(line.split() for line in cost.output.splitlines())
    return Result(float(printed["accuracy"]), cost.seconds, cost.peak_mb)
