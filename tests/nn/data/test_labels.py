"""The value of --labels, and what is known of labels from a model or from the first rows."""

import numpy as np
import pytest

from nn.data.labels import (
    ANY_LABEL,
    DIGITS,
    Labels,
    labels_of_model,
    numbered,
    parse_labels,
    settle_first,
)
from nn.data.streams import DatasetError

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_a_count_or_a_range():
    """The names are the numbers."""
    assert parse_labels("47").names == tuple(map(str, range(47)))
    assert (parse_labels("47").first, parse_labels("47").last) == (0, 46)
    assert parse_labels("1-26").names == tuple(map(str, range(1, 27)))
    assert str(parse_labels("1-26")) == "1 to 26"
    assert len(parse_labels("256")) == 256
    assert parse_labels("10").names == DIGITS.names


@pytest.mark.parametrize("text", ["0", "1", "257", "5-3", "7-7", "0-256", "1000"])
def test_numbers_that_are_none(text):
    """Too few, too many, or the wrong way round."""
    with pytest.raises(DatasetError, match=rf"--labels {text}: expected a number from 2 to 256"):
        parse_labels(text)


@pytest.mark.parametrize(
    ("content", "names", "first"),
    [
        ("T-shirt/top\nTrouser\nAnkle boot\n", ("T-shirt/top", "Trouser", "Ankle boot"), 0),
        ("\ufeffшесть\r\nсемь\r\n\r\n", ("шесть", "семь"), 0),
        ("1 65 97\n2 66 98\n", ("Aa", "Bb"), 1),  # EMNIST's mapping of its letters
        ("0 48\n1 49\n2 65\n", ("0", "1", "A"), 0),  # and of its balanced set
        ("0,zero\n1,one hundred\n", ("zero", "one hundred"), 0),
        ("1\tA\n2\tB\n", ("A", "B"), 1),
        ("7\n8\n", ("7", "8"), 0),
    ],
)
def test_a_file_of_names(tmp_path, content, names, first):
    """A name in a line, with its number before it or not, or the codes of its characters."""
    (tmp_path / "names.txt").write_text(content)
    labels = parse_labels(str(tmp_path / "names.txt"))
    assert (labels.names, labels.first) == (names, first)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"one\n", "names.txt has 1 names: expected from 2 to 256"),
        (b"", "has 0 names"),
        (b"a\nb\na\n", "has the name 'a' twice"),
        (b"1 a\n3 b\n", "names.txt:2: expected label 2, got 3: expected consecutive labels"),
        (b"\xff\xfe\0\x80", "expected text in UTF-8"),
        (b"".join(b"name%d\n" % n for n in range(300)), "has 300 names"),
        (b"".join(b"%d name%d\n" % (n, n) for n in range(250, 260)), "has 10 names: expected from"),
    ],
)
def test_files_that_are_none(tmp_path, content, message):
    """What was expected, what was got, and where."""
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        parse_labels(str(tmp_path / "names.txt"))


def test_no_such_file(tmp_path):
    """The message says what else could be given."""
    with pytest.raises(DatasetError, match=r"none.txt: no such file. Expected a number from 2"):
        parse_labels(str(tmp_path / "none.txt"))


@pytest.mark.parametrize(
    ("found", "first"), [([1, 26, 5], 1), ([0, 25], 0), ([1, 25], 0), ([0, 26], 0), ([], 0)]
)
def test_the_first_rows_decide_where_a_count_begins(found, first):
    """At 1 only if the count itself is a label and 0 is none."""
    assert settle_first(parse_labels("26"), np.array(found, int)).first == first
    assert settle_first(parse_labels("0-25"), np.array(found, int)).first == 0
    named = Labels(LETTERS, 0)
    assert settle_first(named, np.array(found, int)) is named


def test_labels_become_nodes():
    """From 0, and none but those included."""
    letters = numbered(1, 26)
    found = np.array([1, 5, 26], np.uint8)
    assert letters.include(found)
    assert letters.nodes(found).tolist() == [0, 4, 25]
    assert not letters.include(np.array([1, 27]))
    assert not letters.include(np.array([0, 1]))
    assert DIGITS.nodes(found) is found
    assert ANY_LABEL.include(np.array([0, 255]))


@pytest.mark.parametrize(
    ("about", "nodes", "expected"),
    [
        ({}, 10, DIGITS),
        ({}, 26, None),
        ({"labels": ["a", "b"], "first_label": 1}, 2, Labels(("a", "b"), 1)),
        ({"labels": ["a", "b"]}, 3, None),
        ({"labels": ["a", 5]}, 2, None),
        ({"labels": "ab"}, 2, None),
        ({"labels": ["a", "b"], "first_label": "x"}, 2, None),
        ({"labels": ["a", "b"], "first_label": 255}, 2, None),
    ],
)
def test_what_a_model_says_of_its_labels(about, nodes, expected):
    """Ten nodes without names are the digits; nonsense is not believed."""
    assert labels_of_model(about, nodes) == expected
