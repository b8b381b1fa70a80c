"""Recognise by its first bytes what kind of file was given, before its lines are blamed."""

import re
import shlex
from pathlib import Path

from nn.data.streams import DatasetError
from nn.kit import command

HEAD_BYTES = 1024  # enough for each of them
_PLAIN_BYTES = 16

_ANOTHER = "Expected digits as CSV or IDX"
_PICTURE = f"{_ANOTHER}; to read a picture: {{query}}"
_SAVE_AS = "save it as JPEG or PNG, then: {query}"
# What a file's first bytes say, by a regular expression: its kind, and what to do.
_KINDS = (
    (rb"PK\x03\x04.{26}[^/]{1,200}?\.npy", "an .npz of numpy's arrays", "{convert}"),
    (rb"PK\x03\x04.{26}(\[Content_Types\]|_rels/|xl/)", "an Excel workbook", "Save it as CSV"),
    (rb"PK(\x03\x04|\x05\x06)", "a zip archive", "{convert}"),
    (rb"\xfd7zXZ\0", "an xz file", "{convert}"),
    (rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)", "a bzip2 file", "{convert}"),
    (rb"\x1f\x8b", "gzipped twice", "{convert}"),
    (rb"\x93NUMPY", "an .npy of one of numpy's arrays", "{convert}"),
    (rb"\xff\xfe|\xfe\xff|\0\0\xfe\xff|([^\0]\0){3}|(\0[^\0]){3}", "text in UTF-16 or UTF-32",
     "{convert}"),
    (rb"\s*(%[^\n]*\n\s*)*@relation\b", "ARFF, as OpenML has it", "{convert}"),
    (rb"\x80[\x02-\x05]|\([dl]p\d", "a pickle of Python's", "A pickle can run programs, so "
     "it is not opened. " + _ANOTHER),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "Save its arrays as .npz, with h5py and numpy.savez"),
    (rb"MATLAB 5\.0 MAT-file", "a MATLAB file", "Save its arrays as .npz, with scipy.io.loadmat "
     "and numpy.savez"),
    (rb"PAR1", "a Parquet file", "Save it as CSV, with pandas' to_csv"),
    (rb"SQLite format 3\0", "an SQLite database", "Export its table as CSV"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", "Save it as CSV"),
    (rb"\0\0[\x08-\x0e][\x01-\x04]", "IDX of other numbers or dimensions", "Expected pictures as "
     "bytes in three dimensions: n, 28, 28"),
    (rb"\d+(\.\d*)? +\d+:\d", "text in LIBSVM's form", "Save it as CSV, with scikit-learn's "
     "load_svmlight_file"),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "an archive", "Unpack it first"),
    (rb"\x28\xb5\x2f\xfd", "a zstd file", "Unpack it first: unzstd {file}"),
    (rb".{257}ustar", "a tar archive", "Unpack it first: tar -xf {file}"),
    (rb"\x89PNG", "a PNG picture", _PICTURE),
    (rb"\xff\xd8\xff", "a JPEG picture", _PICTURE),
    (rb"GIF8[79]a", "a GIF picture", _PICTURE),
    (rb"RIFF.{4}WEBP", "a WebP picture", _PICTURE),
    (rb".{4}ftypavi[fs]", "an AVIF picture", _SAVE_AS),
    (rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", "a HEIC picture", _SAVE_AS),
    (rb"II\*\0|MM\0\*", "a TIFF picture", _SAVE_AS),
    (rb"%PDF-", "a PDF document", _ANOTHER),
    (rb"version https://git-lfs\.github\.com", "a Git LFS pointer, not the file itself", "Get the "
     "file with: git lfs pull"),
    (rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|script|\?xml|!--)", "a web page (HTML)",
     "It may be a page that asks for a login, or an error's: open the address in a browser, and "
     "download the file itself"),
    (rb"\s*[{\[]\s*[\"{\[\d]", "JSON", _ANOTHER),
)  # fmt: skip


def refuse_other_kinds(path: Path, head: bytes) -> None:
    """Refuse a file that is neither text nor IDX, or text of a kind that no line can be of.

    Parameters
    ----------
    path : Path
    head : bytes
        The first `HEAD_BYTES` of its content, unpacked if it is gzipped.

    Raises
    ------
    DatasetError
        The message names the kind, and what to do.
    """
    if not head[:_PLAIN_BYTES].strip(b"0123456789,"):
        return  # a row of a CSV file: this is decided quickly on a Pi, too
    for pattern, kind, advice in _KINDS:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            what = advice.format(
                convert=f"Convert it: {convert_command(path)}",
                query=command(f"query {shlex.quote(str(path))}"),
                file=shlex.quote(str(path)),
            )
            raise DatasetError(f"{path} is {kind}, not digits as CSV or IDX. {what}")


def convert_command(path: Path, flags: str = "") -> str:
    """Return the command that writes a file's digits as the CSV that `train` reads."""
    stem = path.name
    for ending in (".gz", ".xz", ".bz2", ".zip", ".csv", ".txt", ".tsv", ".arff", ".npz", ".npy"):
        stem = stem.removesuffix(ending)
    target = path.with_name(f"{stem}_converted.csv")
    names = f"{shlex.quote(str(path))} {shlex.quote(str(target))}"
    return command(f"data convert {names} {flags}".strip())
