"""Digits in the forms that people have: what is written by other means is read as it was."""

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn.data import csv_file, mending
from nn.data.dataset import check_plausible, open_dataset
from nn.data.drawn_digits import DrawnDigits
from nn.data.mending import MendedDataset
from nn.data.streams import DatasetError
from tests.conftest import run_for_peak_mb, write_idx

NAMES = ["label", *(f"pixel{number}" for number in range(784))]


@pytest.fixture(scope="module")
def rows():
    """Thirty drawn digits as rows of 785 numbers, labels first."""
    pixels, labels = next(DrawnDigits(30, seed=2).blocks())
    return np.column_stack([labels, pixels]).astype(int)


def written(rows, header=None, end="\n", **options) -> bytes:
    """Write rows by the csv module."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator=end, **options)
    writer.writerows([header] if header else [])
    writer.writerows(rows.tolist())
    return file.getvalue().encode()


def saved(rows, **options) -> bytes:
    """Write rows by numpy's savetxt."""
    file = io.BytesIO()
    np.savetxt(file, rows, **options)
    return file.getvalue()


def indexed(rows):
    """Put numbers of rows before them, as pandas does."""
    return np.column_stack([np.arange(len(rows)), rows])


def label_last(rows):
    return np.roll(rows, -1, axis=1)


def scaled(rows):
    return np.column_stack([rows[:, 0], rows[:, 1:] / 255])


def arff(rows) -> bytes:
    """Write ARFF as OpenML's mnist_784 is written."""
    attributes = "".join(f"@ATTRIBUTE 'pixel{number}' real\n" for number in range(784))
    head = f"% a comment\n@RELATION mnist_784\n\n{attributes}@ATTRIBUTE class {{0,1,2}}\n\n@DATA\n"
    return head.encode() + written(label_last(rows))


def in_zip(content, *others) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/digits.csv", content)
        for name in others:
            archive.writestr(name, "x")
    return file.getvalue()


FLOATS = "wrote the whole numbers without decimals"
SCALED = "multiplied the pixels by 255, since they went from 0 to 1"
MOVED = "moved the labels from column 785 to column 1"
HEADER = "left out the header line"
INDEX = "left out the first column, an index"
FORMS = {
    "plain": (lambda r: written(r), []),
    "header": (lambda r: written(r, NAMES), []),
    "semicolons": (lambda r: written(r, delimiter=";"), ["wrote commas instead of semicolons"]),
    "tabs": (lambda r: written(r, delimiter="\t"), ["wrote commas instead of tabs"]),
    "bars": (lambda r: written(r, delimiter="|"), ["wrote commas instead of bars"]),
    "spaces": (lambda r: saved(r, fmt="%d"), ["wrote commas instead of spaces"]),
    "columns": (lambda r: saved(r, fmt="%3d"), ["wrote commas instead of spaces"]),
    "comma and space": (lambda r: saved(r, fmt="%d", delimiter=", "), ["removed the spaces"]),
    "padded": (lambda r: saved(r, fmt="%5d", delimiter=","), ["removed the spaces"]),
    "quotes": (lambda r: written(r, quoting=csv.QUOTE_ALL), ["removed the quotes"]),
    "quotes and header": (
        lambda r: written(r, NAMES, quoting=csv.QUOTE_ALL),
        ["removed the quotes"],
    ),
    "quotes and semicolons": (
        lambda r: written(r, delimiter=";", quoting=csv.QUOTE_ALL),
        ["wrote commas instead of semicolons", "removed the quotes"],
    ),
    "some quotes": (
        lambda r: written(r).replace(b",255,", b',"255",'),
        ["removed the quotes"],
    ),
    "floats": (lambda r: written(r.astype(float)), [FLOATS]),
    "savetxt": (lambda r: saved(r, delimiter=","), [FLOATS]),
    "savetxt with spaces": (lambda r: saved(r), ["wrote commas instead of spaces", FLOATS]),
    "savetxt with a header": (
        lambda r: saved(r, delimiter=",", header=",".join(NAMES)),
        [FLOATS],
    ),
    "savetxt with a comment": (
        lambda r: saved(r, fmt="%d", delimiter=",", header="mine"),
        ["left out a comment"],
    ),
    "trailing comma": (
        lambda r: written(r).replace(b"\n", b",\n"),
        ["left out the empty column at the end of each line"],
    ),
    "trailing comma and header": (
        lambda r: written(r, NAMES).replace(b"\n", b",\n"),
        ["left out the empty column at the end of each line"],
    ),
    "index": (lambda r: written(indexed(r), ["", *NAMES]), [HEADER, INDEX]),
    "index of old pandas": (lambda r: written(indexed(r), ["Unnamed: 0", *NAMES]), [HEADER, INDEX]),
    "index without header": (lambda r: written(indexed(r)), [INDEX]),
    "index from 1": (lambda r: written(indexed(r) + ([1] + [0] * 785)), [INDEX]),
    "R": (
        lambda r: saved(
            indexed(r), fmt=['"%d"', *["%d"] * 785], header=" ".join(NAMES), comments=""
        ),
        ["wrote commas instead of spaces", "removed the quotes", INDEX],
    ),
    "index, label last": (
        lambda r: written(indexed(label_last(r))),
        [INDEX, "moved the labels from column 786 to column 1"],
    ),
    "shuffled index": (
        lambda r: written(indexed(r)[::-1].copy(), ["", *NAMES])[:-1],
        None,
    ),
    "sep=,": (lambda r: b"sep=,\r\n" + written(r), ["left out the line sep=,"]),
    "sep=;": (
        lambda r: b"sep=;\r\n" + written(r, NAMES, delimiter=";"),
        ["left out the line sep=;", "wrote commas instead of semicolons"],
    ),
    "quoted sep": (lambda r: b'"sep=,"\n' + written(r), ["left out the line sep=,"]),
    "label last": (lambda r: written(label_last(r)), [MOVED]),
    "class last": (lambda r: written(label_last(r), [*NAMES[1:], "class"]), [HEADER, MOVED]),
    "y": (lambda r: written(r, ["y", *NAMES[1:]]), [HEADER]),
    "Target": (lambda r: written(r, ["Target", *NAMES[1:]]), [HEADER]),
    "numbered columns": (lambda r: written(r, list(range(785))), [HEADER]),
    "0 to 1": (lambda r: written(scaled(r)), [SCALED]),
    "0 to 1, label last": (lambda r: written(label_last(scaled(r))), [MOVED, SCALED]),
    "decimal commas": (
        lambda r: written(scaled(r), delimiter=";").replace(b".", b","),
        ["wrote commas instead of semicolons", "wrote decimal points instead of commas", SCALED],
    ),
    "UTF-16": (lambda r: written(r).decode().encode("utf-16"), ["read it as UTF-16"]),
    "UTF-16, big end first": (
        lambda r: b"\xfe\xff" + written(r).decode().encode("utf-16-be"),
        ["read it as UTF-16"],
    ),
    "UTF-16 without a mark": (
        lambda r: written(r).decode().encode("utf-16-le"),
        ["read it as UTF-16-LE"],
    ),
    "UTF-16, as Excel writes it": (
        lambda r: written(r, NAMES, "\r\n", delimiter="\t").decode().encode("utf-16"),
        ["read it as UTF-16", "wrote commas instead of tabs"],
    ),
    "UTF-32": (lambda r: written(r).decode().encode("utf-32"), ["read it as UTF-32"]),
    "UTF-8 with a mark": (lambda r: b"\xef\xbb\xbf" + written(r), []),
    "carriage returns": (lambda r: written(r, end="\r"), ["ended lines as Unix does"]),
    "blank lines": (lambda r: b"\n" + written(r, end="\n\n \n"), ["left out blank lines"]),
    "blank rows of Excel": (
        lambda r: written(r, NAMES, delimiter=";") + (b";" * 784 + b"\r\n") * 3,
        ["wrote commas instead of semicolons", "left out blank lines"],
    ),
    "CRLF": (lambda r: written(r, NAMES, "\r\n"), []),
    "gzip": (lambda r: gzip.compress(written(r)), []),
    "gzipped twice": (lambda r: gzip.compress(gzip.compress(written(r))), ["unpacked it (gzip)"]),
    "xz": (lambda r: lzma.compress(written(r)), ["unpacked it (xz)"]),
    "bzip2": (lambda r: bz2.compress(written(r)), ["unpacked it (bzip2)"]),
    "zip": (lambda r: in_zip(written(r)), ["unpacked it (data/digits.csv)"]),
    "zip of a Mac": (
        lambda r: in_zip(written(r), "__MACOSX/data/._digits.csv", "data/.DS_Store"),
        ["unpacked it (data/digits.csv)"],
    ),
    "zip of semicolons": (
        lambda r: in_zip(written(r, delimiter=";")),
        ["unpacked it (data/digits.csv)", "wrote commas instead of semicolons"],
    ),
    "ARFF": (arff, ["left out the ARFF header", MOVED]),
}


def everything(dataset):
    """Return the rows of a dataset, labels first."""
    blocks = list(dataset.blocks())
    assert all(block.dtype == np.uint8 for pair in blocks for block in pair)
    return np.concatenate([np.column_stack([labels, pixels]) for pixels, labels in blocks])


@pytest.mark.parametrize("block_bytes", [4000, 256 * 1024])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_rows_that_were_written(tmp_path, monkeypatch, rows, form, block_bytes):
    """And what was changed is said, no more and no less."""
    write, changes = FORMS[form]
    expected = rows[::-1] if form == "shuffled index" else rows
    path = tmp_path / "digits.csv"
    path.write_bytes(write(rows))
    monkeypatch.setattr(mending, "BLOCK_BYTES", block_bytes)
    dataset = MendedDataset(path)
    assert np.array_equal(everything(dataset), expected)
    assert dataset.labelled
    if changes is not None:
        assert dataset.changes == changes
    assert np.array_equal(everything(dataset), expected)  # it can be read again


@pytest.mark.parametrize("form", FORMS)
def test_train_reads_it_or_names_the_command(tmp_path, rows, form):
    """What needs no change is read as it is; any other form is refused with the command."""
    path = tmp_path / "digits.csv"
    path.write_bytes(FORMS[form][0](rows))
    changes = MendedDataset(path).changes
    if changes or form == "blank lines":
        with pytest.raises(DatasetError, match=r"data convert \S*digits.csv \S*_converted.csv"):
            check_plausible(open_dataset(path), print)
    else:
        pixels, labels = zip(*open_dataset(path).blocks(), strict=True)
        assert np.array_equal(np.column_stack([labels[0], pixels[0]]), rows)


@pytest.mark.parametrize("kind", ["a word", "too high", "negative", "below 0", "a short line"])
def test_train_names_no_command_that_would_not_help(tmp_path, rows, kind):
    """Where a conversion would fail at the same line, that line must be corrected."""
    path = tmp_path / "digits.csv"
    path.write_bytes(BAD[kind][0](rows))
    with pytest.raises(DatasetError, match=r"digits.csv:\d+: line \d+ ") as caught:
        list(open_dataset(path).blocks())
    assert "data convert" not in str(caught.value)


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_mixture_of_forms_gives_the_rows(tmp_path_factory, data):
    """Separator, quotes, header, index, place of the label, decimals, line ends, encoding."""
    draw = data.draw
    count = draw(st.integers(12, 40))
    pixels, labels = next(DrawnDigits(count, seed=draw(st.integers(0, 99))).blocks())
    if labels.min() == labels.max():
        return
    expected = np.column_stack([labels, pixels])
    rows, names = expected.astype(int), list(NAMES)
    if draw(st.booleans()):
        rows = scaled(rows)
    elif draw(st.booleans()):
        rows = rows.astype(float)
    if draw(st.booleans()):
        rows, names = label_last(rows), [*names[1:], draw(st.sampled_from(["label", "Y", "class"]))]
    if draw(st.booleans()):
        rows, names = indexed(rows), ["", *names]
    text = written(
        rows,
        names if draw(st.booleans()) else None,
        draw(st.sampled_from(["\n", "\r\n", "\r"])),
        delimiter=draw(st.sampled_from(",;\t|")),
        quoting=draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])),
    )
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
    path = tmp_path_factory.mktemp("forms") / "digits.csv"
    path.write_bytes(text.decode().encode(encoding))
    assert np.array_equal(everything(MendedDataset(path)), expected)


def test_what_is_changed_further_down_is_said_too(tmp_path, rows):
    """A fraction and a blank line behind the first rows."""
    path = tmp_path / "digits.csv"
    path.write_bytes(written(rows) * 10 + b"\n" + spoilt(rows[:1], (0, 5), 7.6))
    dataset = MendedDataset(path)
    assert dataset.changes == []
    assert everything(dataset)[-1][5] == 8
    assert dataset.changes == ["left out blank lines", "rounded the pixels to whole numbers"]


def test_unlabelled_rows(tmp_path, rows):
    """As Kaggle's test.csv has them, with a header or an index or without."""
    path = tmp_path / "test.csv"
    unlabelled = rows[:, 1:]
    for content in (
        written(unlabelled, NAMES[1:]),
        written(unlabelled),
        written(indexed(unlabelled), ["id", *NAMES[1:]]),
        written(unlabelled, delimiter=";"),
    ):
        path.write_bytes(content)
        dataset = MendedDataset(path)
        assert not dataset.labelled
        pixels, labels = next(dataset.blocks())
        assert labels is None
        assert np.array_equal(pixels, unlabelled)


def test_digits_are_transposed_and_inverted(tmp_path, rows):
    """Each by itself, and both."""
    path = tmp_path / "digits.csv"
    path.write_bytes(written(rows))
    pictures = rows[:, 1:].reshape(-1, 28, 28)
    turned = np.array([picture.T for picture in pictures]).reshape(-1, 784)
    dataset = MendedDataset(path, transpose=True)
    assert np.array_equal(everything(dataset)[:, 1:], turned)
    assert dataset.changes == ["transposed each digit"]
    assert np.array_equal(everything(MendedDataset(path, invert=True))[:, 1:], 255 - rows[:, 1:])
    both = MendedDataset(path, transpose=True, invert=True)
    assert np.array_equal(everything(both)[:, 1:], 255 - turned)


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_is_read_as_it_is(tmp_path, digits, zipped):
    """So that it can be transposed."""
    dataset = MendedDataset(write_idx(tmp_path, *digits, zipped=zipped))
    assert np.array_equal(everything(dataset), np.column_stack(digits[::-1]))
    assert dataset.changes == []
    assert dataset.estimate_rows() == 700


def spoilt(rows, place, value, **options):
    """Write rows with another text at a row and column."""
    table = rows.astype(object)
    table[place] = value
    return written(table, **options)


BAD = {
    "a word": (lambda r: spoilt(r, (20, 5), "x"), r":21: line 21 column 6: expected a number, got"),
    "an empty field": (lambda r: spoilt(r, (20, 5), ""), r":21: line 21 column 6: .*got ''"),
    "too high": (lambda r: spoilt(r, (20, 5), 256), r":21: line 21 column 6: .*0 to 255, got 256"),
    "negative": (lambda r: spoilt(r, (20, 5), -1), r":21: line 21 column 6: expected .*got -1"),
    "not a number": (lambda r: spoilt(r, (20, 5), "nan"), r":21: line 21 column 6: .*got nan"),
    "infinite": (lambda r: spoilt(r, (20, 5), "inf"), r":21: line 21 column 6: .*got inf"),
    "half a label": (lambda r: spoilt(r, (20, 0), 0.5), r":21: line 21 column 1: .*label, got 0.5"),
    "label too high": (lambda r: spoilt(r, (20, 0), 256), r"21 column 1: .*label, got 256"),
    "over 1 of 1": (
        lambda r: spoilt(scaled(r), (20, 5), 17),
        r":21: line 21 column 6: expected a pixel value from 0 to 1, got 17",
    ),
    "label last": (
        lambda r: spoilt(label_last(r), (20, 784), 0.5),
        r"21 column 785: expected a whole number from 0 to 255 as label, got 0.5",
    ),
    "after a header": (
        lambda r: spoilt(r, (20, 5), "x", header=["y", *NAMES[1:]]),
        r":22: line 22 column 6: expected a number",
    ),
    "after blank lines": (
        lambda r: b"\n\n" + spoilt(r, (20, 5), 256).replace(b"\n", b"\n\n", 3),
        r":26: line 26 column 6: .* got 256",
    ),
    "a short line": (
        lambda r: written(r) + b"1,2,3\n",
        r":31: line 31 has 3 values: expected 785, as in the first line",
    ),
    "a header in the middle": (
        lambda r: written(r) + written(r, NAMES),
        r":31: line 31 column 1: expected a number, got 'label'",
    ),
    "a word as the first label": (
        lambda r: written(r[:1], NAMES).replace(b"\n2,", b"\ntwo,"),
        r"line 2 column 1: expected a number, got 'two'",
    ),
    "an index, perhaps": (lambda r: written(indexed(r[:1])), r"has 786 values in a row"),
    "too many columns": (lambda r: written(np.column_stack([r, r])), r"has 1570 values in a row"),
    "below 0": (
        lambda r: written(np.column_stack([r[:, 0], r[:, 1:] / 127.5 - 1])),
        r":1: line 1 column 2: expected a pixel value from 0 to 1, got -1",
    ),
    "sparse ARFF": (
        lambda r: arff(r[:1]).partition(b"@DATA")[0] + b"@DATA\n{3 5, 784 1}\n",
        r"has sparse rows",
    ),
    "two values": (lambda r: b"1,2\n", r"line 1 has 2 values: expected a label and 784"),
    "other columns than names": (lambda r: written(r, [*NAMES, "x", "y"]), r"header of 787 names"),
    "nothing": (lambda r: b"", r"has no rows"),
    "only a header": (lambda r: written(r[:0], NAMES), r"has no rows"),
    "blank": (lambda r: b"\n \n\n", r"has no rows"),
    "no @data": (lambda r: b"@relation x\n@attribute y real\n", r"has no line @data"),
    "two files in a zip": (
        lambda r: in_zip(written(r), "data/other.csv"),
        r"holds 2 files \(data/digits.csv, data/other.csv\): expected one",
    ),
    "empty zip": (lambda r: b"PK\x05\x06" + bytes(18), r"holds 0 files \(none\)"),
    "damaged zip": (lambda r: in_zip(written(r))[:-30], r"is damaged \(File is not a zip"),
    "damaged xz": (lambda r: lzma.compress(written(r))[:-50], r"is (damaged|a truncated)"),
    "damaged bzip2": (
        lambda r: bz2.compress(written(r))[:99] + bz2.compress(written(r))[120:],
        r"is damaged|is a truncated",
    ),
    "a picture": (lambda r: b"\x89PNG\r\n\x1a\n" + bytes(99), r"is a PNG picture"),
    "a picture in a zip": (lambda r: in_zip(b"\x89PNG\r\n\x1a\n" + bytes(99)), r"a PNG picture"),
    "a pickle": (lambda r: b"\x80\x04\x95" + bytes(99), r"is a pickle of Python's"),
    "IDX in a zip": (lambda r: in_zip(b"\0\0\x08\x03" + bytes(99)), r"holds an IDX file: unpack"),
}


@pytest.mark.parametrize("block_bytes", [4000, 256 * 1024])
@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_mended_is_refused(tmp_path, monkeypatch, rows, kind, block_bytes):
    """By file and line as an editor shows it, with what was expected and what was got."""
    write, message = BAD[kind]
    path = tmp_path / "digits.csv"
    path.write_bytes(write(rows))
    monkeypatch.setattr(mending, "BLOCK_BYTES", block_bytes)
    with pytest.raises(DatasetError, match=rf"digits.csv.*{message}"):
        everything(MendedDataset(path))


@pytest.mark.parametrize("ending", [".zip", ".xz", ".bz2"])
def test_a_bomb_is_refused(tmp_path, ending):
    """A few kilobytes that would unpack to a gigabyte."""
    line = b"7" + b",0" * 784 + b"\n"
    content = line * 60_000
    pack = {".zip": in_zip, ".xz": lzma.compress, ".bz2": bz2.compress}[ending]
    path = tmp_path / f"bomb{ending}"
    path.write_bytes(pack(content))
    with pytest.raises(DatasetError, match=r"unpacks to more than 200 times its size"):
        for _ in MendedDataset(path).blocks():
            pass


def test_memory_does_not_grow_with_the_file(tmp_path, rows):
    """Sixty times the rows take no more; nor do UTF-16 and floats in a zip."""
    path = tmp_path / "digits.zip"
    peaks = []
    for repeats in (10, 150):
        text = written(rows.astype(float), delimiter=";") * repeats
        path.write_bytes(in_zip(text.decode().encode("utf-16")))
        said, peak = run_for_peak_mb(
            "from nn.data.mending import MendedDataset\n"
            f"print(sum(len(labels) for _, labels in MendedDataset({str(path)!r}).blocks()))"
        )
        assert int(said) == 30 * repeats
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 10


ARRAYS = {
    "Keras": (
        lambda p, n: {"x_train": p, "y_train": n, "x_test": p[:5], "y_test": n[:5]},
        ["read the arrays x_train and y_train", "left out x_test, y_test"],
    ),
    "MedMNIST": (
        lambda p, n: {
            "train_images": p,
            "val_images": p[:5],
            "train_labels": n[:, None],
            "val_labels": n[:5, None],
        },
        ["read the arrays train_images and train_labels", "left out val_images, val_labels"],
    ),
    "one hot": (
        lambda p, n: {"X": p.reshape(-1, 784), "y": np.eye(10)[n]},
        ["read the arrays X and y"],
    ),
    "0 to 1": (
        lambda p, n: {"images": (p / 255).astype("float32")[..., None], "labels": n.astype(float)},
        ["read the arrays images and labels", SCALED],
    ),
    "channels first, other bytes": (
        lambda p, n: {"data": p.astype(">i8")[:, None], "target": n.astype("int32")},
        ["read the arrays data and target"],
    ),
    "without names": (
        lambda p, n: {"arr_0": p, "arr_1": n},
        ["read the arrays arr_0 and arr_1"],
    ),
    "in one": (
        lambda p, n: {"rows": np.column_stack([n, p.reshape(-1, 784)])},
        ["read the arrays rows"],
    ),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", ARRAYS)
def test_numpys_arrays(tmp_path, rows, kind, save):
    """Whatever they are called, and however their numbers are stored."""
    make, changes = ARRAYS[kind]
    path = tmp_path / "digits.npz"
    save(path, **make(rows[:, 1:].reshape(-1, 28, 28).astype(np.uint8), rows[:, 0]))
    dataset = MendedDataset(path)
    assert np.array_equal(everything(dataset), rows)
    assert dataset.changes == changes
    assert dataset.estimate_rows() == 30


def test_a_part_of_an_npz(tmp_path, rows):
    """By a part of its name; an .npy has only one."""
    pictures, labels = rows[:, 1:].reshape(-1, 28, 28), rows[:, 0]
    path = tmp_path / "digits.npz"
    np.savez(path, x_train=pictures, y_train=labels, x_test=pictures[:9], y_test=labels[:9])
    assert np.array_equal(everything(MendedDataset(path, part="test")), rows[:9])
    np.save(tmp_path / "rows.npy", rows)
    assert np.array_equal(everything(MendedDataset(tmp_path / "rows.npy")), rows)
    np.save(tmp_path / "pictures.npy", pictures)
    assert not MendedDataset(tmp_path / "pictures.npy").labelled


PICTURES = np.zeros((3, 28, 28), np.uint8)
BAD_ARRAYS = {
    "no pictures": ({"a": np.zeros((3, 32, 32))}, r"has a \(3, 32, 32\). Expected pictures of"),
    "two sets": ({"a": PICTURES, "b": PICTURES}, r"has a .*, b .*. Choose one .*--part NAME"),
    "no numbers": ({"a": PICTURES.astype("U3"), "b": np.zeros(3)}, r"numbers in the array a, got"),
    "objects": ({"a": PICTURES.astype(object), "b": np.zeros(3)}, r"numbers in the array a, got o"),
    "too high": (
        {"a": PICTURES + np.int16(256), "b": np.zeros(3)},
        r"row 1: expected a pixel value .*got 256",
    ),
    "half labels": ({"a": PICTURES, "b": np.array([0, 1, 0.5])}, r"row 3: expected a label .*0.5"),
    "two labels": (
        {"a": PICTURES, "b": np.zeros(3), "c": np.zeros(3)},
        r"has b \(3,\), c \(3,\) for a \(3, 28, 28\): expected one array of labels",
    ),
    "Fortran": ({"a": np.asfortranarray(np.zeros((3, 784)))}, r"array a.npy in Fortran's order"),
}


@pytest.mark.parametrize("kind", BAD_ARRAYS)
def test_arrays_that_are_no_digits(tmp_path, kind):
    """The message names the arrays with their shapes, or the row."""
    arrays, message = BAD_ARRAYS[kind]
    path = tmp_path / "digits.npz"
    np.savez(path, **arrays)
    with pytest.raises(DatasetError, match=rf"digits.npz.*{message}"):
        everything(MendedDataset(path))


def test_a_damaged_npz(tmp_path, rows):
    """Cut off, or a header that is none."""
    np.savez(tmp_path / "whole.npz", x=rows[:, 1:], y=rows[:, 0])
    content = (tmp_path / "whole.npz").read_bytes()
    path = tmp_path / "digits.npz"
    path.write_bytes(content[:-100])
    with pytest.raises(DatasetError, match=r"digits.npz is damaged"):
        MendedDataset(path)
    np.save(tmp_path / "rows.npy", rows)
    content = (tmp_path / "rows.npy").read_bytes()
    (tmp_path / "rows.npy").write_bytes(content[:20])
    with pytest.raises(DatasetError, match=r"rows.npy is damaged"):
        MendedDataset(tmp_path / "rows.npy")
    (tmp_path / "rows.npy").write_bytes(content[:5000])
    with pytest.raises(DatasetError, match=r"rows.npy ends in the middle of the array"):
        everything(MendedDataset(tmp_path / "rows.npy"))


def test_plain_lines_take_the_fast_way(tmp_path, rows, monkeypatch):
    """Other separators and quotes are no reason to read numbers one by one."""
    path = tmp_path / "digits.csv"
    seen = []

    def parse(*arguments):
        seen.append(csv_file.parse_rows(*arguments) is not None)
        return csv_file.parse_rows(*arguments)

    monkeypatch.setattr(mending, "parse_rows", parse)
    for form in ("semicolons", "tabs", "spaces", "quotes", "comma and space", "trailing comma"):
        path.write_bytes(FORMS[form][0](rows))
        everything(MendedDataset(path))
    assert len(seen) >= 6
    assert all(seen)


@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_spoilt_files_are_refused_or_read(tmp_path_factory, rows, data):
    """Whatever was changed, cut or put in: an error of ours or rows of bytes, no other error."""
    draw = data.draw
    make = FORMS[draw(st.sampled_from(sorted(FORMS)))][0]
    if draw(st.integers(0, 5)) == 0:
        file = io.BytesIO()
        np.savez(file, x=rows[:, 1:].astype(np.uint8), y=rows[:, 0])
        content = bytearray(file.getvalue())
    else:
        content = bytearray(make(rows[:12]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, min(len(content), draw(st.sampled_from([40, 10**6])))))
        length = draw(st.sampled_from([0, 1, 2, 100]))
        content[start : start + length] = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from([b"", b",", b"\n", b'"', b"nan", b"1e999", b"-1", b"sep=;", b"\0"]),
            )
        )
    if draw(st.booleans()):
        del content[draw(st.integers(0, len(content))) :]
    path = tmp_path_factory.mktemp("spoilt") / "digits.csv"
    path.write_bytes(content)
    with contextlib.suppress(DatasetError):
        for pixels, labels in MendedDataset(path).blocks():
            assert pixels.dtype == np.uint8
            assert pixels.shape[1] == 784
            assert labels is None or labels.shape == (len(pixels),)
