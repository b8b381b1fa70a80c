"""Let a kernel be the first to go when memory runs out: not the server, which saves notebooks."""

from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

FIRST_TO_GO = 1000  # the most that Linux knows; a process may always raise its own


class ExpendableKernelManager(ServerKernelManager):
    """Jupyter's own manager of a kernel, but for how the kernel is started."""

    def format_kernel_cmd(self, extra_arguments=None):
        """Return the kernel's command line, with what raises its mark before it."""
        command = super().format_kernel_cmd(extra_arguments)
        return ["choom", "-n", str(FIRST_TO_GO), "--", *command]
