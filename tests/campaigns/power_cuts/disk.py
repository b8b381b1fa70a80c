"""A disk that loses what was not synced: a command's system calls, played again up to each of them.

SIGKILL leaves the kernel's memory of files as it is; a pulled plug does not. Here, what a power
cut may leave is worked out from a trace: a file's content is safe once the file was synced, and
until then it is lost; names are safe once their folder was synced, and until then some of the
changes, from the first on, may have been made, as a journalling file system has it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.power_cuts.judge import TEMPORARY
from tests.campaigns.power_cuts.system_calls import Call

_FD = re.compile(r"^(\d+)<([^>]*)>")
_NAMES = re.compile(r'"([^"]*)"')


@dataclass
class _File:
    """A file made during the trace: how many changes its content had, and how many are safe."""

    changes: int = 0
    safe: int = 0


@dataclass
class _Disk:
    """What was done to a folder's files so far.

    Attributes
    ----------
    renamings : list of dict
        The names and their files, after each change of names; "old" are files from before.
    safe_names : int
        How many of those changes are safe.
    """

    old: dict
    renamings: list = field(default_factory=list)
    safe_names: int = 0
    files: list = field(default_factory=list)
    opened: dict = field(default_factory=dict)

    def __post_init__(self):
        self.renamings.append(dict(self.old))


def violations(calls: list[Call], folder: Path) -> tuple[list[str], int]:
    """Cut the power after each of the calls.

    Parameters
    ----------
    calls : list of Call
        A trace of a command that ended well.
    folder : Path
        As it was before the command; its files are the old ones.

    Returns
    -------
    complaints : list of str
    states : int
        How many states of the disk were looked at.
    """
    old = {path.name: "old" for path in folder.rglob("*") if path.is_file()}
    complete = _play(calls, old).files
    removed = {
        Path(_NAMES.findall(call.arguments)[0]).name for call in calls if call.name == "unlink"
    }
    told, states = set(), 0
    for end in range(len(calls) + 1):
        disk = _play(calls[:end], old)
        for names in disk.renamings[disk.safe_names :]:
            states += 1
            told.update(_complaints(names, disk, complete, old.keys() - removed))
    last = _play(calls, old)
    safe_names = last.renamings[last.safe_names]
    for name, file in last.renamings[-1].items():
        if safe_names.get(name) != file and not name.endswith(TEMPORARY):
            told.add(f"{name}: its name is not safe at the command's end")
    return sorted(told), states


def without_syncs(calls: list[Call]) -> list[Call]:
    """Leave the syncs out of a trace: a command that must be found unsafe."""
    return [call for call in calls if call.name != "fsync"]


def _complaints(names: dict, disk: _Disk, complete: list, kept: set) -> Iterator[str]:
    for name, number in names.items():
        if name.endswith(TEMPORARY) or number == "old":
            continue
        safe, needed = disk.files[number].safe, complete[number].changes
        if safe < needed:
            yield f"{name}: {safe} of {needed} changes of its content are safe"
    for name in kept - names.keys():
        yield f"{name}: lost"


def _play(calls: list[Call], old: dict) -> _Disk:
    disk = _Disk(old)
    for call in calls:
        if not call.result.startswith("-1"):
            _apply(call, disk)
    return disk


def _apply(call: Call, disk: _Disk) -> None:
    names = [Path(name).name for name in _NAMES.findall(call.arguments)]
    now = disk.renamings[-1]
    descriptor = _FD.match(call.arguments)
    number = descriptor and disk.opened.get(descriptor[1])
    if call.name == "openat" and "O_CREAT" in call.arguments:
        if names[0] not in now:
            disk.files.append(_File())
            disk.renamings.append({**now, names[0]: len(disk.files) - 1})
        elif "O_TRUNC" in call.arguments:
            raise AssertionError(f"{names[0]} is written where it stands, not beside")
        disk.opened[_FD.match(call.result)[1]] = disk.renamings[-1][names[0]]
    elif call.name == "openat":
        disk.opened[_FD.match(call.result)[1]] = None
    elif call.name in ("write", "ftruncate") and isinstance(number, int):
        disk.files[number].changes += 1
    elif call.name == "fsync" and isinstance(number, int):
        disk.files[number].safe = disk.files[number].changes
    elif call.name == "fsync":
        disk.safe_names = len(disk.renamings) - 1
    elif call.name == "rename":
        moved = {name: file for name, file in now.items() if name != names[0]}
        disk.renamings.append({**moved, names[1]: now[names[0]]})
    elif call.name == "unlink":
        disk.renamings.append({name: file for name, file in now.items() if name != names[0]})
