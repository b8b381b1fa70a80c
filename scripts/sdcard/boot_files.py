"""Idempotent changes to cmdline.txt, which must stay a single line, and to config.txt."""

from __future__ import annotations

from .errors import CardError

MARK = "Written by scripts/prepare_sd_card.py"
OVERLAY = "dtoverlay=dwc2"
RUN_SCRIPT = (  # makes systemd run a script once, in a separate boot
    "systemd.run=/boot/firmware/firstrun.sh",
    "systemd.run_success_action=reboot",
    "systemd.unit=kernel-command-line.target",
)
RUN_STARTS = ("systemd.run", "systemd.unit=kernel-command-line.target")
# Files that other programs write to set up a card, and that would conflict with ours.
OTHER_SETTINGS = ("firstrun.sh", "userconf.txt", "wpa_supplicant.conf")


def words(cmdline: str) -> list[str]:
    """Split the kernel's command line into its words.

    Raises
    ------
    CardError
        When it is not a single line: the firmware reads only the first.
    """
    lines = [line for line in cmdline.splitlines() if line.strip()]
    if len(lines) != 1:
        raise CardError(f"cmdline.txt: expected a single line, found {len(lines)}. Flash the card")
    return lines[0].split()


def line(words: list[str]) -> str:
    """Join words into a command line."""
    return " ".join(words) + "\n"


def settings_there(card) -> list[str]:
    """List settings that other programs wrote."""
    run = [word for word in words(card.read("cmdline.txt")) if word.startswith("systemd.run=")]
    return [name for name in OTHER_SETTINGS if card.has(name)] + run


def of_others(card, names) -> list[str]:
    """List those files that exist and that this script did not write."""
    return [name for name in names if card.has(name) and MARK not in card.read(name)]


def authorities(settings) -> dict[str, str]:
    """Return the files with the certificates of enterprise networks' authorities."""
    return {
        authority_name(number): network.authority
        for number, network in enumerate(settings.networks)
        if network.authority
    }


def authority_name(number: int) -> str:
    """Return the name of a certificate's file on the boot partition."""
    return f"wifi-authority-{number + 1}.pem"


def authority_on_pi(number: int) -> str:
    """Return where the Pi finds a certificate."""
    return f"/boot/firmware/{authority_name(number)}"


def without_other_settings(card) -> tuple[list[str], dict[str, None]]:
    """Return cmdline.txt's words without the call of a script, and the files to remove."""
    gone = {name: None for name in OTHER_SETTINGS if card.has(name)}
    return without(words(card.read("cmdline.txt")), *RUN_STARTS), gone


def set_word(words: list[str], name: str, value: str) -> list[str]:
    """Replace the first ``name=`` by ``name=value``, or append it."""
    return _put(words, f"{name}=", f"{name}={value}", len(words))


def without(words: list[str], *starts: str) -> list[str]:
    """Leave out the words with one of these starts."""
    return [word for word in words if not word.startswith(starts)]


def load_modules(words: list[str], *modules: str) -> list[str]:
    """Load modules early, after those that are already loaded early."""
    start = "modules-load="
    present = next((word.removeprefix(start) for word in words if word.startswith(start)), "")
    wanted = [*filter(None, present.split(",")), *modules]
    place = words.index("rootwait") + 1 if "rootwait" in words else len(words)
    return _put(words, start, start + ",".join(dict.fromkeys(wanted)), place)


def _put(words: list[str], start: str, word: str, place: int) -> list[str]:
    first = next((n for n, each in enumerate(words) if each.startswith(start)), None)
    if first is None:
        return [*words[:place], word, *words[place:]]
    rest = without(words[first + 1 :], start)
    return [*words[:first], word, *rest]


def with_gadget_overlay(config: str) -> str:
    """Switch the USB controller, on every model, to a driver that supports device mode."""
    section = "all"
    for text in config.splitlines():
        text = text.strip()
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
        elif section == "all" and text in (OVERLAY, f"{OVERLAY},dr_mode=peripheral"):
            return config
    return f"{config}\n[all]\n{OVERLAY}\n"
