"""Choose which digits to use: from flags, MNIST_DIR, mnist_dataset/, a download or the sample."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nn.data.checksum import has_content
from nn.data.dataset import check_readable, open_dataset
from nn.data.labels import DIGITS, Labels
from nn.data.packed import find_packed, packed_checksum
from nn.data.streams import DatasetError
from nn.kit import KIT_FOLDER, command

DATASET_FOLDER = KIT_FOLDER / "mnist_dataset"

# Possible names of the training and the test file; IDX first, since it needs no parsing.
_IDX = "{}-images-idx3-ubyte {}-images-idx3-ubyte.gz {}-images.idx3-ubyte {}-images.idx3-ubyte.gz"
_CSV = "mnist_{}.csv mnist_{}.csv.gz"
_NAMES = (
    (_IDX.replace("{}", "train").split(), _IDX.replace("{}", "t10k").split()),
    (_CSV.replace("{}", "train").split(), _CSV.replace("{}", "test").split()),
)
_SAMPLE = ("sample_train.csv.gz", "sample_test.csv.gz")
MNIST_NAME = "MNIST"
# The CRC-32 of MNIST's training and test files: IDX images and labels, CSV text, and packed rows.
_MNIST_CHECKSUMS = (
    {"e9f4d8b3", "e0cb4ad2", "eaf22783", "22b2a673"},
    {"91373bdf", "4ab9eff9", "2a0e1873", "edc601d5"},
)
OTHER_NAME = "files under MNIST's names, but by their checksums not MNIST"
SAMPLE_NAME = "bundled sample (drawn by this kit, not MNIST)"


@dataclass(frozen=True)
class Source:
    """Digits to use: a name to show, the training file, and the test file if there is one."""

    name: str
    train: Path
    test: Path | None

    def __str__(self) -> str:
        train = str(self.train)
        return train if self.name == train else f"{self.name}, {train}"

    @property
    def is_mnist(self) -> bool:
        """Return whether both files are MNIST's, found under its names, not given by flags."""
        return self.name == MNIST_NAME

    @property
    def tested_on(self) -> str:
        """Return what the test digits are: MNIST, the sample, or a file."""
        return self.name if self.name in (MNIST_NAME, SAMPLE_NAME) else str(self.test)


def find_source(
    train: str | None = None,
    test: str | None = None,
    *,
    environ: Mapping[str, str],
    offline: bool = False,
    say: Callable[[str], None] = lambda message: None,
    folder: Path | None = None,
    labels: Labels = DIGITS,
) -> Source:
    """Choose the digits: `train` and `test` if given, otherwise the first available.

    In order: the folder named by MNIST_DIR, `folder`, a download into `folder`, and the bundled
    sample. The sample is never called MNIST, nor are other digits under MNIST's names.

    Parameters
    ----------
    train, test : str or None
        Files given by the user. If only a test file is given, the training file is found as usual.
    environ : mapping
        Environment variables.
    offline : bool
        Whether to skip the download.
    say : callable
        Called with lines about the download, and why the sample is used instead.
    folder : Path, optional
        The folder of MNIST, of the download and of the sample; by default mnist_dataset/.
    labels : Labels
        Those that the files may have.

    Raises
    ------
    DatasetError
        When MNIST_DIR is set but does not contain MNIST.
    """
    if train is not None:
        test_path = _counterpart(Path(train), labels, say) if test is None else Path(test)
        return Source(str(train), Path(train), test_path)
    folder = folder or DATASET_FOLDER
    given = environ.get("MNIST_DIR")
    pair = _pair_in(Path(given) if given else folder)
    if given and not pair:
        wanted = " or ".join(f"{train[0]} and {test[0]}" for train, test in _NAMES)
        raise DatasetError(
            f"MNIST_DIR={given} does not contain MNIST: expected {wanted}, gzipped or not, and the "
            "labels beside the images"
        )
    if not (pair or offline):
        from nn.data.download import DownloadError, fetch  # with urllib: slow to import on a Pi

        say(f"Downloading MNIST (11 MB) into {folder} ...")
        try:
            fetch(folder, say=say)
            pair = _pair_in(folder)
        except (DownloadError, OSError) as error:
            say(f"MNIST is not available: {error}")
            say(f"Using the {SAMPLE_NAME} instead.")
    name = SAMPLE_NAME
    if pair:
        name = MNIST_NAME if _holds_mnist(*pair) else OTHER_NAME
    train_path, test_path = pair or (folder / _SAMPLE[0], folder / _SAMPLE[1])
    if test is None:
        return Source(name, train_path, test_path)
    return Source(f"{name}, tested on {test}", train_path, Path(test))


def find_named(name: str) -> Source:
    """Find the digits of a name on this machine, without a download: MNIST, or the sample.

    Parameters
    ----------
    name : str
        The name of a `Source` that `find_source` found, here or on another machine.

    Raises
    ------
    DatasetError
        When this machine does not have them.
    """
    if name == SAMPLE_NAME:
        return Source(name, *(DATASET_FOLDER / each for each in _SAMPLE))
    source = find_source(environ=os.environ, offline=True)
    if source.name != name:
        raise DatasetError(
            f"expected the digits of {name} in {DATASET_FOLDER}, got: {source}. "
            f"{command('data fetch')} downloads MNIST"
        )
    return source


def _pair_in(folder: Path) -> tuple[Path, Path] | None:
    """Find MNIST's training and test file in a folder, or return None; images need labels."""
    from nn.data.idx import find_labels

    for names in _NAMES:
        pair = []
        for candidates in names:
            for path in (folder / name for name in candidates):
                with suppress(DatasetError):
                    if path.is_file() and ("images" not in path.name or find_labels(path)):
                        pair.append(path)
                        break
        if len(pair) == 2:
            return pair[0], pair[1]
    return None


def _holds_mnist(train: Path, test: Path) -> bool:
    """Return whether a training and a test file have MNIST's content, labels included."""
    for path, known in zip((train, test), _MNIST_CHECKSUMS, strict=True):
        if packed := find_packed(path):  # its checksum was compared with its content
            if packed_checksum(packed) not in known:
                return False
        elif not all(has_content(file, known) for file in open_dataset(path).files()):
            return False
    return True


def _counterpart(train: Path, labels: Labels, say) -> Path | None:
    """Find the test file beside a training file, by its name, if it has labelled digits."""
    if not train.is_file():
        return None  # opening it will say why
    for test_word in ("test", "t10k"):
        candidate = train.with_name(train.name.replace("train", test_word))
        if candidate != train and candidate.is_file():
            try:
                check_readable(open_dataset(candidate, labels))
            except DatasetError as error:
                say(f"Not used as test digits: {error}")
            else:
                return candidate
    return None
