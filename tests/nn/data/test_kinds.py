"""Files of other kinds: each is named, instead of its first line."""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from nn.data.dataset import open_dataset
from nn.data.kinds import convert_command
from nn.data.streams import DatasetError
from nn.kit import command
from tests.conftest import csv_text


def packed(write, *arguments) -> bytes:
    file = io.BytesIO()
    write(file, *arguments)
    return file.getvalue()


def zipped(*names) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "5,0,0\n")
    return file.getvalue()


def archived() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("digits.csv"))
    return file.getvalue()


def picture(kind: str) -> bytes:
    return packed(lambda file: Image.new("L", (28, 28)).save(file, kind))


def brand(name: bytes) -> bytes:
    """Begin an ISO media file: a box of type ftyp (ISO 14496-12)."""
    return struct.pack(">I4s4sI4s", 20, b"ftyp", name, 0, b"mif1") + bytes(100)


TEXT = csv_text(np.zeros((3, 784), int), np.arange(3))
PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2\nsize 12345\n"
KINDS = {
    "zip": (zipped("a.csv"), "is a zip archive, not digits", "data convert"),
    "xz": (lzma.compress(TEXT), "is an xz file", "data convert"),
    "bzip2": (bz2.compress(TEXT), "is a bzip2 file", "data convert"),
    "empty bzip2": (bz2.compress(b""), "is a bzip2 file", "data convert"),
    "gzipped twice": (gzip.compress(gzip.compress(TEXT)), "is gzipped twice", "data convert"),
    "npz": (packed(np.savez, np.zeros(3)), "is an .npz of numpy's arrays", "data convert"),
    "npz, compressed": (packed(np.savez_compressed, np.zeros(3)), "is an .npz", "data convert"),
    "npy": (packed(np.save, np.zeros(3)), "is an .npy", "data convert"),
    "ARFF": (b"% OpenML\n%\n@RELATION mnist\n", "is ARFF", "data convert"),
    "UTF-16": (TEXT.decode().encode("utf-16"), "is text in UTF-16", "data convert"),
    "UTF-16, no mark": (TEXT.decode().encode("utf-16-le"), "is text in UTF-16", "data convert"),
    "UTF-32": (TEXT.decode().encode("utf-32"), "is text in UTF-16 or UTF-32", "data convert"),
    "pickle 0": (pickle.dumps({"a": 1}, 0), "is a pickle of Python's", "not opened"),
    "pickle 2": (pickle.dumps([1], 2), "is a pickle of Python's", "not opened"),
    "pickle 5": (pickle.dumps(([1], [2]), 5), "is a pickle of Python's", "not opened"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file", "h5py"),
    "MATLAB": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "is a MATLAB file", "scipy.io"),
    "Parquet": (b"PAR1" + bytes(99), "is a Parquet file", "to_csv"),
    "Excel": (zipped("[Content_Types].xml", "xl/a"), "is an Excel workbook", "Save it as CSV"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an Excel workbook", "Save it as CSV"),
    "IDX of floats": (b"\0\0\x0d\x03\0\0\0\x01", "is IDX of other numbers", "28, 28"),
    "LIBSVM": (b"5 153:3 154:18 155:18\n", "is text in LIBSVM's form", "load_svmlight_file"),
    "tar": (archived(), "is a tar archive", "tar -xf"),
    "7z": (b"7z\xbc\xaf\x27\x1c", "is an archive", "Unpack it"),
    "PNG": (picture("PNG"), "is a PNG picture", "query"),
    "JPEG": (picture("JPEG"), "is a JPEG picture", "query"),
    "GIF": (picture("GIF"), "is a GIF picture", "query"),
    "WebP": (picture("WEBP"), "is a WebP picture", "query"),
    "TIFF": (picture("TIFF"), "is a TIFF picture", "save it as JPEG or PNG"),
    "HEIC": (brand(b"heic"), "is a HEIC picture", "save it as JPEG or PNG"),
    "AVIF": (brand(b"avif"), "is an AVIF picture", "save it as JPEG or PNG"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\n", "is a PDF document", "Expected digits as CSV or IDX"),
    "web page": (PAGE, "is a web page", "login"),
    "web page, with a mark": (b"\xef\xbb\xbf \r\n<html>", "is a web page", "download the file"),
    "error page": (b'<?xml version="1.0"?><Error><Code>AccessDenied', "is a web page", "open"),
    "Git LFS": (POINTER, "is a Git LFS pointer", "git lfs pull"),
    "JSON": (b'{"label": 5, "pixels": []}', "is JSON", "Expected digits"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_each_kind_is_named(tmp_path, kind, wrap):
    """Whatever the file is called, also inside gzip; and what to do is said."""
    content, named, advice = KINDS[kind]
    path = tmp_path / "train.csv.gz"
    path.write_bytes(wrap(content))
    with pytest.raises(DatasetError, match=rf"train.csv.gz {named}.*{advice}"):
        open_dataset(path)


@pytest.mark.parametrize(
    "head",
    [
        b"5,0,0",
        b'"label",p0',
        b"label,p0",
        b'"5","0"',
        b"",
        b"\n",
        b"\0\0\0\0\0\0\0\0",
        b"oops",
        b"BZ",
    ],
)
def test_text_is_left_to_the_reader(tmp_path, head):
    """And so is what is no kind that is known: the reader names the line."""
    (tmp_path / "train.csv").write_bytes(head + b"\n" + TEXT)
    open_dataset(tmp_path / "train.csv")


def test_the_command_names_the_file_and_a_new_one(tmp_path):
    """Quoted for the shell, without the endings that do not fit."""
    path = tmp_path / "my digits.csv.zip"
    new = tmp_path / "my digits_converted.csv"
    assert convert_command(path, "--invert") == command(f"data convert '{path}' '{new}' --invert")
