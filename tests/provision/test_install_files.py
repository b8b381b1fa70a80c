"""The module that installs several files at once, run as Ansible runs it."""

import json
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

MODULE = PROJECT / "ansible/library/install_files.py"


@pytest.fixture
def install(tmp_path):
    """Run the module with a list of files; return its answer."""

    def run(*files: dict, check: bool = False) -> dict:
        options = {"_ansible_check_mode": check, "_ansible_remote_tmp": str(tmp_path / "tmp")}
        arguments = {"ANSIBLE_MODULE_ARGS": {"files": list(files), **options}}
        command = [sys.executable, MODULE, json.dumps(arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        return json.loads(done.stdout)

    return run


def test_files_and_folders_are_installed_once(install, tmp_path):
    """In their order, with their modes; a second time nothing changes."""
    wanted = (
        {"path": str(tmp_path / "etc/deep"), "mode": "0750"},
        {"path": str(tmp_path / "etc/deep/größe"), "content": "ä\n", "mode": "0640"},
    )
    assert install(*wanted)["installed"] == [each["path"] for each in wanted]
    assert (tmp_path / "etc/deep/größe").read_text() == "ä\n"
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("etc/deep", "etc/deep/größe")]
    assert modes == [0o750, 0o640]
    assert install(*wanted) == {**install(*wanted), "changed": False, "installed": []}


def test_what_differs_is_repaired(install, tmp_path):
    """Content or mode of one file; the others stay."""
    paths = [tmp_path / name for name in ("text", "mode", "same")]
    wanted = [{"path": str(path), "content": "new", "mode": "0644"} for path in paths]
    install(*wanted)
    paths[0].write_text("old")
    paths[1].chmod(0o600)
    answer = install(*wanted)
    assert answer["installed"] == [str(path) for path in paths[:2]]
    assert answer["diff"][0]["before"] == "old"
    assert [path.read_text() for path in paths] == ["new"] * 3
    assert paths[1].stat().st_mode & 0o777 == 0o644


def test_check_mode_changes_nothing(install, tmp_path):
    """And says what would change."""
    (tmp_path / "file").write_text("old")
    wanted = (
        {"path": str(tmp_path / "folder"), "mode": "0755"},
        {"path": str(tmp_path / "folder/file"), "content": "new", "mode": "0644"},
        {"path": str(tmp_path / "file"), "content": "new", "mode": "0644"},
    )
    assert install(*wanted, check=True)["installed"] == [each["path"] for each in wanted]
    assert (tmp_path / "file").read_text() == "old"
    assert not (tmp_path / "folder").exists()


def test_a_file_that_cannot_be_written_is_named(install, tmp_path):
    """As in a folder that is a file."""
    (tmp_path / "file").write_text("")
    answer = install({"path": str(tmp_path / "file/below"), "content": "", "mode": "0644"})
    assert answer["failed"]
    assert str(tmp_path / "file/below") in answer["msg"]
