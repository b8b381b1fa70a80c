"""Decide which digits to use, and say which: flags, MNIST_DIR, mnist_dataset/, fetch, sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nn.data.download import DownloadError, fetch
from nn.data.errors import DatasetError

DATASET_FOLDER = Path(__file__).resolve().parents[2] / "mnist_dataset"

_PAIRS = (
    ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"),
    ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"),
    ("mnist_train.csv", "mnist_test.csv"),
    ("mnist_train.csv.gz", "mnist_test.csv.gz"),
)
_SAMPLE = ("sample_train.csv", "sample_test.csv")
MNIST_NAME = "MNIST"
SAMPLE_NAME = "bundled sample (drawn by this kit, not MNIST)"


@dataclass(frozen=True)
class Source:
    """Digits to use: a name to tell people, the training file, the test file where there is one."""

    name: str
    train: Path
    test: Path | None

    def __str__(self) -> str:
        train = str(self.train)
        return train if self.name == train else f"{self.name}, {train}"

    @property
    def is_mnist(self) -> bool:
        """Tell whether both files were found under MNIST's names, not given by flags."""
        return self.name == MNIST_NAME


def find_source(
    train: str | None = None,
    test: str | None = None,
    *,
    environ: Mapping[str, str],
    offline: bool = False,
    say: Callable[[str], None] = lambda message: None,
    folder: Path = DATASET_FOLDER,
) -> Source:
    """Choose the digits: `train` and `test` where given, else the first that there is.

    In order: the folder named by MNIST_DIR, `folder`, a download into `folder`, and the bundled
    sample. The sample is never called MNIST.

    Parameters
    ----------
    train, test : str or None
        Files given by the user. A test file alone goes with the training file found.
    environ : mapping
        Environment variables.
    offline : bool
        Whether to leave the download out.
    say : callable
        Told in a line why the next best was taken.
    folder : Path
        Where MNIST may be, where it is fetched to, and where the sample is.

    Raises
    ------
    DatasetError
        When MNIST_DIR is set and holds no MNIST.
    """
    if train:
        return Source(str(train), Path(train), Path(test) if test else _counterpart(Path(train)))
    found = _find(environ, offline, say, folder)
    return Source(f"{found.name}, tested on {test}", found.train, Path(test)) if test else found


def _find(environ, offline, say, folder: Path) -> Source:
    if given := environ.get("MNIST_DIR"):
        pair = _pair_in(Path(given))
        if pair is None:
            wanted = " or ".join(" and ".join(names) for names in _PAIRS[::2])
            raise DatasetError(f"MNIST_DIR={given} holds no MNIST: expected {wanted} (or .gz)")
        return Source(MNIST_NAME, *pair)
    if pair := _pair_in(folder):
        return Source(MNIST_NAME, *pair)
    if not offline and _fetched(folder, say):
        return Source(MNIST_NAME, *_pair_in(folder))
    return Source(SAMPLE_NAME, *(folder / name for name in _SAMPLE))


def _pair_in(folder: Path) -> tuple[Path, Path] | None:
    """Find MNIST's training and test file in a folder, or None."""
    for names in _PAIRS:
        train, test = (folder / name for name in names)
        if train.is_file() and test.is_file():
            return train, test
    return None


def _counterpart(train: Path) -> Path | None:
    """Find the test file beside a training file, by its name."""
    for test_word in ("test", "t10k"):
        name = train.name.replace("train", test_word)
        candidate = train.with_name(name)
        if name != train.name and candidate.is_file():
            return candidate
    return None


def _fetched(folder: Path, say) -> bool:
    """Try to download MNIST; say what became of it."""
    say(f"MNIST is not here yet: fetching it into {folder} (11 MB) ...")
    try:
        fetch(folder, say=say)
    except (DownloadError, OSError) as error:
        say(f"No MNIST: {error}")
        say(f"Using the {SAMPLE_NAME} instead.")
        return False
    return True
