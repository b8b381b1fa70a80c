"""Show how all Pis of a class are: ``make class-status``.

    python -m scripts.classroom.status --inventory ansible/inventory/hosts.yml

A line for each Pi; the exit code is 1 if one of them needs something.
"""

import json
import shlex
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from nn import __version__
from scripts.classroom.ask import (
    Answer,
    ask,
    ask_all,
    chosen_pis,
    last_line,
    parser,
    printable,
    run,
)
from scripts.pis import Pi

PROGRAM = Path(__file__).parent / "on_pi" / "status.py"
SECONDS = 18  # one that hangs must not hide the others for long
EVERY = 30  # seconds between two looks, with --watch
LEAST_DISK_MB = 200  # as in ansible/roles/base/defaults/main.yml: base_free_mb_later
HOT = 80  # degrees Celsius: a Pi slows down
COLUMNS = ("Pi", "pupil", "release", "kit", "disk", "memory", "Jupyter", "last training", "°C")
LONGEST_WORD = 60
LARGEST = 1e15  # larger numbers, and infinity, are no sizes, times or accuracies


def main() -> int:
    """Print the table, again and again with --watch; return 1 if a Pi needs something."""
    flags = parser(__doc__.splitlines()[0])
    flags.add_argument("--watch", action="store_true", help=f"look every {EVERY} s, until Ctrl-C")
    arguments = flags.parse_args()
    pis = chosen_pis(arguments)
    statuses = look(pis)
    show(statuses, arguments.watch)
    while arguments.watch:
        try:
            time.sleep(EVERY)
            statuses = look(pis)
        except KeyboardInterrupt:
            break
        show(statuses, watch=True)
    return 1 if any(status.needs for status in statuses) else 0


@dataclass
class Status:
    """How a Pi is: a text for each column but the first two, and what it needs."""

    pi: Pi
    texts: dict[str, str] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)


def look(pis: list[Pi]) -> list[Status]:
    """Ask all Pis, at once, how they are; return it in their order."""
    found = {answer.pi.name: status_of(answer) for answer in ask_all(pis, ask_how_it_is)}
    return [found[pi.name] for pi in pis]


def ask_how_it_is(pi: Pi) -> Answer:
    """Ask one Pi by one SSH command, which brings its program along."""
    state = '"$(systemctl is-active pi-nn-jupyter)"'
    with PROGRAM.open("rb") as program:
        command = f"python3 -IS - {shlex.quote(pi.folder)} {state}"
        return ask(pi, command, stdin=program, seconds=SECONDS)


def status_of(answer: Answer) -> Status:
    """Read an answer; whatever a Pi printed, this returns a status."""
    status = Status(answer.pi)
    if answer.problem:
        status.needs.append(answer.problem)
        return status
    try:
        facts = json.loads(last_line(answer.output.decode(errors="replace")))
        if not isinstance(facts, dict):
            raise ValueError("no object")
    except (ValueError, RecursionError):
        said = last_line(answer.errors) or "nothing"
        status.needs.append(f"expected its status, got: {said[:200]}")
        return status
    status.texts = texts_of(facts)
    status.needs = needs_of(facts, answer.pi)
    return status


def texts_of(facts: dict) -> dict[str, str]:
    """Return what the columns show."""
    training = facts.get("training")
    return {
        "release": word(facts.get("release")),
        "kit": word(facts.get("kit")),
        "disk": size(facts.get("disk_mb")),
        "memory": size(facts.get("memory_mb")),
        "Jupyter": word(facts.get("jupyter")),
        "last training": in_words(training) if isinstance(training, dict) else "",
        "°C": str(number(facts.get("celsius")) or ""),
    }


def needs_of(facts: dict, pi: Pi) -> list[str]:
    """Return what a Pi needs, in a teacher's words."""
    set_up = f"make provision LIMIT={pi.name}"
    kit, jupyter = word(facts.get("kit")), word(facts.get("jupyter"))
    disk, celsius = number(facts.get("disk_mb")), number(facts.get("celsius"))
    needs = []
    if not kit:
        needs.append(f"has no kit: {set_up}")
    elif kit != __version__:
        needs.append(f"has kit {kit}, this computer {__version__}: {set_up}")
    elif jupyter == "starting":
        needs.append("Jupyter is starting: wait a few minutes")
    elif jupyter != "ready":
        needs.append(f"Jupyter is {jupyter or 'not installed'}: {set_up}")
    if disk is not None and disk < LEAST_DISK_MB:
        needs.append(f"only {disk:.0f} MB are free: remove files")
    if celsius is not None and celsius >= HOT:
        needs.append(f"is hot, {celsius:.0f} °C: give it air")
    return needs


def in_words(training: dict) -> str:
    """Return what the last training was, its accuracy, and how long ago it ended."""
    accuracy, seconds = number(training.get("accuracy")), number(training.get("seconds_ago"))
    percent = f" {accuracy:.1%}" if accuracy is not None else ""
    return (
        f"{word(training.get('preset'))}{percent}{'' if seconds is None else f', {ago(seconds)}'}"
    )


def ago(seconds: float) -> str:
    """Return a time span in its largest unit.

    >>> ago(59), ago(60), ago(7199), ago(200_000)
    ('just now', '1 min ago', '1 h ago', '2 days ago')
    """
    for length, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {'day' if (count, unit) == (1, 'days') else unit} ago"
    return "just now"


def size(megabytes: object) -> str:
    """Return a number of megabytes in the larger unit where it is one.

    >>> size(999), size(1000), size(28_450), size(None)
    ('999 MB', '1.0 GB', '28.4 GB', '')
    """
    count = number(megabytes)
    if count is None:
        return ""
    return f"{count:.0f} MB" if count < 1000 else f"{count / 1000:.1f} GB"


def number(value: object) -> float | None:
    """Return a number; None for anything else that a Pi may have printed."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) < LARGEST else None


def word(value: object) -> str:
    """Return a short text that is safe to print; "" for anything else."""
    text = value if isinstance(value, str) else ""
    return printable(text.replace("\n", "?"))[:LONGEST_WORD]


def show(statuses: list[Status], watch: bool) -> None:
    """Print the table, what the Pis need, and how many need something."""
    rows = [
        {**status.texts, "Pi": status.pi.name, "pupil": word(status.pi.pupil)}
        for status in statuses
    ]
    shown = [name for name in COLUMNS if any(row.get(name) for row in rows)]
    widths = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in shown}
    lines = ["  ".join(name.ljust(widths[name]) for name in shown)]
    for row, status in zip(rows, statuses, strict=True):
        cells = "  ".join(row.get(name, "").ljust(widths[name]) for name in shown)
        lines.append(f"{cells}  {'; '.join(status.needs)}")
    needy = sum(bool(status.needs) for status in statuses)
    if watch and sys.stdout.isatty():
        print("\033[2J\033[H", end="")
    print("\n".join(line.rstrip() for line in lines))
    print(
        f"{time.strftime('%H:%M:%S')}  {len(statuses) - needy} ready, {needy} in need", flush=True
    )


if __name__ == "__main__":
    run(main)
