"""The work of a class gets here and back; what a Pi sends is kept in its folder, nowhere else."""

import gzip
import io
import os
import shutil
import stat
import subprocess
import tarfile
from contextlib import suppress

import pytest

from scripts.classroom import collect
from scripts.classroom.collect import CollectError, unpack
from scripts.pis import Pi


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


@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_a_file_of_holes_stays_in_the_archive(folder, form):
    """It claims a gigabyte, and could claim more than the disk has."""
    with (folder / "holes").open("wb") as file:
        file.truncate(10**9)
    words = ["tar", f"--format={form}", "-czSf", folder / "work.tar.gz", "-C", folder, "holes"]
    subprocess.run(words, check=True)
    (folder / "holes").unlink()
    assert unpack(folder / "work.tar.gz") == "1 file (only in work.tar.gz: holes)"
    assert files_of(folder) == ["work.tar.gz"]


@pytest.mark.parametrize("cut", [1, 8, 30, 0.5])
def test_half_an_archive_is_refused(folder, cut):
    """Wherever it ends, its checksum included."""
    path = archive_of(folder, [("pi-nn/a", bytes(range(256)) * 1000)])
    whole = path.read_bytes()
    path.write_bytes(whole[: -cut if cut >= 1 else int(len(whole) * cut)])
    with pytest.raises(CollectError, match="expected a complete archive"):
        unpack(path)


def test_text_instead_of_an_archive_is_refused(folder):
    """As a broken program would send, or a Pi that greets whoever logs in."""
    (folder / "work.tar.gz").write_text("Traceback")
    with pytest.raises(CollectError, match=r"expected an archive, got .* \(b'Tr'\). What a Pi pr"):
        unpack(folder / "work.tar.gz")


@pytest.mark.parametrize(
    "headers",
    [{"GNU.sparse.map": "1,x"}, {"size": "1e3"}, {"path": "a/" * 1900 + "f"}],
    ids=["sparse", "size", "path"],
)
def test_no_header_of_a_pupils_ends_the_rest(folder, headers):
    """What does not fit is in the archive, or the archive is refused."""
    entry = tarfile.TarInfo("pi-nn/a")
    entry.pax_headers = headers
    with tarfile.open(folder / "work.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(entry)
    with suppress(CollectError):
        assert len(unpack(folder / "work.tar.gz")) < 500


def test_an_archive_larger_than_a_disk_is_refused(folder, monkeypatch):
    """A few kilobytes may unpack to terabytes: it is refused before a file is written."""
    monkeypatch.setattr(collect, "MOST_BYTES", 10**6)
    path = folder / "work.tar.gz"
    path.write_bytes(gzip.compress(bytes(2 * 10**6)))
    with pytest.raises(CollectError, match="expected up to"):
        unpack(path)
    assert files_of(folder) == ["work.tar.gz"]


# --- all Pis


def contents(folder):
    return {name: (folder / name).read_bytes() for name in files_of(folder)}


@pytest.mark.slow
def test_collected_wiped_and_handed_back_is_equal(homes, tmp_path, capsys):
    """Of each its own; what is collected only its owner can read."""
    pis = homes("pi-1", "pi-2")
    for pi in pis:
        notebooks = homes.folder / pi.name / "pi-nn" / "notebooks"
        (notebooks / "mine.ipynb").write_text(f"of {pi.name}")
        (notebooks / "README.md").write_text("changed")
    before = {pi.name: contents(homes.folder / pi.name) for pi in pis}
    assert collect.collect(pis, tmp_path / "collected") == 0
    for path in (tmp_path / "collected").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    shutil.rmtree(homes.folder)
    homes.folder.mkdir()
    homes("pi-1", "pi-2")
    capsys.readouterr()
    assert collect.hand_back(pis, tmp_path / "collected", None) == 0
    assert capsys.readouterr().out.count("2 files restored, from ") == 2
    for pi in pis:
        (
            homes.folder / pi.name / "pi-nn/notebooks/README.before-restore-1.md"
        ).unlink()  # the kit's
    assert {pi.name: contents(homes.folder / pi.name) for pi in pis} == before


@pytest.mark.slow
def test_one_that_dies_leaves_nothing_and_holds_nobody_up(homes, tmp_path, capsys):
    """Off, without a kit, without work, or dead in the middle: each is named, with what to do."""
    pis = homes("pi-1", "dies", "idle")
    for name in ("pi-1", "dies"):
        (homes.folder / name / "pi-nn/mine").write_text("work" * 1000)
    (homes.folder / "dies/dies").touch()
    assert collect.collect([*pis, Pi("off", [], "off", "pi-nn")], tmp_path / "collected") == 1
    said = capsys.readouterr()
    assert "pi-1: 1 file, " in said.out
    assert "idle: no work yet" in said.out
    assert "off did not answer: is it switched on, and on this network?" in said.err
    assert "error: work is missing: dies,off. Run it again with LIMIT=dies,off" in said.err
    assert [path.name for path in (tmp_path / "collected").iterdir()] == ["pi-1"]
    assert files_of(homes.folder / "pi-1")[0].startswith("pi-nn/")  # nothing is left there


@pytest.mark.slow
def test_one_that_sends_without_end_is_stopped(homes, tmp_path, capsys, monkeypatch):
    """What it sent is not kept, and the others' work is."""
    pis = homes("pi-1", "floods")
    (homes.folder / "pi-1/pi-nn/mine").write_text("mine")
    (homes.folder / "floods/pi-nn/mine").write_bytes(os.urandom(300_000))
    monkeypatch.setattr(collect, "MOST_BYTES", 200_000)
    assert collect.collect(pis, tmp_path / "collected") == 1
    said = capsys.readouterr()
    assert "pi-1: 1 file, " in said.out
    assert "floods sent more than 0.2 MB" in said.err
    assert [path.name for path in (tmp_path / "collected").iterdir()] == ["pi-1"]


@pytest.mark.slow
def test_what_a_killed_run_left_is_removed(homes, tmp_path):
    """Not that of one that may be at work."""
    pis = homes("pi-1")
    (homes.folder / "pi-1/pi-nn/mine").write_text("mine")
    old, new = (tmp_path / "collected" / "pi-1" / f".part-{name}" for name in ("old", "new"))
    for part in (old, new):
        part.mkdir(parents=True)
        (part / "work.tar.gz").write_bytes(b"half")
    os.utime(old, (0, 0))
    assert collect.collect(pis, tmp_path / "collected") == 0
    assert not old.exists()
    assert new.exists()


@pytest.mark.slow
def test_a_file_that_cannot_be_packed_is_named(homes, tmp_path, capsys):
    """The others are collected; a link out of the home is not followed."""
    (pi,) = homes("pi-1")
    (homes.folder / "pi-1/pi-nn/link").symlink_to("/etc/passwd")
    (homes.folder / "pi-1/pi-nn/mine").write_text("mine")
    assert collect.collect([pi], tmp_path / "collected") == 1
    said = capsys.readouterr()
    assert "pi-1: 1 file, " in said.out
    assert "pi-1 lacks some files: " in said.err
    assert "pi-nn/link: a link out of" in said.err


@pytest.mark.slow
def test_what_was_collected_on_a_date_is_handed_back(homes, tmp_path, capsys):
    """The latest without one; where there is none, it is said."""
    (pi,) = homes("pi-1")
    mine = homes.folder / "pi-1/pi-nn/mine"
    for number, date in enumerate(("2026-11-25T080000Z", "2026-11-26T080000Z")):
        mine.write_text(f"work {number}")
        assert collect.collect([pi], tmp_path / "new") == 0
        (made,) = (tmp_path / "new/pi-1").iterdir()
        (tmp_path / "collected/pi-1").mkdir(parents=True, exist_ok=True)
        made.rename(tmp_path / "collected/pi-1" / date)
    for date, expected in (("2026-11-25T080000Z", "work 0"), (None, "work 1")):
        assert collect.hand_back([pi], tmp_path / "collected", date) == 0
        assert mine.read_text() == expected
    capsys.readouterr()
    assert collect.hand_back([pi], tmp_path / "collected", None) == 0
    assert "; there is more, such as DATE=2026-11-25T080000Z" in capsys.readouterr().out
    assert collect.hand_back([pi], tmp_path / "collected", "2026-11-27T080000Z") == 1
    assert "pi-1 has no work of 2026-11-27T080000Z in" in capsys.readouterr().err


def test_a_header_as_long_as_a_disk_is_refused(folder):
    """A name of megabytes would be read into memory at once."""
    path = folder / "work.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("a" * (2 << 20)))
    with pytest.raises(CollectError, match="expected short names, got one of 2 MB"):
        unpack(path)


def test_more_files_than_a_pupil_has_are_refused(folder, monkeypatch):
    """Each takes memory here; of those that do not fit, a few are named."""
    path = archive_of(folder, [(f"pi-nn/{number}", "SYMTYPE") for number in range(20)])
    assert unpack(path).endswith("pi-nn/4 and 15 more)")
    monkeypatch.setattr(collect, "MOST_FILES", 10)
    with pytest.raises(CollectError, match="expected up to 10 files, got more"):
        unpack(path)


def test_a_folder_named_like_the_digits_hurts_nobody(tmp_path):
    """A pupil may have made it."""
    digits = tmp_path / "pi-1/2026-01-01T000000Z/pi-nn/mnist_dataset/class_digits.csv"
    digits.mkdir(parents=True)
    assert collect.gather_class_digits(tmp_path) == 0


def test_the_class_s_digits_are_joined(tmp_path):
    """The latest of each Pi, whole lines alone: a pupil may have changed the file."""
    digits = [",".join([label, *["0"] * 783, "255"]) for label in "123"]
    for name, date, lines in (
        ("pi-1", "2026-11-25T101500Z", digits[:1]),
        ("pi-1", "2026-11-26T101500Z", digits[:2]),
        ("pi-2", "2026-11-26T101500Z", [digits[2], digits[2][:-9], f"{digits[2]}6", "label"]),
    ):
        place = tmp_path / name / date / "pi-nn" / "mnist_dataset"
        place.mkdir(parents=True)
        (place / "class_digits.csv").write_text("\n".join(lines))
    assert collect.gather_class_digits(tmp_path) == 3
    assert (tmp_path / "class_digits.csv").read_text().splitlines() == digits


def test_without_digits_there_is_no_file(tmp_path):
    """Most classes do not draw."""
    (tmp_path / "pi-1").mkdir()
    assert collect.gather_class_digits(tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["pi-1"]
