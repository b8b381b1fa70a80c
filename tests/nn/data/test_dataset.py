"""One interface to every kind of file, and the packed file that the first pass leaves."""

import os
import shutil

import numpy as np
import pytest

from nn.data import csv_file, packed
from nn.data import dataset as dataset_module
from nn.data.dataset import ArrayDataset, FirstRows, open_dataset
from nn.data.idx import find_labels
from nn.data.streams import DatasetError
from tests.conftest import csv_text, write_idx


def everything(dataset):
    blocks = list(dataset.blocks())
    return np.concatenate([b[0] for b in blocks]), np.concatenate([b[1] for b in blocks])


@pytest.fixture
def csv_path(tmp_path, digits):
    path = tmp_path / "digits.csv"
    path.write_bytes(csv_text(*digits))
    return path


def packed_beside(path):
    return path.with_name(path.name + ".packed")


def in_form(form, folder, csv_path, digits):
    """Open the digits of a CSV file, as text or packed, or the same as IDX or as an array."""
    if form == "idx":
        return open_dataset(write_idx(folder, *digits))
    if form == "array":
        return ArrayDataset(*digits)
    dataset = open_dataset(csv_path)
    if form == "packed":
        everything(dataset)
    return dataset


@pytest.mark.parametrize("form", ["csv", "csv.gz", "idx", "idx.gz", "packed"])
def test_all_forms_give_the_same_digits(tmp_path, digits, csv_path, form):
    """uint8 pixels of shape (n, 784) and labels of shape (n,)."""
    path = csv_path
    if form == "csv.gz":
        shutil.move(csv_path, tmp_path / "plain")
        os.system(f"gzip -c {tmp_path}/plain > {csv_path}")
    elif form.startswith("idx"):
        path = write_idx(tmp_path, *digits, zipped=form.endswith("gz"))
    elif form == "packed":
        everything(open_dataset(csv_path))
        assert packed_beside(csv_path).exists()
    pixels, labels = everything(open_dataset(path))
    assert pixels.dtype == labels.dtype == np.uint8
    assert np.array_equal(pixels, digits[0])
    assert np.array_equal(labels, digits[1])


@pytest.mark.parametrize("rows", [1, 7, 100, 256, 700, 999])
@pytest.mark.parametrize("form", ["csv", "packed", "idx", "array", "first"])
def test_blocks_have_as_many_rows_as_asked_for(tmp_path, csv_path, digits, form, rows):
    """Whatever the reader's own pieces: all rows, in order; the last block may be shorter."""
    dataset = FirstRows(ArrayDataset(*digits), 650)
    if form != "first":
        dataset = in_form(form, tmp_path, csv_path, digits)
    count = dataset.estimate_rows() if form == "first" else 700
    for _ in range(2):
        blocks = list(dataset.blocks(rows))
        lengths = [len(labels) for _, labels in blocks]
        assert lengths[:-1] == [rows] * ((count - 1) // rows)
        assert sum(lengths) == count
        assert np.array_equal(np.concatenate([b[0] for b in blocks]), digits[0][:count])
        assert np.array_equal(np.concatenate([b[1] for b in blocks]), digits[1][:count])


def test_text_is_parsed_in_the_first_pass_alone(csv_path, digits, monkeypatch):
    """The second pass reads the packed file: parsing is made impossible, and it still works."""
    everything(open_dataset(csv_path))
    monkeypatch.setattr(csv_file, "read_csv", None)
    assert np.array_equal(everything(open_dataset(csv_path))[0], digits[0])


def test_a_changed_file_is_parsed_again(csv_path, digits):
    """A change of size, of time alone, or of content alone makes the packed file worthless."""
    pixels, labels = digits
    dataset = open_dataset(csv_path)
    everything(dataset)
    status = csv_path.stat()
    csv_path.write_bytes(csv_text(pixels[:10], labels[:10]))
    assert len(everything(dataset)[1]) == 10

    other = csv_text(pixels, (labels + 1) % 10)  # as long as the first
    csv_path.write_bytes(other)
    os.utime(csv_path, ns=(status.st_atime_ns, status.st_mtime_ns))  # and as old
    everything(dataset)
    csv_path.write_bytes(csv_text(pixels, labels))
    os.utime(csv_path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert np.array_equal(everything(dataset)[1], labels)


DAMAGES = {
    "cut": lambda content: content[:-1],
    "longer": lambda content: content + b"0",
    "magic": lambda content: b"x" + content[1:],
    "empty": lambda content: b"",
    "a label": lambda content: content[:-785] + b"\x63" + content[-784:],
    "a pixel": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_packed_file_is_not_used(csv_path, digits, damage):
    """The rows come from the text again."""
    dataset = open_dataset(csv_path)
    everything(dataset)
    path = packed_beside(csv_path)
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))
    assert np.array_equal(everything(dataset)[0], digits[0])
    assert packed_beside(csv_path).read_bytes() == content


def test_reading_half_leaves_no_packed_file(csv_path):
    """Neither under the final name nor under a temporary one."""
    for _ in open_dataset(csv_path).blocks():
        break
    assert list(csv_path.parent.glob("*packed*")) == []
    assert list(csv_path.parent.glob(".*")) == []


def test_a_bad_line_leaves_no_packed_file(csv_path):
    """What was parsed before the bad line is not kept."""
    with csv_path.open("ab") as file:
        file.write(b"oops\n")
    with pytest.raises(DatasetError, match=r":701: line 701 has 1 values"):
        everything(open_dataset(csv_path))
    assert [path.name for path in csv_path.parent.iterdir()] == ["digits.csv"]


def refuse_beside(monkeypatch, folder):
    """Let files be made anywhere but in a folder, as on a read-only card (root may write all)."""
    real = packed.AtomicFile

    def refusing(path):
        if path.parent == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(packed, "AtomicFile", refusing)


def test_a_read_only_folder_uses_the_users_cache(csv_path, digits, monkeypatch):
    """The packed file goes to XDG_CACHE_HOME, and is found there."""
    refuse_beside(monkeypatch, csv_path.parent)
    dataset = open_dataset(csv_path)
    everything(dataset)
    assert not packed_beside(csv_path).exists()
    assert packed.packed_paths(csv_path)[1].exists()
    monkeypatch.setattr(csv_file, "read_csv", None)
    assert np.array_equal(everything(dataset)[0], digits[0])


@pytest.mark.parametrize("method", ["write", "commit"])
def test_a_full_disk_costs_the_packed_file_alone(csv_path, digits, monkeypatch, method):
    """The rows come all the same, and nothing is left behind."""

    class Full(packed.AtomicFile):
        def __init__(self, path):
            super().__init__(path)
            setattr(self, method, self.fail)

        def fail(self, *content):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(packed, "AtomicFile", Full)
    assert np.array_equal(everything(open_dataset(csv_path))[0], digits[0])
    assert [path.name for path in csv_path.parent.glob("*digits*")] == ["digits.csv"]


@pytest.mark.parametrize("limit", [300, 600])
def test_limited_rows_are_parsed_once(csv_path, digits, monkeypatch, limit):
    """A few are kept in memory, of many the whole file is packed."""
    monkeypatch.setattr(dataset_module, "MOST_KEPT_ROWS", 500)
    dataset = FirstRows(open_dataset(csv_path), limit)
    everything(dataset)
    monkeypatch.setattr(csv_file, "read_csv", None)
    assert np.array_equal(everything(dataset)[0], digits[0][:limit])
    assert packed_beside(csv_path).exists() == (limit > 500)


def test_digits_in_memory_come_in_blocks(digits):
    """So that what is scaled at a time stays small."""
    blocks = [len(labels) for _, labels in ArrayDataset(*digits).blocks()]
    assert blocks == [256, 256, 188]


def test_first_rows(digits):
    """No more than asked for, in order, and no more read."""
    pixels, labels = digits
    dataset = ArrayDataset(pixels, labels)
    assert np.array_equal(everything(FirstRows(dataset, 300))[1], labels[:300])
    assert FirstRows(dataset, 300).estimate_rows() == 300
    assert FirstRows(dataset, 3000).estimate_rows() == 700
    assert len(everything(FirstRows(dataset, 3000))[1]) == 700


@pytest.mark.parametrize("form", ["csv", "packed", "idx", "array"])
def test_rows_are_known_for_the_progress_bar(tmp_path, csv_path, digits, form):
    """Exactly where the file says so, about where it does not."""
    dataset = in_form(form, tmp_path, csv_path, digits)
    assert dataset.estimate_rows() == pytest.approx(700, rel=0.1 if form == "csv" else 0)


def test_what_cannot_be_opened(tmp_path, digits):
    """A folder, a labels file, and nothing at all."""
    with pytest.raises(DatasetError, match="is a folder or a pipe"):
        open_dataset(tmp_path)
    labels = find_labels(write_idx(tmp_path, *digits))
    with pytest.raises(DatasetError, match="is a labels file: give its images file"):
        open_dataset(labels)
    with pytest.raises(DatasetError, match="no such file"):
        open_dataset(tmp_path / "none.csv")
