"""Show that long steps live, and at the end what each Pi has or needs, and what comes next.

Playbooks choose what is said of a Pi that is ready with ansible.builtin.set_stats, per host:

- pi_nn_ready: address and password file, or what else this Pi has now, as a list of lines
- pi_nn_notes: what the user should know, as a list of lines
- pi_nn_next: the next command
"""

import os
import re
import textwrap
import threading
import time
from pathlib import Path

from ansible.plugins.callback import CallbackBase

from ansible import constants, context

DOCUMENTATION = """
name: pi_nn
type: notification
short_description: Progress of long steps, and what each Pi has or needs at the end
description: >-
  Prints how long a step has been running, why a login failed, and after the recap a table, or
  three lines for one Pi.
"""

INVENTORY = Path(__file__).resolve().parents[1] / "inventory/hosts.yml"
FIRST, LONGEST = 15, 60  # seconds between two lines of progress: they double, up to a minute
LONGEST_NEED = 200  # characters of a message in the table
COLUMNS = ("Pi", "pupil", "", "")
# Why a login failed, by what SSH says: what the Pi needs, and an explanation.
LOGIN = (
    (
        r"HOST IDENTIFICATION HAS CHANGED|key verification failed",
        "has another SSH key than before. If its card was flashed again: ssh-keygen -R {address}",
        "",
    ),
    (
        r"Permission denied|incorrect password",
        "refused the login as {user}. Copy your key to it once: ssh-copy-id {user}@{address}",
        "Or type the password at each run, with ASK_PASS=1. If you gave the card another user, "
        "correct ansible_user.",
    ),
    (
        r"Could not resolve hostname",
        "was not found in the network as {address}. A first boot takes minutes",
        "If the name stays unknown, use the Pi's IP address, which your router shows, as "
        "ansible_host in the inventory.",
    ),
    (r"", "did not answer: is it switched on, and on the network?", ""),
)
WRONG_PASSWORD = (
    "refused the password for SSH of {user}: expected the one that you set for the card",
    "Type it again, or correct ansible_user. If only 'publickey' is in brackets above, the Pi "
    "accepts no passwords.",
)
FULL = r"No space left on device|n[o']t have enough free space"
CARD_IS_FULL = "its card is full: remove files, or use a larger card"


class CallbackModule(CallbackBase):
    """The plugin; Ansible finds it by this name."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "pi_nn"

    def __init__(self):
        super().__init__()
        self._over = threading.Event()
        self._is_playbook = False  # but a single task, whose output a program may read
        self._pupils: dict[str, str] = {}
        self._needs: dict[str, str] = {}  # by the Pi's name

    def v2_playbook_on_start(self, playbook):
        """Note that a playbook runs."""
        self._is_playbook = True

    def v2_playbook_on_play_start(self, play):
        """Keep the play, whose variable manager knows the Pis' addresses."""
        self._play = play

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

    def v2_runner_on_ok(self, result):
        """Note whose Pi it is."""
        pupil = str(result._host.get_vars().get("pupil", ""))
        self._pupils[result._host.name] = "".join(sign for sign in pupil if sign.isprintable())

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Note what failed; a later rescue may make it good."""
        self.v2_runner_on_ok(result)
        self._needs[result._host.name] = failure(result._task.name, result._result)

    def v2_runner_on_unreachable(self, result):
        """Say why the login failed, below SSH's own message."""
        self.v2_runner_on_ok(result)
        host = result._host
        variables = self._play.get_variable_manager().get_vars(play=self._play, host=host)
        address = str(variables.get("ansible_host", host.name))
        has_password = bool(context.CLIARGS.get("ask_pass") or variables.get("ansible_password"))
        need, explanation = (
            text.format(
                address=host.name if "{{" in address else address,
                user=variables.get("ansible_user", "USER"),
            )
            for text in advice(str(result._result.get("msg", "")), has_password)
        )
        self._needs[host.name] = need
        said = f"{need}. {explanation}" if explanation else need
        self._display.display(f"{host.name} {said}", color="bright yellow")

    def v2_playbook_on_stats(self, stats):
        """Say what each Pi has or needs, after the recap."""
        self._stop()
        arguments = context.CLIARGS
        lines = summary(stats, arguments, self._needs, self._pupils) if self._is_playbook else []
        if lines:
            self._display.display("\n".join(lines))


def advice(message: str, has_password: bool) -> tuple[str, str]:
    """Return what a Pi needs by SSH's message, and an explanation; `has_password` if one is set."""
    pattern, need, explanation = next(row for row in LOGIN if re.search(row[0], message))
    if "Permission denied" in pattern and has_password:
        return WRONG_PASSWORD
    return need, explanation


def failure(task: str, result: dict) -> str:
    """Return why a task failed, in one line."""
    if re.search(FULL, str(result)):
        return CARD_IS_FULL
    items = (item for item in result.get("results", ()) if item.get("failed"))
    result = next(items, result)
    errors = str(result.get("stderr") or result.get("module_stderr") or "").strip().splitlines()
    said = str(result.get("msg", ""))
    if errors and (said.startswith(("non-zero", "MODULE FAILURE")) or not said):
        said = errors[-1]
    return textwrap.shorten(f"{task}: {said}", LONGEST_NEED, placeholder=" ...")


def summary(stats, arguments, needs: dict[str, str], pupils: dict[str, str]) -> list[str]:
    """Return the lines for the end: what each Pi has or needs, notes, and the next command."""
    said = {host: words for host, words in sorted(stats.custom.items()) if host != "_run"}
    rows, needy, following = [], [], None
    for host in sorted(stats.processed):
        pupil = pupils.get(host, "")
        if stats.dark.get(host) or stats.failures.get(host):
            needy.append(host)
            state = "not reached" if stats.dark.get(host) else "failed"
            rows.append((host, pupil, state, needs.get(host, "see above")))
        elif ready := said.get(host, {}).get("pi_nn_ready"):
            rows.append((host, pupil, "ready", "  ".join(ready)))
            following = said[host].get("pi_nn_next")
    if len(stats.processed) > 1:
        lines = table(rows)
    elif needy:
        lines = [f"{host}: {state}: {need}" for host, _, state, need in rows]
    else:
        lines = [line for host, *_ in rows for line in in_lines(host, said[host]["pi_nn_ready"])]
    for host, words in said.items():
        lines += [f"{host}: {note}" for note in words.get("pi_nn_notes", [])]
    if rows and len(stats.processed) > 1:
        lines.append(f"{len(rows) - len(needy)} ready, {len(needy)} in need")
    if needy and len(stats.processed) > 1:
        lines.append(f"Then run the same command again, with LIMIT={','.join(needy)}")
    elif following:
        lines.append(f"Next: {following}{flags(arguments)}")
    return lines


def in_lines(host: str, ready: list[str]) -> list[str]:
    """Return what one Pi has, the first line with its name."""
    return [f"{host}: {ready[0]}", *ready[1:]]


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Return a line for each Pi below a head, without a column that is empty."""
    columns = [column for column in zip(COLUMNS, *rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]


def flags(arguments) -> str:
    """Return what the next command needs of this one's flags."""
    words = ""
    for inventory in arguments.get("inventory") or ():
        if Path(inventory).resolve() != INVENTORY:
            words += f" INVENTORY={os.path.relpath(inventory)}"
    if arguments.get("subset"):
        words += f" LIMIT='{arguments['subset']}'"
    return words
