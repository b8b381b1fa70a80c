"""How Jupyter on a Pi saves notebooks."""

import asyncio
import importlib
import os

import nbformat.v4 as v4
import pytest

from tests.conftest import PROJECT


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """The manager of files that the Pi's server has, with a folder of notebooks."""
    monkeypatch.syspath_prepend(PROJECT / "nn" / "saving")  # atomic.py lies beside it on a Pi
    monkeypatch.syspath_prepend(PROJECT / "ansible/roles/jupyter/files")
    return importlib.import_module("atomic_contents").AtomicContentsManager(root_dir=str(tmp_path))


def notebook(text: str) -> dict:
    return {"type": "notebook", "content": v4.new_notebook(cells=[v4.new_code_cell(text)])}


async def saved(manager, text: str) -> str:
    await manager.save(notebook(text), "mine.ipynb")
    model = await manager.get("mine.ipynb")
    return model["content"]["cells"][0]["source"]


def test_saves_and_reads_notebooks_and_files(manager, tmp_path):
    """With letters beyond ASCII, and nothing left beside them."""
    assert asyncio.run(saved(manager, "print('größer')")) == "print('größer')"
    file = {"type": "file", "format": "text", "content": "çà\n"}
    asyncio.run(manager.save(file, "notes.txt"))
    assert (tmp_path / "notes.txt").read_text() == "çà\n"
    there = sorted(path.name for path in tmp_path.iterdir())
    assert there == [".ipynb_checkpoints", "mine.ipynb", "notes.txt"]


def test_the_old_notebook_is_there_until_the_new_one_is(manager, tmp_path, monkeypatch):
    """What a plug pulled before the rename would leave: every byte of the old one."""
    asyncio.run(saved(manager, "old"))
    old = (tmp_path / "mine.ipynb").read_bytes()
    seen = []
    sync = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda file: (seen.append((tmp_path / "mine.ipynb").read_bytes()), sync(file)),
    )
    assert asyncio.run(saved(manager, "new")) == "new"
    assert seen[0] == old


def test_permissions_and_links_stay(manager, tmp_path):
    """A notebook that is the user's alone stays so; a link stays one."""
    asyncio.run(saved(manager, "old"))
    (tmp_path / "mine.ipynb").chmod(0o600)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine.ipynb").rename(tmp_path / "elsewhere/theirs.ipynb")
    (tmp_path / "mine.ipynb").symlink_to("elsewhere/theirs.ipynb")
    assert asyncio.run(saved(manager, "new")) == "new"
    assert (tmp_path / "mine.ipynb").is_symlink()
    assert (tmp_path / "elsewhere/theirs.ipynb").stat().st_mode & 0o777 == 0o600
