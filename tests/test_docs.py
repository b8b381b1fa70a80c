"""What the Markdown files say: links, commands, flags, paths, figures and messages are real.

Each check returns complaints about a text, and is tried on a text that deserves them.
"""

import ast
import contextlib
import functools
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import mistune
import pytest

import nn.cli
import scripts.sdcard.cli as prepare_sd_card
from tests.conftest import PROJECT

PLACES = ("*.md", "docs/**/*.md", "notebooks/*.md", "ansible/*.md", "mnist_dataset/*.md")
PAGES = sorted(path for place in PLACES for path in PROJECT.glob(place))
README, CHANGELOG = PROJECT / "README.md", PROJECT / "CHANGELOG.md"
PAGES_OF_TODAY = [path for path in PAGES if path != CHANGELOG]  # which tells of what is gone
COMMAND_LINE = PROJECT / "docs" / "command-line.md"
PERFORMANCE = PROJECT / "docs" / "performance.md"
TROUBLESHOOTING = PROJECT / "docs" / "troubleshooting.md"
COMMANDS = (
    *("train", "test", "predict", "query", "backquery", "compare-rules", "presets", "weights"),
    *("reset", "sweep", "draw"),
)
DATA_COMMANDS = tuple(f"data {name}" for name in ("fetch", "verify", "convert", "info", "sample"))
ROOMS = ("nn/", "scripts/", "tests/", "docs/", "ansible/", "notebooks/", "mnist_dataset/")
MADE_WHEN_NEEDED = (
    "ansible/secrets/",
    "ansible/backups/",
    "ansible/inventory/hosts.yml/",
    "ansible/inventory/group_vars/",
)
# Where a command may stand: at the beginning of a line, behind "run", in quotes.
MAKE = re.compile(r"(?:^|[;&'\"]|\brun) *((?:\b[A-Z_]+=\S* )*)make\b((?: +[\w./=-]+)*)", re.M)
FLAGS_OF_ANSIBLE = {"--ask-vault-pass", "--forks"}
MOST_WORDS, MOST_PICTURE_BYTES, FIRST_SCREEN_LINES = 650, 120_000, 12
ELLIPSIS = "…"
RENDER = mistune.create_markdown(
    renderer=mistune.HTMLRenderer(escape=False, allow_harmful_protocols=True), plugins=["table"]
)
# As from a shell: the make that runs these tests would pass its own settings on.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


class Page(HTMLParser):
    """A rendered page: its links, pictures, code, headings, and the cells of its tables.

    Attributes
    ----------
    links : list of str
        What it links to or shows.
    code : list of str
        Each code span and each code block.
    sections : list of (str, list)
        The text of each heading, and of the first code span in each row of the tables below it.
    """

    def __init__(self, text: str):
        super().__init__()
        self.links, self.code, self.sections = [], [], []
        self._open, self._text, self._row_is_new = [], "", False
        self.feed(RENDER(text))

    def handle_starttag(self, tag, attributes):
        """Note links and pictures, and begin to collect what is inside."""
        self.links += [value for name, value in attributes if name in ("href", "src")]
        self._row_is_new |= tag == "tr"
        if tag == "code" or re.fullmatch("h[1-6]", tag):
            self._open.append((tag, len(self._text)))

    def handle_endtag(self, tag):
        """Note the code or the heading that ends here."""
        if self._open and self._open[-1][0] == tag:
            text = self._text[self._open.pop()[1] :]
            if tag != "code":
                self.sections.append((text, []))
                return
            self.code.append(text)
            if self._row_is_new and self.sections:
                self.sections[-1][1].append(text)
                self._row_is_new = False

    def handle_data(self, data):
        """Collect text."""
        self._text += data

    @property
    def anchors(self) -> set[str]:
        """What GitHub calls the headings: lower case, hyphens for spaces, a number when taken."""
        names = [
            re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
            for heading, _ in self.sections
        ]
        return {
            name + (f"-{before}" if (before := names[:place].count(name)) else "")
            for place, name in enumerate(names)
        }


@functools.cache
def page(path: Path) -> Page:
    return Page(path.read_text())


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


# --- links


def broken_links(text: str, folder: Path) -> list[str]:
    """List links that lead nowhere from a page in a folder, or not by the shortest way."""
    own = Page(text)
    return [f"{link}: {why}" for link in own.links if (why := complaint_about(link, own, folder))]


def complaint_about(link: str, own: Page, folder: Path) -> str | None:
    """Say what is wrong with a link, or None."""
    if re.match(r"(https?|mailto):", link):
        return "is a link into this repository" if link.startswith(own_address()) else None
    if re.match(r"[a-z]+:|/", link):
        return "is absolute"
    path, _, anchor = link.partition("#")
    target = (folder / path).resolve()
    if not target.is_relative_to(PROJECT) or not target.exists():
        return "no such file"
    if anchor and anchor not in (page(target) if path else own).anchors:
        return "no such heading"
    return None


def own_address() -> str:
    """Return what README clones, where it has been filled in."""
    address = re.search(r"^git clone (\S+) ", README.read_text(), re.M)[1]
    return address.removesuffix(".git") if ":" in address else "https://ADDRESS"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_link_leads_somewhere(path):
    """Files, pictures and headings; nothing is linked from outside."""
    assert broken_links(path.read_text(), path.parent) == []


def test_all_pages_are_looked_at():
    """Those that people read first, and links in them."""
    assert {"README.md", "docs/pi.md", "notebooks/README.md", "ansible/README.md"} <= set(
        map(name_of, PAGES)
    )
    assert sum(len(page(path).links) for path in PAGES) > 100


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[a](docs/none.md)", "no such file"),
        ("![a](none.png)", "no such file"),
        ('<img src="none.png" alt="a">', "no such file"),
        ("[a][b]\n\n[b]: none.md", "no such file"),
        ("[a](../../etc/passwd)", "no such file"),
        ("[a](/docs/pi.md)", "is absolute"),
        ("[a](file:///docs/pi.md)", "is absolute"),
        ("[a](#none)\n\n# Some", "no such heading"),
        ("[a](docs/pi.md#none)", "no such heading"),
        ("[a](docs/pi.md#3-Boot)", "no such heading"),
        ("[a](https://ADDRESS/docs/pi.md)", "is a link into this repository"),
    ],
)
def test_a_broken_link_is_noticed(text, why, monkeypatch):
    """Whichever way it is written."""
    monkeypatch.setattr(sys.modules[__name__], "own_address", lambda: "https://ADDRESS")
    (complaint,) = broken_links(text, PROJECT)
    assert complaint.endswith(f": {why}")


def test_what_only_looks_like_a_link_is_let_be():
    """In code; and links that are right."""
    text = "`[a](none)` <https://example.org> [a](docs/pi.md#3-boot) [a](#some)\n\n# Some\n"
    assert broken_links(f"{text}\n```\n[a](none)\n```\n", PROJECT) == []


def test_anchors_are_those_of_github():
    """Signs go, spaces and hyphens stay, markup does not count, a second one gets a number."""
    text = "# A `make x`: B & C\n\n## It's 2-fold, *isn't* it?\n\n## Twice\n\n## Twice\n\n### Ein_Ä"
    expected = {"a-make-x-b--c", "its-2-fold-isnt-it", "twice", "twice-1", "ein_ä"}
    assert Page(text).anchors == expected


# --- commands


@functools.cache
def make_database() -> str:
    """Return all that make knows of the Makefile, and of what it includes."""
    words = ["make", "--print-data-base", "--question", "--no-builtin-rules", "help"]
    return subprocess.run(
        words, cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True
    ).stdout


def unknown_targets(code: list[str]) -> list[str]:
    """List what is given to make, and is no target or variable of it."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", make_database(), re.M))
    variables = set(re.findall(r"\$\(([A-Z_]+)\)|\$\(if \$\(([A-Z_]+)\)", make_database()))
    variables = {name for pair in variables for name in pair} | {"PYTHON"}
    unknown = []
    for text in code:
        for before, words in MAKE.findall(text):
            for word in (before + words).split():
                name, is_variable, _ = word.partition("=")
                if name not in (variables if is_variable else targets):
                    unknown.append(word)
    return unknown


@pytest.mark.parametrize("path", PAGES_OF_TODAY, ids=name_of)
def test_every_make_command_is_one(path):
    """Each target, and each variable given to it."""
    assert unknown_targets(page(path).code) == []


def test_a_command_that_make_does_not_know_is_noticed():
    """A target, the second of two, a variable before or after; and nothing in a sentence."""
    text = "`make nonsense` `make test lunch` `NO=1 make test` `make provision NEIN=1` make tea"
    text += " `run 'make toast'`\n```sh\nmake test\nmake bread\n```"
    wrong = ["nonsense", "lunch", "NO=1", "NEIN=1", "toast", "bread"]
    assert unknown_targets(Page(text).code) == wrong
    right = "`make` `ASK_SUDO=1 make provision` `make provision LIMIT='pi-0*'` `apt install make x`"
    assert unknown_targets(Page(right).code) == []


def help_of(main, *words: str) -> str:
    """Return what a command line prints when asked for help."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return printed.getvalue()


@functools.cache
def flags_of(main, *words: str) -> set[str]:
    """Return the flags that a command's help tells of."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", help_of(main, *words))) - {"--help"}


def flags_of_nn(command: str) -> set[str]:
    return flags_of(nn.cli.main, *command.split())


def unknown_flags(code: list[str]) -> list[str]:
    """List the flags that the command they are given to does not have; alone, that none has."""
    anywhere = flags_of(prepare_sd_card.main) | FLAGS_OF_ANSIBLE | {"--help", "--version"}
    for command in COMMANDS + DATA_COMMANDS:
        anywhere |= flags_of_nn(command)
    unknown = []
    for text in code:
        for line in text.replace("\\\n", " ").splitlines():
            given = re.search(r"(?:-m nn|pi-nn) ((?:data )?[a-z][a-z-]*)(.*)", line)
            is_ours = given and given[1] in COMMANDS + DATA_COMMANDS
            is_elsewhere = re.search(r"\b(apt|pip|ansible\S*|git|mmdebstrap)\b", line)
            known = flags_of_nn(given[1]) if is_ours else anywhere
            flags = re.findall(r"(?<![\w-])--[a-z][a-z-]*", line.split(" #")[0])
            unknown += [flag for flag in flags if flag not in known and not is_elsewhere]
    return unknown


@pytest.mark.parametrize("path", PAGES_OF_TODAY, ids=name_of)
def test_every_flag_is_one(path):
    """Of the command that it is given to."""
    assert unknown_flags(page(path).code) == []


def test_a_flag_that_is_none_is_noticed():
    """No command's; another command's; and on a second line."""
    text = (
        "`--none` `python -m nn query --epochs 3` \n\n```sh\npi-nn data info \\\n    --rows 3\n```"
    )
    assert unknown_flags(Page(text).code) == ["--none", "--epochs", "--rows"]
    assert unknown_flags(Page("`--epochs 3` `python -m nn train --preset book`").code) == []


@pytest.mark.parametrize("command", [*COMMANDS, "data"])
def test_the_command_line_has_every_flag(command):
    """Its section in docs/command-line.md has those of its help, and no others."""
    sections = COMMAND_LINE.read_text().split("\n## ")
    (section,) = (text for text in sections if text.startswith(f"{command}\n"))
    rows = [line for line in section.splitlines() if line.startswith("| `--")]
    told = {flag for row in rows for flag in re.findall(r"--[a-z][a-z-]*", row.split("|")[1])}
    commands = DATA_COMMANDS if command == "data" else (command,)
    assert told == set().union(*map(flags_of_nn, commands))


def test_the_command_line_has_every_command():
    """And `nn` has no other."""
    assert set(re.findall(r"^    ([a-z-]+)(?: |$)", help_of(nn.cli.main), re.M)) == {
        *COMMANDS,
        "data",
    }
    told = [heading for heading, _ in page(COMMAND_LINE).sections]
    assert {*COMMANDS, "data"} <= set(told)


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("train", ["--preset", "smoke", "--model", "models/smoke.npz"]),
        ("test", ["--model", "models/smoke.npz"]),
        ("compare-rules", ["--samples", "50", "--epochs", "1", "--hidden-nodes", "5"]),
    ],
)
def test_the_command_line_has_every_field(command, flags, tmp_path):
    """Of what --json prints; no others."""
    model = tmp_path / "models" / "smoke.npz"
    environment = {**ENVIRONMENT, "PYTHONPATH": str(PROJECT)}
    run = functools.partial(
        subprocess.run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    nn_words = [sys.executable, "-m", "nn"]
    if command == "test":
        run([*nn_words, "train", "--preset", "smoke", "--offline", "--model", str(model)])
    printed = json.loads(run([*nn_words, command, *flags, "--offline", "--json"]).stdout)
    section = COMMAND_LINE.read_text().split("\n## JSON\n")[1]
    table = section.split(f"\n`{command}`:\n\n")[1].split("\n\n")[0]
    told = {
        name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert told == printed.keys()


# --- paths, messages, figures


def missing_paths(code: list[str]) -> list[str]:
    """List what looks like a path in the repository, and is none."""
    paths = [text.rstrip("/") for text in code if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", text)]
    return [
        path
        for path in paths
        if path.startswith(ROOMS)
        and not f"{path}/".startswith(MADE_WHEN_NEEDED)
        and not (PROJECT / path).exists()
    ]


@pytest.mark.parametrize("path", PAGES_OF_TODAY, ids=name_of)
def test_every_path_is_there(path):
    """As code; those of files that are made when needed are let be."""
    assert missing_paths(page(path).code) == []


def test_a_path_that_is_gone_is_noticed():
    """In a room of the repository; elsewhere it may be anything."""
    text = "`nn/none.py` `tests/nn/` `nn/network.py` `models/book.npz` `ansible/secrets/pi-1/x`"
    assert missing_paths(Page(text).code) == ["nn/none.py"]


@functools.cache
def sources() -> str:
    """Return the texts of the program: strings of Python, joined as Python does; all else whole."""
    texts = []
    modules = ("nn/**/*.py", "scripts/**/*.py", "ansible/**/*.py")
    for path in [path for pattern in modules for path in PROJECT.glob(pattern)]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (
                    part.value if isinstance(part, ast.Constant) else "\0" for part in node.values
                )
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    patterns = ("ansible/**/*.yml", "scripts/*.sh", "Makefile")
    others = [path for pattern in patterns for path in PROJECT.glob(pattern)]
    return "\n".join([*texts, *(" ".join(path.read_text().split()) for path in others)])


def unknown_messages(text: str) -> list[str]:
    """List the messages in the first columns of tables of which the program lacks a part."""
    messages = [
        message
        for heading, rows in Page(text).sections
        if not heading.startswith("Messages of other programs")
        for message in rows
    ]
    return [
        message
        for message in messages
        if not all(part.strip() in sources() for part in message.split(ELLIPSIS))
    ]


def test_every_message_is_the_programs():
    """What docs/troubleshooting.md explains can be searched for as it is printed."""
    assert unknown_messages(TROUBLESHOOTING.read_text()) == []
    assert sum(len(rows) for _, rows in page(TROUBLESHOOTING).sections) > 60


def unknown_tasks(text: str) -> list[str]:
    """List the names of Ansible's tasks, as it prints them, that no role has."""
    named = re.findall(r"^TASK \[\w+ : (.+)\] \*", text, re.M)
    return [name for name in named if f"- name: {name} " not in sources()]


def test_every_task_that_is_shown_is_one():
    """Of a role, by its present name."""
    assert [each for path in PAGES_OF_TODAY for each in unknown_tasks(path.read_text())] == []
    text = "TASK [jupyter : Configure TLS] ***\nTASK [jupyter : Brew coffee] ***\n"
    assert unknown_tasks(text) == ["Brew coffee"]


def test_a_message_that_nobody_prints_is_noticed():
    """Whole, or one part of it."""
    head = "# A\n\n| message | cause |\n|---|---|\n"
    text = f"{head}| `no such nonsense` | x |\n| `MNIST_DIR=… holds no digits` | x |\n"
    assert len(unknown_messages(text)) == 2
    assert unknown_messages(f"{head}| `MNIST_DIR=… does not contain MNIST` | `not this` |\n") == []


def figures_not_in(text: str, pages: str) -> list[str]:
    """List the numbers of a text that stand in none of the pages."""
    numbers = re.findall(r"(?<![\w.,])\d[\d.,]*\d(?: %| s| MB)?|(?<![\w.,])\d+ kills", text)
    return [number for number in numbers if number not in pages]


def test_the_readmes_results_are_those_of_the_reports():
    """Each figure is that of a page that says how it was measured."""
    results = README.read_text().split("\n## Results\n")[1].split("\n## ")[0]
    reports = [PERFORMANCE, *PROJECT.glob("docs/reports/*.md")]
    told = "\n".join(path.read_text() for path in reports)
    results = re.sub(r"\]\([^)]*\)|with [\w ]+\.", "", results)
    assert figures_not_in(results.replace("25-minute", ""), told) == []
    assert len(re.findall(r"\d", results)) > 15


def test_a_figure_that_nobody_measured_is_noticed():
    """Another number, or the same of something else."""
    assert figures_not_in("97.4 % in 2.72 s", "97.3 % in 2.72 s") == ["97.4 %"]
    assert figures_not_in("44 MB, 1,050,024", "44 s, 1,050,024") == ["44 MB"]


def test_each_table_of_measures_has_its_place():
    """Once in all of docs/, where the Makefile has the commands write it."""
    text = "".join(path.read_text() for path in PERFORMANCE.parent.glob("*.md"))
    names = set()
    for path in PROJECT.glob("scripts/bench/*.py"):
        writers = r'(?:write_between\([^"]+|= Comparison\(\s+)"([\w-]+)"'
        names |= set(re.findall(writers, path.read_text()))
    assert len(names) >= 6
    for name in names:
        assert (text.count(f"<!-- {name}:begin -->"), text.count(f"<!-- {name}:end -->")) == (1, 1)
    reports = re.findall(r"--report (\S+)", make_database())
    assert reports
    assert [name for name in reports if not (PROJECT / name).is_file()] == []


# --- the README


def test_the_readme_is_short_and_begins_with_a_picture():
    """A picture in its first screen, of modest size."""
    text = README.read_text()
    assert len(text.split()) <= MOST_WORDS
    first = "\n".join(text.splitlines()[:FIRST_SCREEN_LINES])
    (picture,) = Page(first).links[:1]
    assert (PROJECT / picture).read_bytes().startswith(b"\x89PNG")
    assert (PROJECT / picture).stat().st_size < MOST_PICTURE_BYTES


def test_the_kit_is_cloned_by_one_line(tmp_path):
    """It stands in one place, and works as printed once the address is filled in."""
    if not (PROJECT / ".git").exists():
        pytest.skip("this is no clone: nothing to clone from")
    lines = [
        line for path in PAGES for line in path.read_text().splitlines() if "git clone" in line
    ]
    assert len(lines) == 1
    block = next(code for code in page(README).code if "git clone" in code)
    script = re.sub(r"^git clone \S+", f"git clone --quiet '{PROJECT}'", block, flags=re.M)
    safe = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    run = subprocess.run(
        ["sh", "-ec", f"{script}\nls"],
        cwd=tmp_path,
        env={**ENVIRONMENT, **safe},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert {"Makefile", "README.md", "nn"} <= set(run.stdout.split())


# --- the release


def test_the_version_stands_in_one_place():
    """nn.__version__ is the newest release of the CHANGELOG; pyproject.toml reads it."""
    newest = re.search(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", CHANGELOG.read_text(), re.M)
    assert newest[1] == nn.__version__
    project = (PROJECT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in project
    assert not re.search(r"^version\s*=", project, re.M)
