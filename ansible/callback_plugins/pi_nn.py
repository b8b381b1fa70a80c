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
        self._running: dict[str, tuple[float, str]] = {}  # by Pi: since when, which task
        self._pupils: dict[str, str] = {}
        self._needs: dict[str, str] = {}  # by the Pi's name
        self._fault_here = ""  # what failed on this computer, once for all Pis

    def v2_playbook_on_start(self, playbook):
        """Begin to watch what runs."""
        self._is_playbook = True
        threading.Thread(target=self._watch, daemon=True).start()

    def v2_playbook_on_play_start(self, play):
        """Keep the play, whose variable manager knows the Pis' addresses."""
        self._play = play

    def v2_runner_on_start(self, host, task):
        """Note what runs on a Pi."""
        self._running[host.name] = time.monotonic(), task.get_name()

    def v2_runner_on_skipped(self, result):
        """Note that nothing runs on a Pi."""
        self._running.pop(result._host.name, None)

    def _watch(self) -> None:
        """Print a line now and then while the same task runs."""
        watched, due = None, FIRST
        while not self._over.wait(min(FIRST, 1)):
            running = list(self._running.items())
            oldest = min(running, key=lambda item: item[1], default=None)
            if oldest != watched:
                watched, due = oldest, FIRST
            if oldest is None:
                continue
            host, (start, name) = oldest
            seconds = time.monotonic() - start
            if seconds < due:
                continue
            due += min(due, LONGEST)
            whole = round(seconds)
            passed = f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
            where = f", on {host}" if len(running) > 1 else ""
            self._display.display(
                f"still running after {passed}: {name}{where}", color=constants.COLOR_SKIP
            )

    def v2_runner_on_ok(self, result):
        """Note whose Pi it is, and that nothing runs on it."""
        self._running.pop(result._host.name, None)
        pupil = str(result._host.get_vars().get("pupil", ""))
        self._pupils[result._host.name] = "".join(sign for sign in pupil if sign.isprintable())

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Note what failed; a later rescue may make it good."""
        self.v2_runner_on_ok(result)
        task = result._task
        if ignore_errors:
            return
        self._needs[result._host.name] = failure(task.name, result._result, task.delegate_to)
        if task.run_once and task.delegate_to:
            self._fault_here = self._needs[result._host.name]

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
        self._over.set()
        if not self._is_playbook:
            return
        if self._fault_here and any(stats.failures.values()):
            lines = [f"Failed on this computer, before any Pi was changed: {self._fault_here}"]
        else:
            lines = summary(stats, context.CLIARGS, self._needs, self._pupils)
        if lines:
            self._display.display("\n".join(lines))


def advice(message: str, has_password: bool) -> tuple[str, str]:
    """Return what a Pi needs by SSH's message, and an explanation; `has_password` if one is set."""
    pattern, need, explanation = next(row for row in LOGIN if re.search(row[0], message))
    if "Permission denied" in pattern and has_password:
        return WRONG_PASSWORD
    return need, explanation


def failure(task: str, result: dict, delegated: str | None = None) -> str:
    """Return why a task failed, in one line; `delegated` if it did not run on the Pi."""
    if not delegated and re.search(FULL, str(result)):
        return CARD_IS_FULL
    items = (item for item in result.get("results") or () if isinstance(item, dict))
    result = next((item for item in items if item.get("failed")), result)
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
        ready = said.get(host, {}).get("pi_nn_ready")
        if stats.dark.get(host) or stats.failures.get(host):
            needy.append(host)
            state, words = "failed", needs.get(host, "see above")
            state = "not reached" if stats.dark.get(host) else state
        elif ready:
            state, words = "ready", "  ".join(ready)
            following = said[host].get("pi_nn_next")
        else:
            state, words = "done", ""
        rows.append((host, pupils.get(host, ""), state, words))
    lines = []
    some_are_ready = any(state == "ready" for _, _, state, _ in rows)
    if not needy and not some_are_ready:
        pass  # as after a backup
    elif len(rows) > 1:
        lines = table(rows)
    elif needy:
        lines = [f"{host}: {state}: {need}" for host, _, state, need in rows]
    else:
        ready = said[rows[0][0]]["pi_nn_ready"]
        lines = [f"{rows[0][0]}: {ready[0]}", *ready[1:]]
    for host, words in said.items():
        lines += [f"{host}: {note}" for note in words.get("pi_nn_notes", [])]
    if len(rows) > 1 and (needy or some_are_ready):
        well = "ready" if some_are_ready else "done"
        lines.append(f"{len(rows) - len(needy)} {well}, {len(needy)} in need")
    if needy and len(rows) > 1:
        lines.append(f"Then run the same command again, with LIMIT={','.join(needy)}")
    elif following:
        lines.append(f"Next: {following}{flags(arguments)}")
    return lines


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
