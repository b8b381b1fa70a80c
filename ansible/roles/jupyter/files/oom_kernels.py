"""Keep notebooks within a Pi's memory, and tell their users when it was not enough.

- The OOM killer ends a kernel first, not the server that saves notebooks.
- Before a kernel starts, idle ones are shut down until there is room, the longest idle first.
- When a kernel was killed all the same, its notebook says why.
"""

import sys

import psutil
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import (
    AsyncMappingKernelManager,
    ServerKernelManager,
)
from traitlets import Integer

HIGHEST_OOM_SCORE = 1000  # a process may always raise its own
KILLED = -9  # how a process ends that the OOM killer chose
HEAVIEST_NOTEBOOK_MB = 150 if sys.maxsize > 2**32 else 100
MB = 2**20
MESSAGE = (
    "This notebook's kernel was killed, almost certainly because the Pi ran out of memory. Its "
    "variables are lost; the notebook itself is kept. Close other notebooks (File, Close and Shut "
    "Down Notebook), then run this one from the top."
)


class OomKernelManager(ServerKernelManager):
    """Jupyter's own kernel manager, except for how it starts a kernel."""

    def format_kernel_cmd(self, extra_arguments=None):
        """Return the kernel's command line, with the program that sets its OOM score before it."""
        command = super().format_kernel_cmd(extra_arguments)
        return ["choom", "-n", str(HIGHEST_OOM_SCORE), "--", *command]


class RoomyKernelManager(AsyncMappingKernelManager):
    """Jupyter's own manager of all kernels, except that it makes room before it starts one.

    A kernel at work is never shut down. One that has just started counts as much as the heaviest
    notebook needs: it is going to.
    """

    memory_mb = Integer(320, config=True, help="Memory of the server and all kernels.")

    async def _async_start_kernel(self, *, kernel_id=None, path=None, **options):
        """Start a kernel, as Jupyter does, once there is room for it."""
        if kernel_id is None or kernel_id not in self:
            await self._make_room()
        return await super()._async_start_kernel(kernel_id=kernel_id, path=path, **options)

    start_kernel = _async_start_kernel

    async def _make_room(self):
        idle = [each for each in self.list_kernel_ids() if self._state(each) == "idle"]
        idle.sort(key=lambda each: self.get_kernel(each).last_activity, reverse=True)
        while idle and self._expected_mb() + HEAVIEST_NOTEBOOK_MB > self.memory_mb:
            oldest = idle.pop()
            self.log.warning("Shutting down kernel %s to make room for another", oldest)
            await self.shutdown_kernel(oldest)

    def _state(self, kernel_id):
        return getattr(self.get_kernel(kernel_id), "execution_state", None)

    def _expected_mb(self):
        """Return the memory that the server uses and the kernels are going to use."""
        kernels = (memory_mb(process_of(self.get_kernel(each))) for each in self.list_kernel_ids())
        return memory_mb(None) + sum(max(each, HEAVIEST_NOTEBOOK_MB) for each in kernels)


class TellingConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection of a page to a kernel, except that it tells why a kernel was killed.

    In the output of the cell that was running or, if none was, of the next one.
    """

    _running = None  # the header of the request that the kernel works on
    _to_tell = False

    def handle_outgoing_message(self, stream, outgoing_msg):
        """Pass a message on, and note when the kernel begins and ends to work on a request."""
        super().handle_outgoing_message(stream, outgoing_msg)
        _, (_, header, parent, _, content, *_) = self.session.feed_identities(outgoing_msg)
        if b'"status"' not in bytes(header):
            return
        parent = self.session.unpack(parent)
        if parent.get("msg_type") == "execute_request":
            is_busy = self.session.unpack(content)["execution_state"] == "busy"
            self._running = parent if is_busy else None
            if is_busy and self._to_tell:
                self._tell()

    def on_kernel_restarted(self):
        """Tell why the kernel was restarted before the page forgets the cell that was running."""
        process = getattr(self.kernel_manager.provisioner, "process", None)
        if process is not None and process.poll() == KILLED:
            self._to_tell = True
            if self._running is not None:
                self._tell()
        self._running = None
        super().on_kernel_restarted()

    def _tell(self):
        self.write_stderr(MESSAGE, self._running)
        self._to_tell = False


def process_of(kernel):
    """Return the process number of a kernel; None before it has one."""
    return getattr(kernel.provisioner, "pid", None) or 0


def memory_mb(pid):
    """Return the memory that a process uses, of this one without a number; 0 if it is gone."""
    try:
        return 0 if pid == 0 else psutil.Process(pid).memory_info().rss / MB
    except psutil.Error:
        return 0
