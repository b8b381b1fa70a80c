"""What a Pi sends is kept in its folder, and nowhere else."""

import gzip
import io
import tarfile

import pytest

from scripts.classroom import collect
from scripts.classroom.collect import CollectError, unpack


def archive_of(folder, entries):
    """Write an archive of names, each with its content or, as a word, its type."""
    path = folder / "work.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = getattr(tarfile, content), "/etc/passwd"
                tar.addfile(entry)
    return path


@pytest.fixture
def folder(tmp_path):
    """The folder of one Pi's work, in one that must stay as it is."""
    (tmp_path / "outside").write_text("outside")
    (tmp_path / "date").mkdir()
    return tmp_path / "date"


def files_of(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def test_files_are_unpacked_beside_the_archive(folder):
    """By their names, as their bytes."""
    path = archive_of(folder, [("pi-nn/a.ipynb", b"one"), ("pi-nn/sub/b", b"\0\xff")])
    assert unpack(path) == "2 files"
    assert (folder / "pi-nn/sub/b").read_bytes() == b"\0\xff"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../outside", b"x"),
        ("pi-nn/../../outside", b"x"),
        ("/tmp/pi-nn-outside", b"x"),
        ("work.tar.gz", b"x"),
        ("pi-nn", b"x"),  # where a folder is
        ("pi-nn/link", "SYMTYPE"),
        ("pi-nn/link", "LNKTYPE"),
        ("pi-nn/device", "CHRTYPE"),
        ("pi-nn/pipe", "FIFOTYPE"),
        ("x" * 300, b"x"),
    ],
)
def test_what_does_not_fit_stays_in_the_archive(folder, name, content):
    """Nothing is written elsewhere, nothing is replaced; the others are unpacked."""
    path = archive_of(folder, [("pi-nn/a", b"one"), (name, content), ("pi-nn/b", b"two")])
    before = path.read_bytes()
    assert unpack(path).startswith("3 files (only in work.tar.gz: ")
    assert files_of(folder) == ["pi-nn/a", "pi-nn/b", "work.tar.gz"]
    assert files_of(folder.parent)[-1] == "outside"
    assert path.read_bytes() == before


def test_a_name_that_commands_a_terminal_is_not_printed(folder):
    """Where it is named."""
    said = unpack(archive_of(folder, [("\033[2J\n/" + "x" * 300, b"x")]))
    assert said.isprintable()


@pytest.mark.parametrize("cut", [1, 8, 30, 0.5])
def test_half_an_archive_is_refused(folder, cut):
    """Wherever it ends, its checksum included."""
    path = archive_of(folder, [("pi-nn/a", bytes(range(256)) * 1000)])
    whole = path.read_bytes()
    path.write_bytes(whole[: -cut if cut >= 1 else int(len(whole) * cut)])
    with pytest.raises(CollectError, match="expected a complete archive"):
        unpack(path)


def test_text_instead_of_an_archive_is_refused(folder):
    """As a broken program would send."""
    (folder / "work.tar.gz").write_text("Traceback")
    with pytest.raises(CollectError, match="expected a complete archive"):
        unpack(folder / "work.tar.gz")


def test_an_archive_larger_than_a_disk_is_refused(folder, monkeypatch):
    """A few kilobytes may unpack to terabytes: it is refused before a file is written."""
    monkeypatch.setattr(collect, "MOST_BYTES", 10**6)
    path = folder / "work.tar.gz"
    path.write_bytes(gzip.compress(bytes(2 * 10**6)))
    with pytest.raises(CollectError, match="expected up to"):
        unpack(path)
    assert files_of(folder) == ["work.tar.gz"]
