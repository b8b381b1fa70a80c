"""A short run of the fuzz campaign, and that it notices what may not happen."""

import json
import random
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from tests.campaigns.fuzz.campaign import ATHERIS, SHARES
from tests.campaigns.fuzz.csv_text import FORMAT as CSV
from tests.campaigns.fuzz.csv_text import ORIGINALS, expected_rows
from tests.campaigns.fuzz.formats import Format
from tests.campaigns.fuzz.one_format import FORMATS
from tests.campaigns.fuzz.trial import BATCH, Tally, check_memory, try_many
from tests.conftest import PROJECT

INPUTS, COMMANDS = 20 * BATCH, 2


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.name for each in FORMATS])
def test_a_short_run_finds_nothing(name, tmp_path):
    """A few hundred inputs of each kind, two of them through the command line."""
    seed = str(random.randrange(2**31))
    words = ["-m", "tests.campaigns.fuzz.one_format", name, str(INPUTS), seed, str(COMMANDS)]
    result = subprocess.run(
        [sys.executable, *words],
        cwd=PROJECT,
        env={"TMPDIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, f"{words}: {result.stderr}"
    tally = Tally(**json.loads(result.stdout.splitlines()[-1]))
    assert tally.inputs >= INPUTS
    assert 0 < tally.accepted < tally.inputs
    assert tally.commands >= COMMANDS


def test_the_campaign_tries_every_format():
    """Each has its share of the inputs, and the shares are all of them."""
    assert set(SHARES) == {ATHERIS, *(each.name for each in FORMATS)}
    assert sum(SHARES.values()) == pytest.approx(1)


def slow(_folder, _files):
    end = time.process_time() + 10
    while time.process_time() < end:
        pass


def warned(_folder, _files):
    warnings.warn("a line nobody asked for", stacklevel=1)
    return False


def failed(_folder, _files):
    raise KeyError("a reader's own mistake")


@pytest.mark.parametrize(
    ("accepts", "finding"),
    [
        pytest.param(slow, "took over 2 s", marks=pytest.mark.slow),
        (warned, "a line nobody"),
        (failed, "a reader's own mistake"),
    ],
)
def test_what_may_not_happen_is_noticed(accepts, finding):
    """A hang, a warning, another error than the kit's own."""
    reader = Format("broken", CSV.make, accepts, CSV.command)
    with pytest.raises((AssertionError, UserWarning, KeyError), match=finding) as caught:
        try_many(reader, BATCH, 1, Tally(), 1000)
    assert "The files are in" in caught.value.__notes__[-1]


def test_what_the_command_line_says_is_noticed():
    """It refuses what the reader is said to have accepted."""
    reader = Format("broken", lambda _: {"digits.csv": b"oops"}, lambda *_: True, CSV.command)
    with pytest.raises(AssertionError, match=r"exit code 1, said ['\"]error: digits.csv:1: line 1"):
        try_many(reader, BATCH, 1, Tally(), 1)


def test_a_wrong_row_is_noticed(monkeypatch):
    """A parser that takes 300 for 44."""
    monkeypatch.setattr(
        "tests.campaigns.fuzz.csv_text.ORIGINALS", [ORIGINALS[0].replace(b",0,", b",300,", 1)]
    )
    monkeypatch.setattr("nn.data.csv_file.parse_rows", lambda text, *_: _wrapped(text))
    with pytest.raises(AssertionError, match=r"a wrong row accepted|other rows read"):
        try_many(CSV, BATCH, 1, Tally(), 1000)


def _wrapped(text: bytes):
    rows = [[int(field) % 256 for field in line.split(b",")] for line in text.splitlines()]
    return np.array(rows, np.uint8)


def test_too_much_memory_is_noticed(monkeypatch):
    """Whatever this process takes, against a limit below it."""
    monkeypatch.setattr("tests.campaigns.fuzz.trial.LARGEST_MB", 1)
    with pytest.raises(AssertionError, match=r"took \d+ MB"):
        check_memory(Tally())


def test_the_oracle_knows_every_form():
    """The valid files that the campaign begins with are valid."""
    assert all(expected_rows(content) for content in ORIGINALS)
