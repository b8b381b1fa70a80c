"""Files are recognised by their content, gzipped or not."""

import gzip
import zlib

import pytest

from nn.data.checksum import has_content
from tests.conftest import csv_text

HEADER = b"label," + b",".join(b"%dx%d" % divmod(number, 28) for number in range(784)) + b"\n"
FORMS = {
    "plain": lambda text: text,
    "gzip": gzip.compress,
    "header": lambda text: HEADER + text,
    "quoted header": lambda text: HEADER.replace(b"label", b'"label"') + text,
    "header, gzip": lambda text: gzip.compress(HEADER + text),
    "CRLF and mark": lambda text: b"\xef\xbb\xbf" + (HEADER + text).replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_text_is_known_in_each_form(tmp_path, digits, form):
    """A header, a mark and carriage returns do not count; a changed pixel does."""
    text = csv_text(*digits)
    known = {f"{zlib.crc32(text):08x}", "00000000"}
    path = tmp_path / "digits.csv"
    path.write_bytes(FORMS[form](text))
    assert has_content(path, known)
    path.write_bytes(FORMS[form](text[:-2] + b"1\n"))
    assert not has_content(path, known)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_bytes_are_known(tmp_path, pack):
    """Of IDX, in which newlines mean nothing."""
    content = b"\0\0\x08\x01\r\n" + bytes(range(256)) * 3000
    known = {f"{zlib.crc32(content):08x}"}
    path = tmp_path / "labels"
    path.write_bytes(pack(content))
    assert has_content(path, known)
    path.write_bytes(pack(content[:-1] + b"\0"))
    assert not has_content(path, known)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\x1f\x8b" + bytes(20), b"\0"])
def test_damaged_files_are_unknown(tmp_path, content):
    """Whatever is wrong with them: reading them will say it."""
    (tmp_path / "file").write_bytes(content)
    assert not has_content(tmp_path / "file", {"12345678"})
