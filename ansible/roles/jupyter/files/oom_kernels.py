"""Let the OOM killer end a notebook's kernel first, not the server that saves notebooks."""

from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

HIGHEST_OOM_SCORE = 1000  # a process may always raise its own


class OomKernelManager(ServerKernelManager):
    """Jupyter's own kernel manager, except for how it starts a kernel."""

    def format_kernel_cmd(self, extra_arguments=None):
        """Return the kernel's command line, with the program that sets its OOM score before it."""
        command = super().format_kernel_cmd(extra_arguments)
        return ["choom", "-n", str(HIGHEST_OOM_SCORE), "--", *command]
