"""The byte parser of CSV under atheris, which goes where its inputs reach new branches.

Run by the campaign in a process of its own: libFuzzer takes the process over.
"""

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["nn.data"]):
    from nn.data import csv_file

from scripts.fuzz.csv_text import FORMAT, NAME, ORIGINALS, expected_rows
from scripts.fuzz.trial import Tally, check_memory, try_reader

LONGEST_INPUT = 16_384
TOLD_EVERY = 1000


def try_bytes(content: bytes, folder: Path, tally: Tally) -> None:
    """Hold `parse_rows` on whole lines, and `read_csv` on a file, against the csv module."""
    lines = content.replace(b"\r", b"\n") + b"\n"
    if not lines.startswith((b"label", b"\xef\xbb\xbf", b'"', b" ")) and b"\n\n" not in lines:
        rows = csv_file.parse_rows(lines)
        expected = expected_rows(lines)
        assert (None if rows is None else rows.tolist()) == expected, "parse_rows reads otherwise"
    try_reader(FORMAT, {NAME: content}, folder, tally)


def main(inputs: int, seed: int) -> None:
    """Try inputs until there were enough; a finding ends the process with a traceback."""
    tally = Tally()

    def one_input(content: bytes) -> None:
        try_bytes(content, Path(folder), tally)
        if tally.inputs % TOLD_EVERY == 0:
            check_memory(tally)
            print(json.dumps(asdict(tally)), flush=True)

    with tempfile.TemporaryDirectory() as corpus, tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(ORIGINALS):
            (Path(corpus) / str(number)).write_bytes(content)
        options = [f"-runs={inputs}", f"-seed={seed}", f"-max_len={LONGEST_INPUT}", "-timeout=60"]
        atheris.Setup([sys.argv[0], *options, "-rss_limit_mb=0", corpus], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
