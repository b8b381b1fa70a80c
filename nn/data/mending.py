"""Read digits in the forms that `train` refuses, and say what makes them the ones it accepts."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nn.data.csv_file import BLOCK_BYTES, LONGEST_LINE, parse_rows
from nn.data.dataset import open_dataset
from nn.data.forms import ROUNDED, Form, as_bytes, is_blank, recognise
from nn.data.kinds import HEAD_BYTES, refuse_other_kinds
from nn.data.labels import ANY_LABEL
from nn.data.streams import IMAGES_MAGIC, LABELS_MAGIC, DatasetError, Stream, damage_named
from nn.signals import PIXELS, SIDE

_HEAD_BYTES = 4 * BLOCK_BYTES  # at least 50 lines, as numpy's savetxt writes them
_MOST_CONTAINERS = 4  # one in the other
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class MendedDataset:
    """Digits in any form that can be mended without a doubt.

    Parameters
    ----------
    path : path-like
    part : str
        Which arrays of an .npz to read, such as "test"; by default "train", or the only ones.
    transpose : bool
        Whether to swap rows and columns of each digit.
    invert : bool
        Whether to turn light on dark into dark on light.

    Attributes
    ----------
    changes : list of str
        What was changed, in words; empty if `train` reads the file as it is.
    labelled : bool
        Whether each digit has a label.

    Raises
    ------
    DatasetError
        When the file is in no form that is known.
    """

    labels = ANY_LABEL

    def __init__(self, path, part: str = "", transpose: bool = False, invert: bool = False):
        self.path, self.transpose, self.invert = Path(path), transpose, invert
        self._estimate: int | None = None
        with UnpackedStream(self.path) as file:
            self.changes = [*file.changes]
            head = file.peek(HEAD_BYTES)
            if head.startswith((IMAGES_MAGIC, LABELS_MAGIC)):
                self._read, self.labelled = self._open_idx()
            elif head.startswith((b"PK\x03\x04", b"\x93NUMPY")):
                self._read, self.labelled = self._open_arrays(part)
            else:
                self._read, self.labelled = self._open_text(file, head)
        self.changes += ["transposed each digit"] * transpose + ["inverted the pixels"] * invert

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Yield pixels, uint8 of shape (n, 784), and labels, uint8 of shape (n,) or None.

        Raises
        ------
        DatasetError
            On what cannot be mended; the message names file and line.
        """
        for pixels, labels in self._read():
            if self.transpose:
                pixels = pixels.reshape(-1, SIDE, SIDE).transpose(0, 2, 1).reshape(-1, PIXELS)
            yield 255 - pixels if self.invert else pixels, labels

    def estimate_rows(self) -> int | None:
        """Estimate the number of rows; None if that is not possible."""
        return self._estimate

    def _open_idx(self):
        if self.changes:
            raise DatasetError(
                f"{self.path} holds an IDX file: unpack it, with its labels file beside it"
            )
        dataset = open_dataset(self.path, ANY_LABEL)
        self._estimate = dataset.estimate_rows()
        return dataset.blocks, True

    def _open_arrays(self, part: str):
        from nn.data.arrays import ArrayFile

        if self.changes:
            raise DatasetError(f"{self.path} holds arrays in an archive: unpack it first")
        arrays = ArrayFile(self.path, part)
        self.changes += arrays.changes
        self._estimate = arrays.count
        return arrays.blocks, arrays.labelled

    def _open_text(self, file: "UnpackedStream", head: bytes):
        """Recognise the form of a text; return its reader, and whether it has labels."""
        encoding = encoding_of(head)
        if encoding in ("utf-8", "utf-8-sig"):
            if not re.match(rb"\s*(%|@relation)", head, re.IGNORECASE):
                refuse_other_kinds(self.path, head)
        else:
            self.changes.append(f"read it as {encoding.upper()}")
        file.decode_as(encoding)
        lines = file.read_lines(_HEAD_BYTES, LONGEST_LINE)
        if file.has_carriage_returns:
            self.changes.append("ended lines as Unix does")
        try:
            form = recognise(lines.decode().split("\n"))
        except DatasetError as error:
            line = re.match(r"line (\d+) ", str(error))
            where = f"{self.path}:{line[1]}:" if line else self.path
            raise DatasetError(f"{where} {error}") from None
        self.changes += form.changes
        if not file.zipped and encoding.startswith("utf-8"):
            self._estimate = round(self.path.stat().st_size / len(lines) * lines.count(b"\n"))
        return lambda: self._read_text(encoding, form), form.label is not None

    def _read_text(self, encoding: str, form: Form) -> Iterator:
        """Yield the pixels and labels of a text in a form that was recognised."""
        with UnpackedStream(self.path) as file:
            file.decode_as(encoding)
            line, skipped = 1, form.skipped
            while text := file.read_lines(BLOCK_BYTES, LONGEST_LINE):
                lines = text.split(b"\n", skipped) if skipped else [text]
                line, skipped = line + len(lines) - 1, skipped - len(lines) + 1
                if skipped == 0 and (rows := lines[-1]):
                    if not is_blank(rows.decode("utf-8", "replace")):
                        yield self._parse(rows, line, form)
                    line += rows.count(b"\n")

    def _parse(self, text: bytes, line: int, form: Form) -> tuple[np.ndarray, np.ndarray | None]:
        """Turn lines in a recognised form into pixels and labels; blank lines are left out."""
        blank = re.search(rb"(\A|\n)[ \t,;|]*\n", text)
        rows_text = re.sub(rb"(?m)^[ \t,;|]*\n", b"", text) if blank else text
        if blank:
            self._note("left out blank lines")
        rows = parse_rows(form.plain(rows_text), 255, form.columns)
        if rows is None:
            rows = form.parse(text, self.path, line)
        pixels, labels = form.split_columns(rows)
        if form.scale == 1 and pixels.dtype != np.uint8 and np.any(np.rint(pixels) != pixels):
            self._note(ROUNDED)
        pixels, wrong = as_bytes(pixels, form.scale)
        expected = f"a pixel value from 0 to {255 // form.scale}"
        if wrong:
            (row, column), value = wrong
            column += form.first_pixel
            column += form.label is not None and form.first_pixel <= form.label <= column
        elif labels is not None:
            labels, wrong = as_bytes(labels[:, None], 1, whole=True)
            labels = labels[:, 0]
            if wrong:
                (row, _), value = wrong
                column, expected = form.label, "a whole number from 0 to 255 as label"
        if wrong:
            lines = enumerate(text.decode("utf-8", "replace").split("\n"), start=line)
            numbers = [number for number, each in lines if not is_blank(each)]
            raise DatasetError(
                f"{self.path}:{numbers[row]}: line {numbers[row]} column {column + 1}: expected "
                f"{expected}, got {value:g}. Correct or remove the line"
            )
        return pixels, labels

    def _note(self, change: str) -> None:
        """Add what was changed further down in the file, once."""
        if change not in self.changes:
            self.changes.append(change)


class UnpackedStream(Stream):
    """A file that is unpacked, whatever it was packed by, and decoded, whatever its encoding.

    Attributes
    ----------
    changes : list of str
        What it was unpacked from.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        self.changes: list[str] = []
        self._decoder: io.IncrementalNewlineDecoder | None = None
        try:
            with damage_named(path):
                self._unpack()
        except BaseException:
            self.__exit__()
            raise

    def _unpack(self) -> None:
        for _ in range(_MOST_CONTAINERS):
            head = self.peek(6)
            if head.startswith(b"\x1f\x8b"):
                what, self._file = "gzip", gzip.GzipFile(fileobj=self._file, mode="rb")
            elif head.startswith(b"\xfd7zXZ\0"):
                what, self._file = "xz", lzma.LZMAFile(self._file)  # noqa: SIM115 - closed with this
            elif re.match(rb"BZh[1-9][1\x17]", head):
                what, self._file = "bzip2", bz2.BZ2File(self._file)
            elif head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
                entry = self._only_entry()
                if entry is None:
                    return
                what, self._file = entry.filename, self._archive.open(entry)
            else:
                return
            self.zipped = True
            self.changes.append(f"unpacked it ({what})")

    def _only_entry(self) -> zipfile.ZipInfo | None:
        """Return the only file of a zip archive; None if it holds numpy's arrays."""
        self._archive = zipfile.ZipFile(self._file)
        entries = [
            entry
            for entry in self._archive.infolist()
            if not (entry.is_dir() or re.match(r"(.*/)?(\.|__MACOSX/)", entry.filename))
        ]
        if entries and all(entry.filename.endswith(".npy") for entry in entries):
            self._file.seek(0)
            return None
        if len(entries) != 1:
            names = ", ".join(entry.filename for entry in entries[:5]) or "none"
            more = ", ..." if len(entries) > 5 else ""
            raise DatasetError(
                f"{self.path} holds {len(entries)} files ({names}{more}): expected one. Unpack it, "
                "and give one of them"
            )
        if entries[0].flag_bits & 1:
            raise DatasetError(f"{self.path} needs a password: unpack it first")
        return entries[0]

    def peek(self, size: int) -> bytes:
        """Return the first bytes of what was not read yet, and at most `size` of them."""
        with damage_named(self.path):
            return self._file.peek(size)[:size]

    def decode_as(self, encoding: str) -> None:
        r"""Decode what is read from now on into UTF-8, with ``\n`` alone at the end of lines."""
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)

    @property
    def has_carriage_returns(self) -> bool:
        """Return whether a line of what was decoded ends with a carriage return alone."""
        found = self._decoder.newlines if self._decoder else None
        return "\r" in (found if isinstance(found, tuple) else (found,))

    def read(self, size: int) -> bytes:
        """Read up to about `size` bytes; see `Stream.read`."""
        while True:
            with damage_named(self.path):
                content = super().read(size)
            if not self._decoder:
                return content
            text = self._decoder.decode(content, final=not content)
            if text or not content:
                return text.encode()


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text by its first bytes."""
    for mark, encoding in _ENCODINGS:
        if head.startswith(mark):
            return encoding
    if re.match(rb"([^\0]\0){3}", head):
        return "utf-16-le"
    return "utf-16-be" if re.match(rb"(\0[^\0]){3}", head) else "utf-8"
