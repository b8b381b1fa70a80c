"""Run bookworm's first boot on Raspberry Pi's own programs: `make test-firstboot TOOLS=folder`."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

TESTS = "tests/scripts/test_first_boot.py"
REPOSITORIES = ("raspberrypi-sys-mods", "userconf-pi", "raspi-config")
HEAD = """\
# bookworm's first boot

Cards that `scripts/prepare_sd_card.py` wrote, set up by {programs}.
`make test-firstboot TOOLS=folder` writes this; the folder has the bookworm branches of Raspberry
Pi's public repositories {repositories}. Their text is not in this repository. Without `TOOLS`, and
in the tests that run on each change, stand-ins of our own take their place.

Run on {date}, in {minutes:.0f} minutes.

| test | result |
|---|---|
"""


def main() -> int:
    """Run the tests, and write their results."""
    arguments = _arguments()
    environment = dict(os.environ)
    programs = "stand-ins of our own, **not** by Raspberry Pi's programs"
    if arguments.tools:
        missing = [name for name in REPOSITORIES if not (arguments.tools / name).is_dir()]
        if missing:
            sys.exit(
                f"{arguments.tools}: expected the repositories {', '.join(REPOSITORIES)} in it, "
                f"found no {', no '.join(missing)}: clone their branches 'bookworm' there"
            )
        environment["FIRSTBOOT_TOOLS"] = str(arguments.tools.resolve())
        programs = "Raspberry Pi's own programs in a Debian bookworm root"
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pi-nn-first-boot-") as folder:
        results = Path(folder) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-q", TESTS, f"--junitxml={results}"]
        code = subprocess.run(command, env=environment).returncode
        rows = [_row(case) for case in ElementTree.parse(results).iter("testcase")]
    head = HEAD.format(
        programs=programs,
        repositories=", ".join(REPOSITORIES),
        date=time.strftime("%Y-%m-%d"),
        minutes=(time.monotonic() - start) / 60,
    )
    Path(arguments.report).write_text(head + "\n".join(rows) + "\n")
    print(f"wrote {arguments.report}")
    return code


def _arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.first_boot")
    parser.add_argument("--tools", type=Path, metavar="FOLDER", help="default: stand-ins")
    parser.add_argument("--report", metavar="FILE", required=True)
    return parser.parse_args()


def _row(case: ElementTree.Element) -> str:
    """Return a line of the table."""
    name = case.get("name").removeprefix("test_").replace("_", " ", 20).replace("|", "\\|")
    failed = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    return f"| {name} | {failed[0] if failed else 'passed'} |"


if __name__ == "__main__":
    sys.exit(main())
