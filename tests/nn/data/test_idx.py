"""IDX files: good pairs in both forms, and bad ones."""

import gzip

import numpy as np
import pytest

from nn.data.idx import IdxDataset, find_labels, read_idx
from nn.data.streams import DatasetError
from tests.conftest import write_idx


@pytest.mark.parametrize("zipped", [False, True])
def test_pairs_are_read(tmp_path, digits, zipped):
    """Plain and gzipped, more than one block."""
    pixels, labels = digits
    images = write_idx(tmp_path, pixels, labels, zipped=zipped)
    rows = np.concatenate(list(read_idx(images)))
    assert np.array_equal(rows, np.column_stack([labels, pixels]))
    assert IdxDataset(images).estimate_rows() == 700


def test_the_labels_may_be_gzipped_when_the_images_are_not(tmp_path, digits):
    """Whichever form the labels have, they are found."""
    images = write_idx(tmp_path, *digits)
    labels = find_labels(images)
    zipped = labels.with_name(labels.name + ".gz")
    zipped.write_bytes(gzip.compress(labels.read_bytes()))
    labels.unlink()
    assert find_labels(images) == zipped
    assert len(list(read_idx(images))) == 3


def test_missing_labels(tmp_path, digits):
    """The name looked for is in the message."""
    images = write_idx(tmp_path, *digits)
    find_labels(images).unlink()
    with pytest.raises(DatasetError, match=r"labels file beside it, named train-labels-idx1"):
        list(read_idx(images))


def change_images(content):
    return {
        "cut within the header": (content[:10], "ends in the middle of its header"),
        "cut within a record": (content[: 16 + 784 * 300 + 5], "ends in the middle of record 301"),
        "too long": (content + b"x", "has more data after its 700 records"),
        "not IDX": (b"hello, this is text", "expected an IDX file beginning 00 00 08 03"),
        "other size": (content[:8] + b"\0\0\0\x20\0\0\0\x20" + content[16:], "got 32×32"),
        "no images": (content[:4] + bytes(4) + content[8:16], "has no rows"),
        "other count": (content[:4] + b"\0\0\0\x09" + content[8:], "has 9 images, but"),
        "huge count": (content[:4] + b"\xff" * 4 + content[8:], "has 4294967295 images, but"),
    }


@pytest.mark.parametrize("kind", change_images(b""))
def test_bad_images_are_refused(tmp_path, digits, kind):
    """Each with the file's name and what is wrong."""
    images = write_idx(tmp_path, *digits)
    content, message = change_images(images.read_bytes())[kind]
    images.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        list(read_idx(images))


def test_a_label_over_9_is_refused(tmp_path, digits):
    """With its record number, counted from 1."""
    pixels, labels = digits
    labels[269] = 17
    images = write_idx(tmp_path, pixels, labels)
    with pytest.raises(DatasetError, match=r"record 270: expected a label from 0 to 9, got 17"):
        list(read_idx(images))


def test_truncated_gzip(tmp_path, digits):
    """The file that is cut off is named."""
    images = write_idx(tmp_path, *digits, zipped=True)
    images.write_bytes(images.read_bytes()[:-2000])
    with pytest.raises(DatasetError, match=r"train-images-idx3-ubyte.gz is a truncated gzip file"):
        list(read_idx(images))
