"""The Pis of an inventory, and how to reach each of them by SSH."""

import json
import locale
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
# Trust a Pi's key on first connection, as ansible/ansible.cfg does.
SSH_OPTIONS = ["-o", "StrictHostKeyChecking=accept-new", "-o", "ServerAliveInterval=30"]
LOGIN_FAILED = 255
# How to connect to a Pi; Ansible expands names that refer to others.
WAYS = {
    "connection": "{{ ansible_connection | default(None) }}",
    "host": "{{ ansible_host | default(inventory_hostname) }}",
    "user": "{{ ansible_user | default(None) }}",
    "port": "{{ ansible_port | default(None) }}",
    "key": "{{ ansible_ssh_private_key_file | default(None) }}",
    "options": "{{ ansible_ssh_common_args | default('') }}",
    "folder": "{{ kit_folder | default('pi-nn') }}",
    "password": "{{ ansible_password | default(ansible_ssh_pass) | default(None) }}",
    "pupil": "{{ pupil | default('') }}",
}


@dataclass(frozen=True)
class Pi:
    """One Pi: its name in the inventory, SSH options and address (None for this machine itself).

    The kit's folder is in the user's home on the Pi, unless its path is absolute. The name is safe
    as the name of a folder; the pupil's is not.
    """

    name: str
    options: list[str]
    address: str | None
    folder: str
    pupil: str = ""
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return its name, and whose it is."""
        pupil = "".join(sign for sign in self.pupil if sign.isprintable())
        return f"{self.name} ({pupil})" if pupil else self.name


def find_pis(inventory: str, limit: str, extra: Sequence[str]) -> list[Pi]:
    """Ask Ansible for the Pis of the group `pis`, and how to connect to them; exit if none match.

    Parameters
    ----------
    inventory : str
        The path of the inventory.
    limit : str
        Names or patterns, such as "all" or "pi-0*".
    extra : sequence of str
        More options for Ansible, such as "--ask-vault-pass".
    """
    # SSH needs no password of sudo, and one whose file is gone would stop all Pis.
    no_sudo = ["--extra-vars", "ansible_become_password="]
    command = [BIN / "ansible", "pis", "-i", inventory, "--limit", limit, *no_sudo, *extra]
    tell = ["--module-name", "ansible.builtin.debug", "--args", json.dumps({"msg": WAYS})]
    as_json = {
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",  # a Pi that a slip of LIMIT leaves out is missed
    }
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:  # Ansible would stop
        os.environ["LC_ALL"] = "C.UTF-8"
    result = subprocess.run(
        [*command, *tell], stdout=subprocess.PIPE, text=True, env=os.environ | as_json
    )
    plays = [] if result.returncode else json.loads(result.stdout)["plays"]
    tasks = [task for play in plays for task in play["tasks"]]
    if not tasks:
        if result.returncode:
            print(result.stdout, end="", file=sys.stderr)
        sys.exit(f"error: no Pi matches '{limit}' in {inventory}: see above")
    hosts = sorted(tasks[0]["hosts"].items())
    if refused := [name for name, _ in hosts if not is_plain(name)]:
        sys.exit(
            f"error: {inventory}: expected names of Pis such as pi-1, got {refused[0]!r}. Folders "
            "are named after them"
        )
    return [_pi(name, answer["msg"]) for name, answer in hosts]


def is_plain(name: str) -> bool:
    """Return whether a name can be that of a folder, on every system and in every folder."""
    return re.fullmatch(r"\w[\w.-]*", name) is not None


def _pi(name: str, ways: dict) -> Pi:
    if ways["connection"] == "local":
        return Pi(name, [], None, ways["folder"], str(ways["pupil"]))
    try:
        options = [*SSH_OPTIONS, *shlex.split(ways["options"])]
    except ValueError as error:
        sys.exit(
            f"error: {name}: ansible_ssh_common_args: expected words for a shell, got "
            f"{ways['options']}: {error}"
        )
    if ways["port"]:
        options += ["-o", f"Port={ways['port']}"]
    if ways["key"]:
        options += ["-o", f"IdentityFile={ways['key']}"]
    user, host = ways["user"], ways["host"]
    address = f"{user}@{host}" if user else host
    return Pi(name, options, address, ways["folder"], str(ways["pupil"]), ways["password"])
