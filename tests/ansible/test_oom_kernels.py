"""How a Pi's server keeps notebooks within its memory, with real kernels."""

import asyncio
import importlib
from types import SimpleNamespace

import pytest
from jupyter_client.session import Session

from tests.conftest import PROJECT


@pytest.fixture
def oom_kernels(monkeypatch):
    """The module that lies beside the server's settings on a Pi."""
    monkeypatch.syspath_prepend(PROJECT / "ansible/roles/jupyter/files")
    return importlib.import_module("oom_kernels")


def running_after_three(oom_kernels, memory_mb: int, busy: bool = False) -> list[bool]:
    """Start three kernels; return which of them run."""

    async def run():
        manager = oom_kernels.RoomyKernelManager(memory_mb=memory_mb)
        kernels = []
        for _ in range(3):
            kernels.append(await manager.start_kernel(kernel_name="python3"))
            manager.get_kernel(kernels[-1]).execution_state = "busy" if busy else "idle"
        running = [each in manager for each in kernels]
        await manager.shutdown_all()
        return running

    return asyncio.run(run())


def test_the_longest_idle_kernels_make_room(oom_kernels, monkeypatch):
    """As many as must: two do not fit into what one and the server need."""
    monkeypatch.setattr(oom_kernels, "HEAVIEST_NOTEBOOK_MB", 1000)
    assert running_after_three(oom_kernels, memory_mb=1900) == [False, False, True]
    assert running_after_three(oom_kernels, memory_mb=2900) == [False, True, True]


def test_with_enough_memory_all_kernels_run(oom_kernels):
    """Nobody loses a kernel without need."""
    assert running_after_three(oom_kernels, memory_mb=100_000) == [True, True, True]


def test_a_kernel_at_work_is_never_shut_down(oom_kernels):
    """A training goes on, whatever else is opened."""
    assert running_after_three(oom_kernels, memory_mb=1, busy=True) == [True, True, True]


class Page:
    """What a page is sent by its connection to a kernel that ends with a status."""

    def __init__(self, module, status: int, monkeypatch):
        self.told = told = []
        process = SimpleNamespace(poll=lambda: status)
        kernel = SimpleNamespace(provisioner=SimpleNamespace(process=process))
        plain = module.ZMQChannelsWebsocketConnection
        monkeypatch.setattr(plain, "handle_outgoing_message", lambda *_: None)
        monkeypatch.setattr(plain, "on_kernel_restarted", lambda _: None)

        class Connection(module.TellingConnection):
            kernel_manager = kernel
            session = Session()

            def write_stderr(self, text, parent):
                told.append((text, parent["msg_id"]))

        self.connection = Connection.__new__(Connection)

    def status(self, state: str, cell: str) -> None:
        """The kernel begins or ends to work on a cell."""
        parent = {"header": {"msg_id": cell, "msg_type": "execute_request"}}
        session = self.connection.session
        message = session.msg("status", {"execution_state": state}, parent=parent)
        self.connection.handle_outgoing_message("iopub", session.serialize(message))


def test_a_killed_kernel_is_explained_below_the_cell_that_was_running(oom_kernels, monkeypatch):
    """Once."""
    page = Page(oom_kernels, -9, monkeypatch)
    page.status("busy", "first")
    page.status("idle", "first")
    page.status("busy", "second")
    page.connection.on_kernel_restarted()
    page.status("busy", "third")
    assert page.told == [(oom_kernels.MESSAGE, "second")]


def test_a_kernel_that_was_killed_at_rest_is_explained_below_the_next_cell(
    oom_kernels, monkeypatch
):
    """Whose variables are gone without a reason that the user can see."""
    page = Page(oom_kernels, -9, monkeypatch)
    page.status("busy", "first")
    page.status("idle", "first")
    page.connection.on_kernel_restarted()
    assert page.told == []
    page.status("busy", "second")
    page.status("busy", "third")
    assert page.told == [(oom_kernels.MESSAGE, "second")]


def test_a_kernel_that_ended_by_itself_is_not_explained(oom_kernels, monkeypatch):
    """As by exit()."""
    page = Page(oom_kernels, 0, monkeypatch)
    page.status("busy", "first")
    page.connection.on_kernel_restarted()
    assert page.told == []
