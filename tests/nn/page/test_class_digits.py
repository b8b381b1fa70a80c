"""The class's digits: whole lines alone, in the kit's format, within a size."""

import errno
import gzip
import os

import numpy as np
import pytest

from nn.data.csv_file import read_csv
from nn.data.streams import DatasetError
from nn.page.class_digits import ClassDigits, ClassDigitsError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "class_digits.csv"


def line(label, pixels) -> str:
    return ",".join([str(label), *map(str, pixels)]) + "\n"


def test_lines_are_the_kits_format(path, pixels):
    """Label and 784 pixels, and nothing else."""
    digits = ClassDigits(path)
    numbers = [digits.append(label, np.roll(pixels, label)).number for label in (3, 0, 9)]
    assert numbers == [1, 2, 3]
    expected = [line(label, np.roll(pixels, label)) for label in (3, 0, 9)]
    assert path.read_text() == "".join(expected)
    (rows,) = read_csv(path)
    assert rows[:, 0].tolist() == [3, 0, 9]


def test_a_later_run_goes_on(path, pixels):
    """With its counts, and what it shows."""
    ClassDigits(path).append(5, pixels)
    digits = ClassDigits(path)
    assert digits.counts == {5: 1}
    assert digits.latest[0].pixels.tolist() == pixels.tolist()
    assert digits.append(5, pixels).number == 2
    assert path.read_text() == 2 * line(5, pixels)


@pytest.mark.parametrize("length", [1, 2, 700, -3])
def test_a_torn_line_is_removed(path, pixels, length):
    """As a pulled plug leaves it; those before stay, and the next is a line of its own."""
    whole, torn = line(1, pixels), line(2, pixels)[:length]
    path.write_text(whole + torn)
    digits = ClassDigits(path)
    assert path.read_text() == whole
    digits.append(3, pixels)
    assert path.read_text() == whole + line(3, pixels)


def test_a_torn_first_line_is_removed(path, pixels):
    """Then there is none."""
    path.write_text(line(1, pixels)[:99])
    assert ClassDigits(path).counts.total() == 0
    assert path.read_text() == ""


@pytest.mark.parametrize("begun", ["", "5", "5,0,255,"])
def test_zeros_that_a_pulled_plug_leaves_are_removed(path, pixels, begun):
    """Some file systems grow a file before they write into it."""
    ClassDigits(path).append(5, pixels)
    path.write_bytes(path.read_bytes() + begun.encode() + bytes(500))
    assert ClassDigits(path).append(6, pixels).number == 2
    assert path.read_text() == line(5, pixels) + line(6, pixels)


def test_a_file_that_was_changed_meanwhile_is_read_again(path, pixels):
    """A teacher removes a line in an editor, which leaves out the last newline."""
    digits = ClassDigits(path)
    for label in (1, 2, 3):
        digits.append(label, pixels)
    path.write_text(line(1, pixels) + line(3, pixels).rstrip())
    assert digits.append(4, pixels).number == 3
    assert path.read_text() == line(1, pixels) + line(3, pixels) + line(4, pixels)
    assert digits.counts == {1: 1, 3: 1, 4: 1}


def test_another_file_is_left_alone(path):
    """A long text without lines is no torn digit; damaged lines are named."""
    path.write_text("x" * 10_000)
    with pytest.raises(ClassDigitsError, match=r"at the end\. Choose"):
        ClassDigits(path)
    assert path.read_text() == "x" * 10_000
    path.write_text("1,2,3\n")
    with pytest.raises(DatasetError, match=r"class_digits.csv:1"):
        ClassDigits(path)
    assert path.read_text() == "1,2,3\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"my notes\nbuy milk\n", r"class_digits\.csv:1"),
        (b"my notes\n1", r"class_digits\.csv:1"),
        (b"no newline, one line", "Choose another file"),
        (b"20261126", "got '20261126' at the end"),
        (gzip.compress(b"1,2\n", mtime=0), "expected a plain CSV"),
        (b"1,2,3\n4,5", r"class_digits\.csv:1"),
    ],
    ids=["notes", "list", "word", "number", "gzip", "columns"],
)
def test_nothing_is_cut_off_another_file(path, content, told):
    """An unfinished last line is a torn digit only behind whole ones."""
    path.write_bytes(content)
    with pytest.raises((ClassDigitsError, DatasetError), match=told):
        ClassDigits(path)
    assert path.read_bytes() == content


def test_a_last_digit_without_newline_is_kept(path, pixels):
    """As an editor may leave it; the next gets a line of its own."""
    path.write_text(line(1, pixels) + line(2, pixels)[:-1])
    digits = ClassDigits(path)
    assert digits.counts == {1: 1, 2: 1}
    digits.append(3, pixels)
    assert path.read_text() == "".join(line(label, pixels) for label in (1, 2, 3))


def test_notes_behind_digits_stay(path, pixels):
    """What no torn digit can be is not removed."""
    path.write_text(line(1, pixels) + "remember: Anna was ill")
    with pytest.raises(ClassDigitsError, match="got 'remember: Anna was i' at the end"):
        ClassDigits(path)
    assert path.read_text() == line(1, pixels) + "remember: Anna was ill"


def test_it_stops_at_its_size(path, pixels):
    """Told with what to do; not a byte of the digit is written."""
    digits = ClassDigits(path, most_bytes=2 * len(line(1, pixels)))
    digits.append(1, pixels)
    digits.append(1, pixels)
    before = path.read_bytes()
    with pytest.raises(ClassDigitsError, match="2 digits are as many as there is room for"):
        digits.append(1, pixels)
    assert path.read_bytes() == before


def test_a_failing_disk_leaves_whole_lines(path, pixels, monkeypatch):
    """What was written of the digit is taken back."""
    digits = ClassDigits(path)
    digits.append(1, pixels)
    before = path.read_bytes()

    def fail(file):
        raise OSError(errno.EIO, "the card is broken")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="card is broken"):
        digits.append(2, pixels)
    assert path.read_bytes() == before
    monkeypatch.undo()
    assert digits.append(2, pixels).number == 2


@pytest.mark.parametrize(("label", "count"), [(10, 784), (-1, 784), (1, 783)])
def test_nothing_else_is_written(path, label, count):
    """Neither another label nor another size."""
    with pytest.raises(ClassDigitsError, match="expected a label from 0 to 9 and 784 pixels"):
        ClassDigits(path).append(label, np.zeros(count, np.uint8))
    assert not path.exists()


def test_a_removed_file_begins_again(path, pixels):
    """As after the teacher collected it."""
    digits = ClassDigits(path)
    digits.append(1, pixels)
    path.unlink()
    assert digits.append(2, pixels).number == 1
    assert digits.counts == {2: 1}
