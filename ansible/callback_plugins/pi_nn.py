"""Show that long steps live, and say at the end what each Pi has and what comes next.

Playbooks choose what is said at the end with ansible.builtin.set_stats, per host:

- pi_nn_ready: address and password file, or what else this Pi has now, as a list of lines
- pi_nn_notes: what the user should know, as a list of lines
- pi_nn_next: the next command
"""

import os
import threading
import time
from pathlib import Path

from ansible.plugins.callback import CallbackBase

from ansible import constants, context

DOCUMENTATION = """
name: pi_nn
type: notification
short_description: Progress of long steps, and what each Pi has at the end
description: Prints how long a step has been running, and three lines after the recap.
"""

INVENTORY = Path(__file__).resolve().parents[1] / "inventory/hosts.yml"
FIRST, LONGEST = 15, 60  # seconds between two lines of progress: they double, up to a minute
UNREACHABLE = "did not answer: is it switched on, and on the network? UNREACHABLE above says more"
FAILED = "failed: the message above that begins with 'fatal: [{}]' says why"


class CallbackModule(CallbackBase):
    """The plugin; Ansible finds it by this name."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "pi_nn"

    def __init__(self):
        super().__init__()
        self._over = threading.Event()
        self._is_playbook = False  # but a single task, whose output a program may read

    def v2_playbook_on_start(self, playbook):
        """Note that a playbook runs."""
        self._is_playbook = True

    def v2_playbook_on_task_start(self, task, is_conditional):
        """Begin to watch a task."""
        self._stop()
        if not self._is_playbook:
            return
        self._over = threading.Event()
        watch = threading.Thread(target=self._report, args=(self._over, task.get_name()))
        watch.daemon = True
        watch.start()

    def v2_playbook_on_handler_task_start(self, task):
        """Watch a handler like a task."""
        self.v2_playbook_on_task_start(task, False)

    def _stop(self) -> None:
        self._over.set()

    def _report(self, over: threading.Event, name: str) -> None:
        """Print a line now and then until the task is over."""
        start, pause = time.monotonic(), FIRST
        while not over.wait(pause):
            seconds = round(time.monotonic() - start)
            passed = f"{seconds // 60} min {seconds % 60:02} s" if seconds >= 60 else f"{seconds} s"
            self._display.display(
                f"still running after {passed}: {name}", color=constants.COLOR_SKIP
            )
            pause = min(2 * pause, LONGEST)

    def v2_playbook_on_stats(self, stats):
        """Say what each Pi has, after the recap."""
        self._stop()
        lines = summary(stats, context.CLIARGS) if self._is_playbook else []
        if lines:
            self._display.display("\n".join(lines))


def summary(stats, arguments) -> list[str]:
    """Return the lines for the end: what each Pi has, what failed, and the next command."""
    said = {host: words for host, words in sorted(stats.custom.items()) if host != "_run"}
    many = len(stats.processed) > 1
    lines, following = [], None
    for host in sorted(stats.processed):
        if stats.dark.get(host):
            lines.append(f"{host} {UNREACHABLE}")
        elif stats.failures.get(host):
            lines.append(f"{host} {FAILED.format(host)}")
        elif ready := said.get(host, {}).get("pi_nn_ready"):
            lines += (
                [f"{host}: {'  '.join(ready)}"] if many else [f"{host}: {ready[0]}", *ready[1:]]
            )
            following = said[host].get("pi_nn_next")
    for host, words in said.items():
        lines += [f"{host}: {note}" for note in words.get("pi_nn_notes", [])]
    if following:
        lines.append(f"Next: {following}{flags(arguments)}")
    return lines


def flags(arguments) -> str:
    """Return what the next command needs of this one's flags."""
    words = ""
    for inventory in arguments.get("inventory") or ():
        if Path(inventory).resolve() != INVENTORY:
            words += f" INVENTORY={os.path.relpath(inventory)}"
    if arguments.get("subset"):
        words += f" LIMIT='{arguments['subset']}'"
    return words
