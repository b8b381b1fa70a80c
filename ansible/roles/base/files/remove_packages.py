"""Remove the packages that the kit installed and nothing else needs: remove_packages.py FILE.

FILE is the record that record_packages.py keeps. A package stays if it was there before the kit, if
the user installed it since, or if another package that stays depends on it or recommends it.
Suggestions do not count: with them, apt would keep dozens of packages. Prints, as JSON, what was
removed, what was kept and why, and the record for the next run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

QUIET = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
AUTOREMOVE = (
    "apt-get",
    "--simulate",
    "--option=APT::AutoRemove::SuggestsImportant=false",
    "autoremove",
)
REMOVE = ("apt-get", "--yes", "--quiet", "--option=DPkg::Lock::Timeout=900", "remove")
NEEDED_BY = (
    "apt-cache",
    "rdepends",
    "--installed",
    *(f"--no-{kind}" for kind in ("suggests", "conflicts", "breaks", "replaces", "enhances")),
)


def main(path: Path) -> None:
    """Remove the packages; print the result."""
    record = json.loads(path.read_text())
    mark("auto", manual() & set(record["asked_for"]))
    ours = set(record["new"])
    removable = unneeded() & ours
    if others := unneeded() - ours:  # not the kit's: what they need stays, too
        mark("manual", others)
        try:
            removable = unneeded() & ours
        finally:
            mark("auto", others)
    if removable:
        run(*REMOVE, *sorted(removable))
    left = ours & installed()
    result = {
        "removed": sorted(removable - left),
        "kept": reasons(left),
        "record": {
            "asked_for": sorted(left.intersection(record["asked_for"])),
            "new": sorted(left),
        },
    }
    print(json.dumps(result))


def reasons(kept: set[str]) -> dict[str, str]:
    """Say why packages were kept; those that only other kept packages need are left out."""
    by_hand, why = manual(), {}
    for name in sorted(kept):
        users = needed_by(name)
        if name in by_hand:
            why[name] = "you installed it yourself"
        elif others := sorted(users - kept):
            why[name] = f"needed by {', '.join(others)}"
        elif not users:
            why[name] = "needed by another package"
    return why


def needed_by(name: str) -> set[str]:
    """Return the installed packages that depend on a package or recommend it."""
    lines = run(*NEEDED_BY, name).splitlines()
    found = {line.strip(" |").split(":")[0] for line in lines if line.startswith((" ", "|"))}
    return found - {name}


def unneeded() -> set[str]:
    """Return the packages that apt would remove because nothing needs them."""
    lines = run(*AUTOREMOVE).splitlines()
    return {line.split()[1] for line in lines if line.startswith("Remv ")}


def manual() -> set[str]:
    """Return the packages that apt keeps because somebody asked for them."""
    return set(run("apt-mark", "showmanual").split())


def mark(how: str, names: set[str]) -> None:
    """Mark packages as automatically or manually installed."""
    if names:
        run("apt-mark", how, *sorted(names))


def installed() -> set[str]:
    """Return the installed packages."""
    form = "--showformat=${db:Status-Abbrev}${binary:Package}\n"
    lines = run("dpkg-query", "--show", form).splitlines()
    return {line[3:].split(":")[0] for line in lines if line.startswith("ii")}


def run(*command: str) -> str:
    """Run a command; return its output, or exit with its error."""
    done = subprocess.run(command, env=QUIET, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        sys.exit(f"{' '.join(command[:2])} failed: {last[0]}")
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
