"""Explain why Ansible could not log in to a Pi, and what to do: a callback plugin."""

from ansible.plugins.callback import CallbackBase

from ansible import context

DOCUMENTATION = """
name: login_advice
type: notification
short_description: Explain why Ansible could not log in to a Pi.
description: Prints one more line below SSH's own message.
"""

NO_KEY = (
    "{host} refused the login as {user}. If you set a password for the card instead of an SSH key, "
    "copy your key to the Pi once: ssh-copy-id {user}@{address}. Or type the password at each run, "
    "with ASK_PASS=1. If you gave the card another user name, correct ansible_user."
)
WRONG_PASSWORD = (
    "{host} refused the password for SSH of {user}: expected the one that you set for the card. "
    "Type it again, or correct ansible_user. If only 'publickey' is in "
    "brackets above, the Pi accepts no passwords."
)
NO_NAME = (
    "{address} was not found in the network. A first boot takes minutes; then use the Pi's IP "
    "address, which your router shows, as ansible_host in the inventory."
)
OTHER_KEY = (
    "{host} has another SSH key than before, as after its card was flashed again. If you did so, "
    "remove the old key: ssh-keygen -R {address}"
)


def advice(message: str, has_password: bool) -> str | None:
    """Return what to do about SSH's message, or None; `has_password` if Ansible was given one."""
    if "Permission denied" in message or "incorrect password" in message:
        return WRONG_PASSWORD if has_password else NO_KEY
    if "Could not resolve hostname" in message:
        return NO_NAME
    if "HOST IDENTIFICATION HAS CHANGED" in message or "key verification failed" in message:
        return OTHER_KEY
    return None


class CallbackModule(CallbackBase):
    """Ansible calls this after each connection that failed."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "login_advice"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_play_start(self, play):
        """Keep the play, whose variable manager knows the Pis' addresses."""
        self._play = play

    def v2_runner_on_unreachable(self, result):
        """Print the advice below the message."""
        host = result._host
        variables = self._play.get_variable_manager().get_vars(play=self._play, host=host)
        address = str(variables.get("ansible_host", host.name))
        has_password = bool(context.CLIARGS.get("ask_pass") or variables.get("ansible_password"))
        text = advice(str(result._result.get("msg", "")), has_password)
        if text:
            told = text.format(
                host=host.name,
                address=host.name if "{{" in address else address,
                user=variables.get("ansible_user", "USER"),
            )
            self._display.display(told, color="bright yellow")
