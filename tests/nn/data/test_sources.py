"""Which digits are used, in which order, and what is said of them."""

import gzip

import pytest

from nn.data import sources
from nn.data.csv_file import write_csv
from nn.data.dataset import open_dataset
from nn.data.download import DownloadError
from nn.data.idx import find_labels
from nn.data.sources import DATASET_FOLDER, OTHER_NAME, SAMPLE_NAME, find_source
from nn.data.streams import DatasetError
from tests.conftest import csv_text, write_idx


@pytest.fixture
def folder(tmp_path):
    """A data folder with nothing but the sample in it."""
    folder = tmp_path / "mnist_dataset"
    folder.mkdir()
    for name in ("sample_train.csv.gz", "sample_test.csv.gz"):
        (folder / name).write_text("")
    return folder


@pytest.fixture(autouse=True)
def checksums(request, monkeypatch):
    """Let what has MNIST's names pass for it, but where a test wants real checksums."""
    if "checked" not in request.fixturenames:
        monkeypatch.setattr(sources, "_holds_mnist", lambda *_paths: True)


@pytest.fixture
def checked():
    """Compare checksums."""


@pytest.fixture
def fetched(monkeypatch):
    """Downloads succeed: they leave four empty files in the folder."""

    def fetch(folder, say):
        for stem in ("train", "t10k"):
            (folder / f"{stem}-images-idx3-ubyte.gz").write_text("")
            (folder / f"{stem}-labels-idx1-ubyte.gz").write_text("")

    monkeypatch.setattr("nn.data.download.fetch", fetch)


@pytest.fixture
def unreachable(monkeypatch):
    """Downloads fail."""

    def fetch(folder, say):
        raise DownloadError("no network")

    monkeypatch.setattr("nn.data.download.fetch", fetch)


def make(folder, *names):
    for name in names:
        (folder / name).write_text("")


def test_flags_come_first(folder, fetched, tmp_path):
    """Even with MNIST_DIR set; the name is the file's, never MNIST."""
    make(folder, "mnist_train.csv", "mnist_test.csv")
    source = find_source("a.csv", "b.csv", environ={"MNIST_DIR": str(folder)}, folder=folder)
    assert (source.name, str(source.train), str(source.test)) == ("a.csv", "a.csv", "b.csv")
    assert not source.is_mnist


def test_mnist_dir_comes_next(folder, fetched, tmp_path):
    """Before the project's own folder."""
    make(folder, "mnist_train.csv", "mnist_test.csv")
    other = tmp_path / "other"
    other.mkdir()
    make(other, "mnist_train.csv.gz", "mnist_test.csv.gz")
    source = find_source(environ={"MNIST_DIR": str(other)}, folder=folder)
    assert source.is_mnist
    assert source.train == other / "mnist_train.csv.gz"


def test_mnist_dir_without_mnist_is_an_error(folder, tmp_path):
    """What was asked for is not quietly replaced by something else."""
    with pytest.raises(
        DatasetError, match=r"MNIST_DIR=.* does not contain MNIST: expected train-images"
    ):
        find_source(environ={"MNIST_DIR": str(tmp_path)}, folder=folder)


def test_the_projects_folder_comes_before_a_download(folder, unreachable):
    """No network is asked for when MNIST is there."""
    make(folder, "mnist_train.csv", "mnist_test.csv")
    source = find_source(environ={}, folder=folder)
    assert source.is_mnist
    assert source.test == folder / "mnist_test.csv"


def test_other_digits_under_mnists_names_are_not_called_mnist(folder, checked, digits):
    """As Fashion-MNIST's files are named; the training is still theirs."""
    write_idx(folder, *digits, zipped=True)
    write_idx(folder, *digits, stem="t10k", zipped=True)
    source = find_source(environ={}, folder=folder)
    assert (
        source.name == OTHER_NAME == "files under MNIST's names, but by their checksums not MNIST"
    )
    assert source.train == folder / "train-images-idx3-ubyte.gz"
    assert source.tested_on == str(folder / "t10k-images-idx3-ubyte.gz")
    assert not source.is_mnist


def test_mnist_itself_is_recognised(mnist_folder, checked, tmp_path, monkeypatch):
    """In each form: IDX, gzipped or not, CSV with a header or carriage returns, and packed."""
    assert find_source(environ={"MNIST_DIR": str(mnist_folder)}).is_mnist
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        content = gzip.decompress((mnist_folder / f"{name}-ubyte.gz").read_bytes())
        (tmp_path / f"{name}-ubyte").write_bytes(content)
    assert find_source(environ={"MNIST_DIR": str(tmp_path)}).is_mnist
    other = tmp_path / "csv"
    other.mkdir()
    for stem, name in (("train", "mnist_train.csv"), ("t10k", "mnist_test.csv")):
        with (other / name).open("wb") as file:
            write_csv(file, open_dataset(tmp_path / f"{stem}-images-idx3-ubyte").blocks())
    environ = {"MNIST_DIR": str(other)}
    assert find_source(environ=environ).is_mnist
    test = other / "mnist_test.csv"
    text = test.read_bytes()
    test.write_bytes(b"label,1x1\r\n" + text.replace(b"\n", b"\r\n"))
    assert find_source(environ=environ).is_mnist
    test.write_bytes(text)
    for _ in open_dataset(test).blocks():
        pass
    monkeypatch.setattr(sources, "has_content", lambda path, known: path.name == "mnist_train.csv")
    assert find_source(environ=environ).is_mnist  # by the packed file of its test digits
    monkeypatch.undo()
    test.write_bytes(text[:-2] + b"9\n")
    assert find_source(environ=environ).name == OTHER_NAME


def test_half_a_pair_is_none(folder, unreachable):
    """A training file without its test file is not used."""
    make(folder, "mnist_train.csv")
    assert find_source(environ={}, folder=folder).name == SAMPLE_NAME


def test_images_without_labels_are_none(folder, digits, fetched):
    """As a fetch leaves them that broke off at the last file: it is fetched again."""
    write_idx(folder, *digits, zipped=True)
    write_idx(folder, *digits, stem="t10k", zipped=True)
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    labels.unlink()
    said = []
    assert find_source(environ={}, folder=folder, say=said.append).is_mnist
    assert "Downloading" in said[0]
    assert labels.exists()


@pytest.mark.parametrize("spelling", ["images-idx3", "images.idx3"])
def test_files_may_be_gzipped_or_not_one_by_one(tmp_path, digits, spelling):
    """Also as some archives spell their names."""
    for stem, zipped in (("train", True), ("t10k", False)):
        path = write_idx(tmp_path, *digits, stem=stem, zipped=zipped)
        for part in (path, find_labels(path)):
            part.rename(part.with_name(part.name.replace("-idx", spelling[-5] + "idx")))
    source = find_source(environ={"MNIST_DIR": str(tmp_path)})
    assert source.train.name == f"train-{spelling}-ubyte.gz"
    assert source.test.name == f"t10k-{spelling}-ubyte"
    assert len(list(open_dataset(source.test).blocks())) == 3


def test_a_download_comes_before_the_sample(folder, fetched):
    """And is used at once."""
    said = []
    source = find_source(environ={}, folder=folder, say=said.append)
    assert source.is_mnist
    assert "Downloading" in said[0]


def test_the_sample_comes_last_and_says_so(folder, unreachable):
    """It is never called MNIST without a not."""
    said = []
    source = find_source(environ={}, folder=folder, say=said.append)
    assert source.name == "bundled sample (drawn by this kit, not MNIST)"
    assert not source.is_mnist
    assert source.train == folder / "sample_train.csv.gz"
    assert said[1:] == ["MNIST is not available: no network", f"Using the {SAMPLE_NAME} instead."]


def test_offline_asks_no_network(folder, fetched):
    """The sample at once."""
    assert find_source(environ={}, folder=folder, offline=True).name == SAMPLE_NAME


def test_a_test_file_alone_goes_with_what_is_found(folder, unreachable):
    """And the name tells both."""
    make(folder, "mnist_train.csv", "mnist_test.csv")
    source = find_source(None, "mine.csv", environ={}, folder=folder)
    assert source.name == "MNIST, tested on mine.csv"
    assert str(source.test) == "mine.csv"
    assert not source.is_mnist


def test_the_test_file_is_found_beside_the_training_file(tmp_path, digits):
    """By name, for CSV and IDX alike; None where there is none."""
    make(tmp_path, "mnist_train_100.csv", "lonely.csv")
    (tmp_path / "mnist_test_100.csv").write_bytes(csv_text(*digits))
    train = write_idx(tmp_path, *digits)
    test = write_idx(tmp_path, *digits, stem="t10k")
    expected = {
        tmp_path / "mnist_train_100.csv": tmp_path / "mnist_test_100.csv",
        train: test,
        tmp_path / "lonely.csv": None,
    }
    for path, counterpart in expected.items():
        assert find_source(str(path), environ={}).test == counterpart


def test_the_sample_is_where_it_is_looked_for():
    """Both files are in the repository, and small ones to try things with."""
    assert {path.name for path in DATASET_FOLDER.iterdir()} >= {
        *("sample_train.csv.gz", "sample_test.csv.gz"),
        *("sample_train_100.csv", "sample_test_10.csv"),
    }
