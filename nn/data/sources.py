"""Decide which digits to use, and say which: flags, MNIST_DIR, mnist_dataset/, fetch, sample."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nn.data.dataset import check_readable, open_dataset
from nn.data.errors import DatasetError
from nn.data.idx import find_labels

DATASET_FOLDER = Path(__file__).resolve().parents[2] / "mnist_dataset"

# What the training and the test file may be called; IDX first, which need not be parsed.
_NAMES = (
    [
        (
            f"{stem}-images-idx3-ubyte",
            f"{stem}-images-idx3-ubyte.gz",
            f"{stem}-images.idx3-ubyte",
            f"{stem}-images.idx3-ubyte.gz",
        )
        for stem in ("train", "t10k")
    ],
    [(f"mnist_{stem}.csv", f"mnist_{stem}.csv.gz") for stem in ("train", "test")],
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
    folder: Path | None = None,
) -> Source:
    """Choose the digits: `train` and `test` where given, else the first one found.

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
    folder : Path, optional
        Where MNIST may be, where it is fetched to, and where the sample is: mnist_dataset/.

    Raises
    ------
    DatasetError
        When MNIST_DIR is set and holds no MNIST.
    """
    if train is not None:
        test_path = _counterpart(Path(train), say) if test is None else Path(test)
        return Source(str(train), Path(train), test_path)
    found = _find(environ, offline, say, folder or DATASET_FOLDER)
    if test is None:
        return found
    return Source(f"{found.name}, tested on {test}", found.train, Path(test))


def _find(environ, offline, say, folder: Path) -> Source:
    if given := environ.get("MNIST_DIR"):
        pair = _pair_in(Path(given))
        if pair is None:
            wanted = " or ".join(f"{train[0]} and {test[0]}" for train, test in _NAMES)
            raise DatasetError(
                f"MNIST_DIR={given} holds no MNIST: expected {wanted}, gzipped or not, and the "
                "labels beside the images"
            )
        return Source(MNIST_NAME, *pair)
    if pair := _pair_in(folder):
        return Source(MNIST_NAME, *pair)
    if not offline and _fetched(folder, say):
        return Source(MNIST_NAME, *_pair_in(folder))
    return Source(SAMPLE_NAME, *(folder / name for name in _SAMPLE))


def _pair_in(folder: Path) -> tuple[Path, Path] | None:
    """Find MNIST's training and test file in a folder, or None."""
    for names in _NAMES:
        train, test = (_first_usable(folder, each) for each in names)
        if train and test:
            return train, test
    return None


def _first_usable(folder: Path, names: Iterable[str]) -> Path | None:
    """Find the first of these files; images count only with their labels beside them."""
    for name in names:
        path = folder / name
        if not path.is_file():
            continue
        try:
            if "images" in name:
                find_labels(path)
        except DatasetError:
            continue
        return path
    return None


def _counterpart(train: Path, say) -> Path | None:
    """Find the test file beside a training file, by its name, if it has labelled digits."""
    if not train.is_file():
        return None  # and opening it will say why
    for test_word in ("test", "t10k"):
        name = train.name.replace("train", test_word)
        candidate = train.with_name(name)
        if name != train.name and candidate.is_file():
            try:
                check_readable(open_dataset(candidate))
            except DatasetError as error:
                say(f"Not used as test digits: {error}")
            else:
                return candidate
    return None


def _fetched(folder: Path, say) -> bool:
    """Try to download MNIST; say what became of it."""
    from nn.data.download import DownloadError, fetch  # with urllib: slow to import on a Pi

    say(f"MNIST is not here yet: fetching it into {folder} (11 MB) ...")
    try:
        fetch(folder, say=say)
    except (DownloadError, OSError) as error:
        say(f"No MNIST: {error}")
        say(f"Using the {SAMPLE_NAME} instead.")
        return False
    return True
