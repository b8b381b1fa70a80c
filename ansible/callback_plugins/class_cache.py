"""Run the class cache beside a playbook, for Pis that want it: a callback plugin.

A play with Pis whose `base_cache` is true gets the server of scripts/classroom/cache. It ends with
the playbook, also when that is killed.
"""

import json
import subprocess
import sys
from pathlib import Path

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar

DOCUMENTATION = """
name: class_cache
type: notification
short_description: Bring packages to this computer once, for all Pis.
description: Starts a server for the Pis' apt and pip, and says at the end what was downloaded.
"""

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = ("base_cache", "base_cache_socket", "base_cache_folder", "base_cache_offline")


class CallbackModule(CallbackBase):
    """Ansible calls this when a play starts, and at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "class_cache"

    def __init__(self):
        super().__init__()
        self._server = None

    def v2_playbook_on_play_start(self, play):
        """Start the server, if a Pi of this play wants it."""
        settings = next((found for found in wishes(play) if boolean(found["base_cache"])), None)
        if settings is None or self._server is not None:
            return
        command = [sys.executable, "-m", "scripts.classroom.cache.server"]
        command += ["--socket", str(Path(settings["base_cache_socket"]).expanduser())]
        if settings["base_cache_folder"]:
            command += ["--folder", str(Path(settings["base_cache_folder"]).expanduser())]
        command += ["--offline"] if boolean(settings["base_cache_offline"]) else []
        self._server = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the playbook, with which it ends
        )
        if self._server.stdout.readline() != "ready\n":
            self._display.warning("the class cache does not start: see above")

    def v2_playbook_on_stats(self, stats):
        """Stop the server, and say what it saved."""
        if self._server is None:
            return
        self._server.terminate()
        said, _ = self._server.communicate()
        if said:
            self._display.display(summary(json.loads(said)))


def wishes(play):
    """Yield the settings of each Pi in a play that has any."""
    manager = play.get_variable_manager()
    for host in manager._inventory.get_hosts(play.hosts):
        variables = manager.get_vars(play=play, host=host)
        if all(name in variables for name in SETTINGS):
            templar = Templar(loader=play.get_loader(), variables=variables)
            yield {name: templar.template(variables[name]) for name in SETTINGS}


def summary(totals):
    """Return the line for the end."""
    words = [f"{totals[name] / 1e6:,.1f} MB" for name in ("from_internet", "to_pis")]
    return f"Class cache: {words[0]} from the internet, {words[1]} to the Pis ({totals['folder']})"
