"""The program that brings the kit to a user's folder, removes it, and keeps the user's files."""

import errno
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from scripts.bench.packed_kit import unpack_kit
from tests.conftest import PROJECT

PROGRAM = PROJECT / "ansible" / "roles" / "kit" / "files" / "kit_files.py"
NOTEBOOK = "notebooks/01_look.ipynb"
KIT = {
    NOTEBOOK: "one",
    "notebooks/README.md": "read me",
    "nn/network.py": "kit",
    "nn/data/csv.py": "kit's csv",
    "mnist_dataset/sample_train.csv.gz": "5,0",
    "Makefile": "help:",
}


spec = importlib.util.spec_from_file_location("kit_files", PROGRAM)
kit_files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kit_files)


def run(command: str, *paths: Path) -> int:
    """Run a command of the program."""
    return kit_files.main([command, *map(str, paths)])


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files, and the folders that they are in."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def files_of(folder: Path) -> dict[str, str]:
    """Read all files of a folder but for the kit's own records."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".shipped.json", ".kit.tar.gz", ".handed-out.json")
    }


def forbid(monkeypatch, *names: str, number: int = errno.EACCES) -> None:
    """Make files and folders of these names fail to be read, also for root."""

    def failing(function):
        def call(path=".", *rest, **options):
            if Path(path).name in names:
                raise OSError(number, os.strerror(number), str(path))
            return function(path, *rest, **options)

        return call

    monkeypatch.setattr(os, "scandir", failing(os.scandir))
    for method in ("open", "read_bytes"):
        monkeypatch.setattr(Path, method, failing(getattr(Path, method)))


@pytest.fixture
def kit(tmp_path):
    """The user's folder: `install(files)` brings a kit with these, `uninstall` takes it away."""
    folder, project = tmp_path / "home" / "pi-nn", tmp_path / "project"
    folder.mkdir(parents=True)

    def install(**changes) -> int:
        shutil.rmtree(project, ignore_errors=True)
        write(project, {**KIT, **changes.get("files", {})})
        for name in changes.get("without", ()):
            (project / name).unlink()
        archive = folder / ".kit.tar.gz"
        run("pack", project, archive)
        return run("install", archive, folder)

    return SimpleNamespace(
        folder=folder,
        project=project,
        install=install,
        uninstall=lambda: run("uninstall", folder),
        files=lambda: files_of(folder),
    )


# --- packing the kit


def packed_names(project: Path, tmp_path: Path) -> list[str]:
    archive = tmp_path / "packed" / "kit.tar.gz"
    run("pack", project, archive)
    with tarfile.open(archive) as tar:
        return tar.getnames()


def git(project: Path, *words: str) -> None:
    if not shutil.which("git"):
        pytest.skip("there is no git")
    environment = {key: word for key, word in os.environ.items() if not key.startswith("GIT_")}
    subprocess.run(["git", "-C", project, *words], env=environment, check=True)


def test_of_a_checkout_only_what_git_tracks_is_packed(tmp_path):
    """Notebooks of one's own in a clone are not the kit's; what was edited or removed counts."""
    project = tmp_path / "project"
    write(project, KIT)
    git(project, "init", "-q")
    git(project, "add", ".")
    write(project, {"notebooks/mine.ipynb": "mine", NOTEBOOK: "edited"})
    (project / "Makefile").unlink()
    assert packed_names(project, tmp_path) == sorted(KIT.keys() - {"Makefile"})
    with tarfile.open(tmp_path / "packed" / "kit.tar.gz") as tar:
        assert tar.extractfile(NOTEBOOK).read() == b"edited"


def test_a_checkout_that_git_cannot_read_is_not_packed(tmp_path):
    """Rather than packing all that lies there."""
    write(tmp_path / "project", {**KIT, ".git": "gitdir: /nowhere"})
    git(tmp_path, "--version")
    with pytest.raises(SystemExit, match="expected git to list what it tracks"):
        packed_names(tmp_path / "project", tmp_path)


def test_of_a_zip_all_files_are_packed_and_no_links(tmp_path):
    """A link may point to anything."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    write(elsewhere, {"secret.txt": "secret", "more/secret.txt": "secret"})
    write(project, {**KIT, "nn/__pycache__/network.pyc": "", "nn/x.csv.packed": ""})
    (project / "notebooks" / "link.txt").symlink_to(elsewhere / "secret.txt")
    (project / "notebooks" / "folder").symlink_to(elsewhere / "more")
    (project / "scripts").symlink_to(elsewhere)
    assert packed_names(project, tmp_path) == sorted(KIT)


def test_the_same_files_make_the_same_archive(tmp_path, capsys):
    """So that a second run changes nothing."""
    write(tmp_path / "project", KIT)
    packed_names(tmp_path / "project", tmp_path)
    (tmp_path / "project" / NOTEBOOK).touch()
    packed_names(tmp_path / "project", tmp_path)
    assert capsys.readouterr().out == "changed\nunchanged\n"


def test_what_is_no_project_is_not_packed(tmp_path):
    """And no archive is left."""
    with pytest.raises(SystemExit, match="expected the kit in"):
        packed_names(tmp_path / "nothing", tmp_path)
    assert not (tmp_path / "packed").exists()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """What a Pi gets of this project."""
    return unpack_kit(tmp_path_factory.mktemp("shipped"))


def test_what_tests_and_measures_the_kit_is_not_packed(shipped):
    """Of the scripts a Pi gets those that its Makefile names, and no others."""
    names = [path.relative_to(shipped).as_posix() for path in shipped.rglob("*") if path.is_file()]
    assert "nn/network.py" in names
    assert [name for name in names if name.startswith(("tests/", "scripts/bench/"))] == []
    for_a_pi = (shipped / "Makefile").read_text().partition("\nifneq ($(PROJECT),)\n")[0]
    named = set(re.findall(r"\bscripts[./][\w./]+", for_a_pi))
    assert {name for name in names if name.startswith("scripts/")} == named
    assert named


def test_the_packed_makefile_needs_nothing_else(shipped):
    """Its help lists what works there, each target knows what to do, and `clean` cleans."""
    environment = {name: word for name, word in os.environ.items() if not name.startswith("MAKE")}

    def make(*words: str) -> str:
        done = subprocess.run(
            ["make", *words], cwd=shipped, env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    targets = re.findall(r"^  make (\S+)", make("help"), re.M)
    assert {"setup", "train-pi", "compare-rules", "fetch", "notebooks"} <= {*targets}
    assert not {"provision", "image", "test", "help-maintainers"} & {*targets}
    for target in targets:
        make("--dry-run", target)
    write(shipped, {"nn/data/__pycache__/old.pyc": "old"})
    make("clean")
    assert not (shipped / "nn/data/__pycache__").exists()


# --- installing


def test_install_writes_the_kit_and_then_changes_nothing(kit, capsys):
    """Content and records."""
    assert kit.install() == 0
    assert kit.files() == KIT
    capsys.readouterr()
    assert kit.install() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "unchanged"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (".git/HEAD", "is a clone of the kit's repository: left as it is; git pull updates it"),
        ("ansible/playbooks/site.yml", "is the kit's whole project: left as it is"),
    ],
)
def test_the_project_itself_is_left_as_it_is(kit, capsys, own, message):
    """Set up from a clone or zip at the kit's own place, nothing there becomes the kit's."""
    write(kit.folder, {**KIT, own: "", "notebooks/mine.ipynb": "mine"})
    before = kit.files()
    assert kit.install(files={NOTEBOOK: "two"}) == 0
    out = capsys.readouterr().out
    assert message in out
    assert out.splitlines()[-1] == "unchanged"
    assert kit.uninstall() == 0
    assert kit.files() == before
    assert not (kit.folder / ".shipped.json").exists()


def test_a_clone_stays_even_with_a_list_of_what_was_shipped(kit):
    """As an earlier version of the kit left one in it."""
    kit.install()
    (kit.folder / ".git").mkdir()
    assert kit.uninstall() == 0
    assert kit.files() == KIT


def test_the_new_one_goes_beside_a_changed_notebook(kit, capsys):
    """And makes room for a newer one, until the student works in it as well."""
    kit.install()
    write(kit.folder, {NOTEBOOK: "mine"})
    kit.install(files={NOTEBOOK: "two"})
    said = f"{NOTEBOOK} is changed: the new version is notebooks/01_look.new.ipynb"
    assert said in capsys.readouterr().out.splitlines()
    kit.install(files={NOTEBOOK: "three"})
    new = "notebooks/01_look.new.ipynb"
    assert kit.files() == {**KIT, NOTEBOOK: "mine", new: "three"}
    write(kit.folder, {new: "mine, too"})
    kit.install(files={NOTEBOOK: "four"})
    kit.install(files={NOTEBOOK: "five"})
    newer = "notebooks/01_look.new-2.ipynb"
    assert kit.files() == {**KIT, NOTEBOOK: "mine", new: "mine, too", newer: "five"}


def test_a_new_one_that_was_removed_does_not_come_back(kit, capsys):
    """It was told once."""
    kit.install()
    write(kit.folder, {NOTEBOOK: "mine"})
    kit.install(files={NOTEBOOK: "two"})
    (kit.folder / "notebooks/01_look.new.ipynb").unlink()
    capsys.readouterr()
    kit.install(files={NOTEBOOK: "two"})
    assert kit.files() == {**KIT, NOTEBOOK: "mine"}
    assert capsys.readouterr().out.splitlines()[-1] == "unchanged"


def test_uninstall_removes_new_ones_that_nobody_touched(kit):
    """Also when later runs had nothing new."""
    kit.install()
    write(kit.folder, {NOTEBOOK: "mine"})
    kit.install(files={NOTEBOOK: "two"})
    kit.install(files={NOTEBOOK: "two", "Makefile": "other:"})
    assert kit.uninstall() == 0
    assert kit.files() == {NOTEBOOK: "mine"}


def test_a_changed_program_makes_room_and_keeps_its_suffix(kit):
    """Under a name that nothing has, not even a link that leads nowhere."""
    kit.install()
    write(kit.folder, {"nn/network.py": "mine"})
    (kit.folder / "nn/network.mine-1.py").symlink_to("nowhere")
    kit.install(files={"nn/network.py": "newer"})
    assert (kit.folder / "nn/network.py").read_text() == "newer"
    assert (kit.folder / "nn/network.mine-2.py").read_text() == "mine"
    assert (kit.folder / "nn/network.mine-1.py").is_symlink()


def test_a_file_that_the_kit_has_no_more_goes_unless_changed(kit):
    """What was shipped and is the student's now stays."""
    kit.install()
    write(kit.folder, {NOTEBOOK: "mine"})
    kit.install(without=[NOTEBOOK, "Makefile"])
    assert kit.files() == {
        name: text for name, text in {**KIT, NOTEBOOK: "mine"}.items() if name != "Makefile"
    }


def test_folders_that_an_update_empties_go(kit):
    """With the caches in them; one that holds something of the user's stays."""
    kit.install(files={"nn/old/deep/a.py": "a", "nn/gone/b.py": "b"})
    write(kit.folder, {"nn/old/deep/__pycache__/a.cpython-311.pyc": "", "nn/gone/mine.txt": "mine"})
    kit.install()
    assert kit.files() == {**KIT, "nn/gone/mine.txt": "mine"}
    assert not (kit.folder / "nn/old").exists()


def test_a_folder_in_place_of_a_file_is_left_and_named(kit, capsys):
    """The rest is installed, and no half-written file is left."""
    write(kit.folder, {"nn/network.py/mine.txt": "mine", f"{NOTEBOOK}/mine.txt": "mine"})
    assert kit.install() == 0
    told = capsys.readouterr().out
    assert "nn/network.py is a folder: left as it is" in told
    assert f"{NOTEBOOK} is a folder: left as it is" in told
    own = {"nn/network.py/mine.txt": "mine", f"{NOTEBOOK}/mine.txt": "mine"}
    rest = {name: text for name, text in KIT.items() if name not in ("nn/network.py", NOTEBOOK)}
    assert kit.files() == rest | own


def test_a_file_in_place_of_a_folder_is_named_and_the_rest_installed(kit, capsys):
    """The exit code tells; nothing is written over it."""
    write(kit.folder, {"nn": "mine"})
    assert kit.install() == 1
    assert "could not be installed: nn/network.py: " in capsys.readouterr().err
    assert kit.files()["nn"] == "mine"
    assert kit.files()[NOTEBOOK] == "one"
    (kit.folder / "nn").unlink()
    assert kit.install() == 0
    assert kit.files() == KIT


def test_a_file_that_cannot_be_read_is_not_replaced(kit, capsys, monkeypatch):
    """And what was recorded of it holds."""
    kit.install()
    with monkeypatch.context() as patch:
        forbid(patch, "network.py")
        assert run("install", kit.folder / ".kit.tar.gz", kit.folder) == 1
    assert "nn/network.py: " in capsys.readouterr().err
    assert kit.install(files={"nn/network.py": "newer"}) == 0
    assert kit.files() == {**KIT, "nn/network.py": "newer"}


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_broken_archive_changes_nothing(kit, content):
    """A half of one, neither: what it lacks is not removed."""
    kit.install()
    archive = kit.folder / ".kit.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-40] if content is None else content)
    with pytest.raises(SystemExit, match="Nothing was changed"):
        run("install", archive, kit.folder)
    assert kit.files() == KIT


@pytest.mark.parametrize("manifest", ['{"nn/network.py": "12', "[1]", "\x00"])
def test_a_broken_list_counts_all_as_the_students(kit, manifest):
    """It is written again; no notebook is replaced."""
    kit.install()
    write(kit.folder, {".shipped.json": manifest, NOTEBOOK: "mine"})
    assert kit.install(files={"notebooks/README.md": "newer"}) == 0
    beside = {"notebooks/01_look.new.ipynb": "one", "notebooks/README.new.md": "newer"}
    assert kit.files() == {**KIT, NOTEBOOK: "mine", **beside}
    assert json.loads((kit.folder / ".shipped.json").read_text())


# --- uninstalling


def test_uninstall_leaves_what_is_the_students(kit):
    """Own and changed files, own empty folders, own caches and packed files."""
    kit.install()
    own = {
        NOTEBOOK: "mine",
        "models/a.npz": "model",
        "mine/__pycache__/mine.cpython-311.pyc": "mine",
        "mine/digits.csv.packed": "mine",
    }
    caches = {
        "nn/__pycache__/network.cpython-311.pyc": "",
        "nn/__pycache__/gone.cpython-311.pyc": "",
        "mnist_dataset/sample_train.csv.gz.packed": "",
    }
    write(kit.folder, own | caches)
    for name in ("mine/empty", "models/later", "notebooks/.empty"):
        (kit.folder / name).mkdir()
    assert kit.uninstall() == 0
    assert kit.files() == own
    assert not (kit.folder / "nn" / "data").exists()
    assert not (kit.folder / "mnist_dataset").exists()
    for name in ("mine/empty", "models/later", "notebooks/.empty"):
        assert (kit.folder / name).is_dir()


def test_uninstall_leaves_nothing_where_nothing_is_the_students(kit, capsys):
    """Not the folder either; a second time there is nothing to do."""
    kit.install()
    assert kit.uninstall() == 0
    assert not kit.folder.exists()
    capsys.readouterr()
    assert kit.uninstall() == 0
    assert capsys.readouterr().out == "unchanged\n"


def test_uninstall_passes_links_by(kit, tmp_path):
    """A link to an empty folder, and to a file as shipped: both stay, and what they point to."""
    kit.install()
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "empty").mkdir(parents=True)
    shutil.move(kit.folder / NOTEBOOK, elsewhere / "moved.ipynb")
    (kit.folder / NOTEBOOK).symlink_to(elsewhere / "moved.ipynb")
    (kit.folder / "nn" / "link").symlink_to(elsewhere / "empty")
    assert kit.uninstall() == 0
    assert (kit.folder / NOTEBOOK).is_symlink()
    assert (kit.folder / "nn" / "link").is_symlink()
    assert (elsewhere / "moved.ipynb").read_text() == "one"
    assert (elsewhere / "empty").is_dir()


@pytest.mark.parametrize("manifest", ['{"nn/network.py": "12', "[]", '{"../x": "1"}', "\x00"])
def test_uninstall_by_a_broken_list_removes_nothing(kit, manifest):
    """It says so and what to do."""
    kit.install()
    write(kit.folder, {".shipped.json": manifest})
    with pytest.raises(SystemExit, match="nothing was removed"):
        kit.uninstall()
    assert kit.files() == KIT
    assert (kit.folder / ".shipped.json").read_text() == manifest


def test_uninstall_keeps_the_list_until_all_is_removed(kit, capsys, monkeypatch):
    """What could not be is named, and tried again the next time."""
    kit.install()
    with monkeypatch.context() as patch:
        forbid(patch, "network.py")
        assert kit.uninstall() == 1
    assert "network.py" in capsys.readouterr().err
    assert kit.files() == {"nn/network.py": "kit"}
    assert kit.uninstall() == 0
    assert not kit.folder.exists()


# --- a user's own files


@pytest.fixture
def backup(kit, tmp_path):
    """`pack()` the user's files, `names()` of what is packed, `restore()` them in any home."""
    home, archive = kit.folder.parent, tmp_path / "backup.tar.gz"

    def names() -> list[str]:
        with tarfile.open(archive) as tar:
            return sorted(entry.name for entry in tar if entry.isreg())

    return SimpleNamespace(
        home=home,
        archive=archive,
        names=names,
        pack=lambda: run("backup", home, kit.folder, archive),
        restore=lambda to=home: run("restore", to, to / kit.folder.name, archive),
    )


def test_all_that_is_the_users_is_packed(kit, backup, tmp_path):
    """Wherever it lies in the kit's folder; what can be had again is not."""
    kit.install()
    own = {
        "pi-nn/mine.py": "mine",
        "pi-nn/picture.png": "mine",
        "pi-nn/nn/network.py": "changed",
        "pi-nn/Makefile.mine-1": "mine",
        "pi-nn/mnist_dataset/own.csv": "mine",
        "pi-nn/notebooks/migrated/mine.ipynb": "mine",
        "pi-nn/notebooks/.git/HEAD": "a repository of one's own",
        "pi-nn/models/a.npz": "model",
        ".jupyter/lab/settings.json": "{}",
    }
    again = {
        "pi-nn/mnist_dataset/train-images-idx3-ubyte.gz": "MNIST",
        "pi-nn/mnist_dataset/own.csv.packed": "",
        "pi-nn/models/.a.npz.x1y2.part": "",
        "pi-nn/nn/__pycache__/network.pyc": "",
        "pi-nn/notebooks/.ipynb_checkpoints/mine.ipynb": "",
        "pi-nn/env/pyvenv.cfg": "",
        "pi-nn/env/lib/x.py": "",
        ".jupyter/migrated": "",
    }
    write(backup.home, own | again)
    assert backup.pack() == 0
    assert backup.names() == sorted(own)
    assert backup.archive.stat().st_mode & 0o777 == 0o600
    assert backup.restore(tmp_path / "other") == 0
    assert files_of(tmp_path / "other") == own


def test_of_a_clone_all_but_its_repository_is_packed(kit, backup, capsys):
    """Also by a list of what was shipped that an earlier version left in it."""
    kit.install()
    write(kit.folder, {".git/HEAD": "", "ansible/backups/pi-1/old.tar.gz": "", ".cache/x": ""})
    assert backup.pack() == 0
    assert backup.names() == sorted(f"pi-nn/{name}" for name in KIT)
    assert ".git is not backed up" in capsys.readouterr().out


def test_both_names_of_a_file_are_packed(kit, backup, tmp_path):
    """A hard link is a file like any other."""
    write(kit.folder, {"notebooks/a.ipynb": "mine"})
    os.link(kit.folder / "notebooks/a.ipynb", kit.folder / "notebooks/b.ipynb")
    assert backup.pack() == 0
    assert backup.restore(tmp_path / "other") == 0
    restored = files_of(tmp_path / "other")
    assert restored == {"pi-nn/notebooks/a.ipynb": "mine", "pi-nn/notebooks/b.ipynb": "mine"}


def test_hard_links_of_an_older_backup_are_put_back(backup, tmp_path):
    """They name another entry; one that names nothing is told."""
    with tarfile.open(backup.archive, "w:gz") as tar:
        (tmp_path / "a").write_text("mine")
        tar.add(tmp_path / "a", "pi-nn/a")
        for name, target in (("pi-nn/b", "pi-nn/a"), ("pi-nn/c", "pi-nn/nothing")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.LNKTYPE, target
            tar.addfile(entry)
    assert backup.restore() == 1
    assert files_of(backup.home) == {"pi-nn/a": "mine", "pi-nn/b": "mine"}


def test_a_link_is_packed_as_its_file_or_named(kit, backup, tmp_path, capsys):
    """A file in the home is packed; a folder, nothing, or what is elsewhere is named."""
    write(backup.home, {"Documents/notes.txt": "notes"})
    write(tmp_path, {"elsewhere.txt": "not the user's"})
    for name, target in {
        "inside": "../Documents/notes.txt",
        "outside": tmp_path / "elsewhere.txt",
        "folder": "../Documents",
        "nowhere": "nothing",
        "itself": "itself",
    }.items():
        (kit.folder / name).symlink_to(target)
    assert backup.pack() == 3
    assert backup.names() == ["pi-nn/inside"]
    told = capsys.readouterr().err
    for name in ("outside", "folder", "nowhere", "itself"):
        assert f"skipped: {kit.folder / name}: " in told


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_what_cannot_be_read_is_named_and_the_rest_packed(
    kit, backup, tmp_path, capsys, monkeypatch, number
):
    """Files and folders: without permission, or on a card that breaks."""
    write(kit.folder, {"a.txt": "a", "locked.txt": "b", "shut/x.txt": "c", "z.txt": "d"})
    forbid(monkeypatch, "locked.txt", "shut", number=number)
    assert backup.pack() == 3
    told = capsys.readouterr().err
    assert f"skipped: {kit.folder / 'locked.txt'}: {os.strerror(number)}" in told
    assert f"skipped: {kit.folder / 'shut'}: {os.strerror(number)}" in told
    monkeypatch.undo()
    assert backup.restore(tmp_path / "other") == 0
    assert files_of(tmp_path / "other") == {"pi-nn/a.txt": "a", "pi-nn/z.txt": "d"}


def test_nothing_to_back_up_makes_no_archive(kit, backup, capsys):
    """Nor leaves an old one to be taken for the new."""
    kit.install()
    backup.archive.write_text("old")
    assert backup.pack() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to back up"
    assert not backup.archive.exists()


def test_packing_needs_room(kit, backup, monkeypatch):
    """It is asked for before the card is full."""
    write(kit.folder, {"large.csv": "5," * 1000})
    usage = SimpleNamespace(total=9999, used=8999, free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(SystemExit, match=r"expected 0\.0 MB free in"):
        backup.pack()
    assert not list(backup.archive.parent.glob("backup*"))


def test_a_full_card_leaves_no_half_of_an_archive(kit, backup, monkeypatch):
    """Whatever was free a moment ago."""
    write(kit.folder, {"mine.txt": "mine"})
    forbid(monkeypatch, "mine.txt", number=errno.ENOSPC)
    with pytest.raises(SystemExit, match=r"backup failed: .*No space left"):
        backup.pack()
    assert not list(backup.archive.parent.glob("backup*"))


def test_a_kit_outside_of_the_home_is_refused(backup, tmp_path):
    """The archive's names are those in the home."""
    with pytest.raises(SystemExit, match="expected the kit's folder in"):
        run("backup", backup.home, tmp_path / "kit", backup.archive)


def test_what_is_there_is_kept_when_a_backup_is_put_back(kit, backup, capsys):
    """Beside it; the same content is left alone."""
    write(kit.folder, {"mine.ipynb": "old", "same.ipynb": "same"})
    assert backup.pack() == 0
    write(kit.folder, {"mine.ipynb": "new"})
    (kit.folder / "mine.before-restore-1.ipynb").symlink_to("nowhere")
    assert backup.restore() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "pi-nn/mine.ipynb"
    assert (kit.folder / "mine.ipynb").read_text() == "old"
    assert (kit.folder / "mine.before-restore-2.ipynb").read_text() == "new"
    assert backup.restore() == 0
    assert capsys.readouterr().out == "unchanged\n"


def test_another_pupil_s_archive_changes_no_login(kit, backup, capsys):
    """What is packed is put back, nothing else in the home: keys, programs, what a shell reads."""
    others = (".ssh/authorized_keys", ".bashrc", "bin/ls", ".local/bin/python3")
    write(kit.folder, {"mine.txt": "mine"})
    with tarfile.open(backup.archive, "w:gz") as tar:
        for name in (*others, "pi-nn/mine.ipynb", ".jupyter/custom.json"):
            entry = tarfile.TarInfo(name)
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"new"))
    assert backup.restore() == 1
    said = capsys.readouterr()
    assert said.out.split() == ["pi-nn/mine.ipynb", ".jupyter/custom.json"]
    assert said.err.count("neither in pi-nn nor in .jupyter") == len(others)
    assert not any((backup.home / name).exists() for name in others)


def test_one_failure_does_not_stop_the_rest(kit, backup, capsys):
    """A file where a folder is expected, a folder where a file is: both are named and stay."""
    write(kit.folder, {"a/x.txt": "1", "b.txt": "2", "z.txt": "3"})
    assert backup.pack() == 0
    shutil.rmtree(kit.folder)
    write(kit.folder, {"a": "in the way", "b.txt/mine.txt": "in the way"})
    assert backup.restore() == 1
    told = capsys.readouterr().err
    assert "could not be put back: pi-nn/a/x.txt: " in told
    assert "could not be put back: pi-nn/b.txt: " in told
    assert kit.files() == {"a": "in the way", "b.txt/mine.txt": "in the way", "z.txt": "3"}


def test_the_longest_names_are_put_back(kit, backup):
    """With a temporary name that is short, and one to be kept by that is short enough."""
    name = "ä" * 124 + ".ipynb"
    write(kit.folder, {name: "old"})
    assert backup.pack() == 0
    write(kit.folder, {name: "new"})
    assert backup.restore() == 0
    assert (kit.folder / name).read_text() == "old"
    assert sorted(kit.files().values()) == ["new", "old"]


def test_the_old_file_stays_until_the_new_one_is_written(kit, backup, monkeypatch):
    """A card that is full then leaves it under its name."""
    write(kit.folder, {"mine.txt": "old"})
    assert backup.pack() == 0
    write(kit.folder, {"mine.txt": "new"})
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", Mock(side_effect=full))
        assert backup.restore() == 1
    assert kit.files() == {"mine.txt": "new"}


def test_the_list_of_what_was_shipped_is_not_put_back_over_another(kit, backup):
    """An older backup has one; it tells of another kit."""
    with tarfile.open(backup.archive, "w:gz") as tar:
        write(kit.folder, {".shipped.json": '{"nn/old.py": "1"}'})
        tar.add(kit.folder / ".shipped.json", "pi-nn/.shipped.json")
    kit.install()
    before = (kit.folder / ".shipped.json").read_text()
    assert backup.restore() == 0
    assert (kit.folder / ".shipped.json").read_text() == before
    assert kit.files() == KIT


@pytest.mark.parametrize("half", [True, False])
def test_a_broken_backup_is_named(kit, backup, capsys, half):
    """What can be read of it is put back."""
    write(kit.folder, {f"{number}.txt": os.urandom(9000).hex() for number in range(3)})
    assert backup.pack() == 0
    content = backup.archive.read_bytes()
    backup.archive.write_bytes(content[: len(content) // 2] if half else b"no archive")
    shutil.rmtree(kit.folder)
    assert backup.restore() == 1
    assert "which is not a complete backup" in capsys.readouterr().err
    assert set(files_of(backup.home)) == ({"pi-nn/0.txt"} if half else set())


def test_names_out_of_the_home_are_refused(backup, tmp_path, capsys):
    """And named."""
    write(tmp_path, {"evil": "evil"})
    with tarfile.open(backup.archive, "w:gz") as tar:
        tar.add(tmp_path / "evil", "../escaped")
    assert backup.restore() == 1
    assert "outside of" in capsys.readouterr().err
    assert not (tmp_path / "escaped").exists()


# --- the program


@pytest.mark.parametrize("command", ["what", *kit_files.COMMANDS])
def test_wrong_arguments_are_told(command):
    """Expected, and got."""
    with pytest.raises(SystemExit, match=rf"expected .*, got \['{command}', 'what'"):
        kit_files.main([command] + ["what"] * 4)


def test_the_bundle_needs_nothing_but_python(kit, tmp_path, capsys):
    """No folder of the project, no installed package: as on a Pi before anything is there."""
    program, home = tmp_path / "bundle" / "kit_files.pyz", kit.folder.parent
    run("bundle", program)
    run("bundle", program)
    assert capsys.readouterr().out == "changed\nunchanged\n"

    def bundled(*words) -> str:
        command = [sys.executable, "-I", "-S", program, *words]
        return subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE).stdout

    write(tmp_path / "project", KIT)
    run("pack", tmp_path / "project", kit.folder / ".kit.tar.gz")
    bundled("install", kit.folder / ".kit.tar.gz", kit.folder)
    write(kit.folder, {NOTEBOOK: "mine"})
    assert bundled("backup", home, kit.folder, tmp_path / "backup.tar.gz") == b"packed 1 files\n"
    bundled("uninstall", kit.folder)
    shutil.rmtree(kit.folder)
    bundled("restore", home, home / "pi-nn", tmp_path / "backup.tar.gz")
    assert kit.files() == {NOTEBOOK: "mine"}
    assert bundled("restore", home, home / "pi-nn", tmp_path / "backup.tar.gz") == b"unchanged\n"


def test_what_a_killed_installation_left_goes_with_the_kit(kit):
    """Its half-written file does not keep a folder."""
    kit.install()
    write(kit.folder, {"nn/data/.csv.py.abc123.part": "ha"})
    assert kit.uninstall() == 0
    assert not kit.folder.exists()


# --- handing out


@pytest.fixture
def lesson(tmp_path):
    """Hand out a text as lesson.ipynb, and return what is then in the kit's folder."""
    folder = tmp_path / "home" / "pi-nn"
    folder.mkdir(parents=True)

    def hand_out(text: str, place: str = "notebooks/lesson.ipynb") -> dict[str, str]:
        (tmp_path / "lesson.ipynb").write_text(text)
        assert run("hand-out", tmp_path / "lesson.ipynb", folder, Path(place)) == 0
        return files_of(folder)

    hand_out.folder = folder
    return hand_out


def test_a_handed_out_file_is_replaced_by_a_newer_one(lesson, capsys):
    """As long as nobody changes it; the same one is not written again."""
    assert lesson("one") == {"notebooks/lesson.ipynb": "one"}
    assert lesson("two") == {"notebooks/lesson.ipynb": "two"}
    assert lesson("two") == {"notebooks/lesson.ipynb": "two"}
    assert capsys.readouterr().out.split("\n")[-2] == "unchanged notebooks/lesson.ipynb"


def test_nothing_is_handed_out_over_a_pupils_work(lesson):
    """Changed, of their own, in the newer one as well; a second run puts nothing beside it."""
    lesson("one")
    write(lesson.folder, {"notebooks/lesson.ipynb": "work"})
    assert lesson("one") == {"notebooks/lesson.ipynb": "work"}
    expected = {"notebooks/lesson.ipynb": "work", "notebooks/lesson.new.ipynb": "two"}
    assert lesson("two") == lesson("two") == expected
    expected["notebooks/lesson.new.ipynb"] = "three"
    assert lesson("three") == expected
    write(lesson.folder, {"notebooks/lesson.new.ipynb": "more work"})
    assert lesson("four") == {
        "notebooks/lesson.ipynb": "work",
        "notebooks/lesson.new.ipynb": "more work",
        "notebooks/lesson.new-2.ipynb": "four",
    }
    write(lesson.folder, {"notebooks/own.ipynb": "own"})
    assert lesson("five", "notebooks/own.ipynb")["notebooks/own.ipynb"] == "own"


@pytest.mark.parametrize("record", ["", "{", "[]", '{"../x": "y"}'])
def test_with_a_broken_record_a_handed_out_file_counts_as_a_pupils(lesson, record):
    """It is kept."""
    lesson("one")
    write(lesson.folder, {".handed-out.json": record})
    expected = {"notebooks/lesson.ipynb": "one", "notebooks/lesson.new.ipynb": "two"}
    assert lesson("two") == expected


def test_a_link_and_a_folder_of_that_name_are_kept(lesson):
    """And where the link leads, too."""
    write(lesson.folder, {"own.txt": "one", "notebooks/folder.ipynb/a": "a"})
    (lesson.folder / "notebooks/lesson.ipynb").symlink_to("../own.txt")
    lesson("one")
    after = lesson("two")
    assert (after["own.txt"], after["notebooks/lesson.ipynb"]) == ("one", "one")
    assert after["notebooks/lesson.new.ipynb"] == "two"
    assert lesson("three", "notebooks/folder.ipynb")["notebooks/folder.ipynb/a"] == "a"


def test_a_place_out_of_the_folder_is_refused(lesson):
    """As a name with dots would be."""
    with pytest.raises(SystemExit, match="expected a place in"):
        lesson("one", "../lesson.ipynb")


def test_a_restored_lesson_is_still_the_teachers(lesson, tmp_path):
    """The record is restored with it where there is none, and kept where there is one."""
    home, folder = tmp_path / "home", lesson.folder
    lesson("one")
    assert run("backup", home, folder, home / "archive") == 0
    shutil.rmtree(folder)
    assert run("restore", home, folder, home / "archive") == 0
    assert lesson("two") == {"notebooks/lesson.ipynb": "two"}
    record = (folder / ".handed-out.json").read_text()
    assert run("restore", home, folder, home / "archive") == 0
    assert (folder / ".handed-out.json").read_text() == record
