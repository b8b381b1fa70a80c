"""Files that are written whole or not at all."""

import fcntl
import os
import subprocess
import sys

import pytest

from nn.saving.atomic import AtomicFile, alone_with, atomic_write, remove_leftovers
from tests.conftest import PROJECT


def test_the_name_appears_with_the_whole_content(tmp_path):
    """Until the block ends there is no such file, or the old one."""
    path = tmp_path / "file"
    for content in (b"first", b"second"):
        before = path.read_bytes() if path.exists() else None
        with atomic_write(path) as file:
            file.write(content)
            file.flush()
            assert (path.read_bytes() if path.exists() else None) == before
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_keeps_the_old_file(tmp_path):
    """Whatever is raised, KeyboardInterrupt too."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:  # noqa: PT012
        file.write(b"new")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    """But not what a living one is writing."""
    path = tmp_path / "file"
    code = (
        "import os, sys; from nn.saving.atomic import AtomicFile\n"
        "AtomicFile(sys.argv[1]).write(b'half'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=PROJECT)
    assert len(list(tmp_path.iterdir())) == 1
    living = AtomicFile(path)
    assert len(list(tmp_path.iterdir())) == 1
    with atomic_write(path) as file:
        file.write(b"second")
    living.write(b"first")
    living.commit()
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_living_writer_does_not_keep_what_dead_ones_left(tmp_path):
    """Whichever of them a folder lists first."""
    path = tmp_path / "file"
    living = AtomicFile(path)
    for number in range(9):
        (tmp_path / f".file.{number}.part").write_bytes(b"half")
    with atomic_write(path) as file:
        file.write(b"whole")
    assert len(list(tmp_path.iterdir())) == 2
    living.discard()
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_has_the_usual_permissions(tmp_path):
    """Those that the umask leaves, as of any new file: not 0600 of a temporary one."""
    with atomic_write(tmp_path / "file") as file:
        file.write(b"x")
    (tmp_path / "usual").write_bytes(b"x")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_permissions_are_those_asked_for(tmp_path):
    """Of a new file, and of one that replaces another."""
    path = tmp_path / "file"
    for mode in (0o640, 0o755):
        with atomic_write(path, mode=mode) as file:
            file.write(b"x")
        assert path.stat().st_mode & 0o777 == mode


def test_the_replaced_file_is_kept_as_a_backup(tmp_path, monkeypatch):
    """Only once the new one is on the disk: a full disk leaves the old one under its name."""
    path, backup = tmp_path / "file", tmp_path / "old"
    with atomic_write(path, backup=backup) as file:
        file.write(b"first")
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.setattr(os, "fsync", lambda file: os.close(-1))
    with pytest.raises(OSError, match="Bad file"), atomic_write(path, backup=backup) as file:
        file.write(b"second")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    with atomic_write(path, backup=backup) as file:
        file.write(b"second")
    assert (path.read_bytes(), backup.read_bytes()) == (b"second", b"first")


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 124 + ".ipynb"])
def test_the_longest_names_can_be_written(tmp_path, name):
    """A temporary name is no longer than a name may be, and is found again."""
    path = tmp_path / name
    leftover = AtomicFile(path)
    leftover.file.close()  # as when its writer is killed
    with atomic_write(path) as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == [path]


def test_no_two_processes_are_alone_with_a_path(tmp_path):
    """Four take turns for a second, in which each makes and removes a file that must be new."""
    code = (
        "import os, sys, time; from pathlib import Path; from nn.saving.atomic import alone_with\n"
        "deadline, turns = time.monotonic() + 1, 0\n"
        "while time.monotonic() < deadline:\n"
        "    try:\n"
        "        with alone_with('model'):\n"
        "            os.close(os.open('witness', os.O_CREAT | os.O_EXCL))\n"
        "            turns += 1\n"
        "            os.unlink('witness')\n"
        "    except BlockingIOError:\n"
        "        pass\n"
        "print(turns)"
    )
    command = [sys.executable, "-c", code]
    settings = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(PROJECT)}, "text": True}
    four = [subprocess.Popen(command, stdout=subprocess.PIPE, **settings) for _ in range(4)]
    assert min(int(each.communicate()[0]) for each in four) > 0
    assert [each.returncode for each in four] == [0] * 4
    assert list(tmp_path.iterdir()) == []


def test_a_remover_of_leftovers_leaves_the_next_ones_mark(tmp_path, monkeypatch):
    """Between its finding a mark and its locking it, one process ends and another begins."""
    path = tmp_path / "model"
    first, second, lock = alone_with(path), alone_with(path), fcntl.flock

    def change_hands(file, how):
        monkeypatch.undo()
        first.__exit__(None, None, None)
        second.__enter__()
        lock(file, how)

    first.__enter__()
    monkeypatch.setattr(fcntl, "flock", change_hands)
    remove_leftovers(path)
    with pytest.raises(BlockingIOError), alone_with(path):
        pass
    second.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_told_by_the_files_name(tmp_path):
    """Not by that of a mark which nobody knows."""
    path = tmp_path / "missing" / "model"
    with pytest.raises(FileNotFoundError) as error, alone_with(path):
        pass
    assert error.value.filename == str(path)
