"""The CSV reader, against the csv module and against files of every kind of bad."""

import gzip
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn.data import csv_file
from nn.data.csv_file import CsvDataset, parse_rows, read_csv, write_csv
from nn.data.streams import DatasetError
from tests.campaigns.fuzz.csv_text import plain_rows
from tests.conftest import csv_text, run_for_peak_mb


def by_csv_module(text: bytes):
    """Read rows of 785 whole numbers in range, or None, by the standard library alone."""
    return plain_rows(text.decode("latin-1"))


field = st.one_of(
    st.integers(0, 255).map(str),
    st.sampled_from(["0", "9", "10", "99", "100", "199", "200", "249", "250", "255", "007"]),
)
odd_field = st.sampled_from(["256", "300", "999", "1000", "", "-1", "x", " 1", "1.0", "1e2", '"1"'])


@st.composite
def lines(draw):
    """Draw one line: a label and 784 values, from a few drawn ones repeated at random places."""
    values = draw(st.lists(field, min_size=1, max_size=6))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    return [str(draw(st.integers(0, 9))), *generator.choice(values, 784).tolist()]


@given(rows=st.lists(lines(), min_size=1, max_size=4))
@settings(deadline=None, max_examples=150)
def test_good_lines_match_the_csv_module(rows):
    """Whatever whole numbers from 0 to 255 are written, the same are read."""
    text = "".join(",".join(row) + "\n" for row in rows).encode()
    assert parse_rows(text).tolist() == by_csv_module(text)


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_spoilt_lines_are_refused_exactly_when_the_csv_module_says_so(data):
    """Bytes are put in, taken out or changed: no wrong row is accepted, no good one refused."""
    text = bytearray(",".join(data.draw(lines())) + "\n", "ascii") * data.draw(st.integers(1, 2))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        kept = data.draw(st.sampled_from([0, 1]))
        text[place : place + 1 - kept] = data.draw(st.sampled_from([b"", b"1", b",", b"\n", b"x"]))
    if not text.endswith(b"\n"):
        text += b"\n"
    rows = parse_rows(bytes(text))
    assert (None if rows is None else rows.tolist()) == by_csv_module(bytes(text))


@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_odd_fields_are_refused(data):
    """One field that is no number in range spoils the line, wherever it stands."""
    row = data.draw(lines())
    row[data.draw(st.integers(0, 784))] = data.draw(odd_field)
    assert parse_rows((",".join(row) + "\n").encode()) is None


def read_all(path):
    return np.concatenate(list(read_csv(path)))


@pytest.mark.parametrize("block_bytes", [997, 5000, 100_000])
def test_blocks_of_any_size_give_the_same_rows(tmp_path, digits, monkeypatch, block_bytes):
    """Also blocks shorter than a line."""
    pixels, labels = digits
    path = tmp_path / "digits.csv"
    path.write_bytes(csv_text(pixels[:50], labels[:50]))
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", block_bytes)
    rows = read_all(path)
    assert np.array_equal(rows[:, 1:], pixels[:50])
    assert np.array_equal(rows[:, 0], labels[:50])


HEADER = b"label," + b",".join(b"pixel%d" % i for i in range(784)) + b"\n"
ACCEPTED = {
    "plain": lambda text: text,
    "header": lambda text: HEADER + text,
    "quoted header": lambda text: HEADER.replace(b"label", b'"label"') + text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "BOM": lambda text: b"\xef\xbb\xbf" + text,
    "BOM, header, CRLF": lambda text: b"\xef\xbb\xbf" + (HEADER + text).replace(b"\n", b"\r\n"),
    "no last newline": lambda text: text[:-1],
    "no last newline, CRLF": lambda text: text.replace(b"\n", b"\r\n")[:-2],
    "blank lines at the end": lambda text: text + b"\n\n\n",
    "blank CRLF lines at the end": lambda text: text + b"\r\n\r\n",
    "gzip": gzip.compress,
    "gzip in two parts": lambda text: gzip.compress(text[:99]) + gzip.compress(text[99:]),
}


@pytest.mark.parametrize("block_bytes", [512, 128 * 1024])
@pytest.mark.parametrize("kind", ACCEPTED)
def test_harmless_forms_are_accepted(tmp_path, digits, monkeypatch, kind, block_bytes):
    """Each of the forms that programs write CSV in gives the same rows."""
    pixels, labels = digits
    path = tmp_path / "digits.csv"
    path.write_bytes(ACCEPTED[kind](csv_text(pixels[:5], labels[:5])))
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", block_bytes)
    rows = read_all(path)
    assert np.array_equal(rows, np.column_stack([labels[:5], pixels[:5]]))


LINE = b"7" + b",0" * 784 + b"\n"
REFUSED = {
    "short row": (LINE * 2 + LINE[:-3] + b"\n", r"bad.csv:3: line 3 has 784 values: expected 785"),
    "long row": (LINE + LINE[:-1] + b",5\n", r"bad.csv:2: line 2 has 786 values: expected 785"),
    "value over 255": (
        LINE * 2 + b"7,256" + b",0" * 783 + b"\n",
        r"bad.csv:3: line 3 column 2: expected a pixel value from 0 to 255, got '256'",
    ),
    "label over 9": (
        LINE + b"12" + LINE[1:],
        r"bad.csv:2: line 2 column 1: expected a label from 0 to 9, got '12'",
    ),
    "letters": (LINE + LINE.replace(b",0", b",a", 1), r"bad.csv:2: .*column 2: .*got 'a'"),
    "empty field": (LINE + LINE.replace(b",0", b",", 1), r"csv:2: .*column 2: .*an empty field"),
    "negative": (LINE.replace(b",0", b",-1", 1), r"csv:1: .*got '-1'"),
    "fraction": (LINE.replace(b",0", b",0.5", 1), r"csv:1: .*got '0.5'"),
    "space": (LINE.replace(b",0", b", 0", 1), r"csv:1: .*got ' 0'"),
    "quoted number": (LINE.replace(b",0", b',"0"', 1), r"""csv:1: .*got '"0"'"""),
    "four digits": (LINE.replace(b",0", b",0000", 1), r"csv:1: .*got '0000'"),
    "semicolons": (LINE.replace(b",", b";"), r"csv:1: line 1 has 1 values: expected 785"),
    "blank line in the middle": (LINE + b"\n" + LINE, r"csv:2: line 2 is blank, with more rows"),
    "two blank lines in the middle": (LINE + b"\n\n" + LINE, r"csv:2: line 2 is blank"),
    "blank lines first": (b"\n\n" + LINE, r"csv:1: line 1 is blank, with more rows"),
    "blank first line": (b"\n" + LINE, r"csv:1: line 1 is blank, with more rows"),
    "header in the middle": (LINE + HEADER + LINE, r"csv:2: .*column 1: .*got 'label'"),
    "Kaggle's unlabelled test.csv": (HEADER[6:] + LINE[2:], r"csv:1: line 1 has 784 values"),
    "header too short": (b"label,pixel0\n" + LINE, r"csv:1: line 1 is a header of 2 names"),
    "lone carriage returns": (LINE.replace(b"\n", b"\r") * 2, r"csv:1: line 1 has 1569 values"),
    "UTF-16": (LINE.decode().encode("utf-16"), r"csv:1: .*column 1: .*got"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(5000), r"csv:1: line 1 has 1 values"),
    "endless line": (b"0" * 1_000_000, r"csv:1: line 1 has 1 values"),
    "endless line after good ones": (LINE * 3 + b"0," * 500_000, r"csv:4: line 4 has \d+ values"),
    "empty file": (b"", r"bad.csv has no rows"),
    "blank file": (b"\n\r\n", r"bad.csv has no rows"),
    "header alone": (HEADER, r"bad.csv has no rows"),
    "truncated gzip": (gzip.compress(LINE * 9)[:-9], r"bad.csv is a truncated gzip file"),
    "damaged gzip": (gzip.compress(LINE * 9)[:-6] + b"123456", r"bad.csv is a damaged gzip file"),
}


@pytest.mark.parametrize("block_bytes", [512, 128 * 1024])
@pytest.mark.parametrize("kind", REFUSED)
def test_anything_else_is_refused_by_file_and_line(tmp_path, monkeypatch, kind, block_bytes):
    """The message names the file, the line, what was expected and what it got."""
    content, message = REFUSED[kind]
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", block_bytes)
    with pytest.raises(DatasetError, match=message):
        list(read_csv(path))


def test_a_decompression_bomb_is_refused(tmp_path):
    """A gigabyte of blank digits in a megabyte: neither memory nor time for it."""
    path = tmp_path / "bomb.csv.gz"
    part = gzip.compress(LINE * 20_000)
    path.write_bytes(part * 32)
    code = (
        "from pathlib import Path\nfrom nn.data.csv_file import read_csv\n"
        "from nn.data.streams import DatasetError\nrows = 0\ntry:\n"
        f" for block in read_csv(Path({str(path)!r})):\n  rows += len(block)\n"
        "except DatasetError as error:\n print(rows, error)"
    )
    said, peak = run_for_peak_mb(code)
    assert "bomb.csv.gz unpacks to more than 200 times its size" in said
    assert int(said.split()[0]) * len(LINE) < path.stat().st_size * 201
    assert peak < 100


def test_the_line_number_counts_the_header(tmp_path):
    """Line 3 of the file as an editor shows it."""
    path = tmp_path / "bad.csv"
    path.write_bytes(HEADER + LINE + b"oops\n")
    with pytest.raises(DatasetError, match=r"bad.csv:3: line 3 "):
        list(read_csv(path))


def test_no_such_file(tmp_path):
    """A missing file is an error of ours too."""
    with pytest.raises(DatasetError, match=r"none.csv: no such file"):
        list(read_csv(tmp_path / "none.csv"))


def test_what_is_written_is_what_the_csv_module_reads(digits):
    """write_csv against csv.reader."""
    pixels, labels = digits
    file = io.BytesIO()
    assert write_csv(file, [(pixels[:30], labels[:30]), (pixels[30:40], labels[30:40])]) == 40
    expected = np.column_stack([labels[:40], pixels[:40]]).tolist()
    assert by_csv_module(file.getvalue()) == expected


def test_rows_are_estimated_from_the_head(tmp_path, digits):
    """Within a tenth for rows of like length, gzipped too; unknown if that is damaged."""
    path = tmp_path / "digits.csv"
    path.write_bytes(csv_text(*digits))
    assert CsvDataset(path).estimate_rows() == pytest.approx(700, rel=0.1)
    packed = gzip.compress(csv_text(*digits))
    path.write_bytes(packed)
    assert CsvDataset(path).estimate_rows() == pytest.approx(700, rel=0.1)
    path.write_bytes(packed[:1000])
    assert CsvDataset(path).estimate_rows() is None
