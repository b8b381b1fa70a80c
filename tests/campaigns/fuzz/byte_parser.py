"""The byte parser of CSV under atheris, which goes where its inputs reach new branches.

Run by the campaign in processes of its own, one after the other on the same corpus: libFuzzer
takes a process over, and needs more memory with each input.
"""

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["nn.data"]):
    from nn.data import csv_file

from tests.campaigns.fuzz.csv_text import ORIGINALS, plain_rows
from tests.campaigns.fuzz.trial import LONGEST_SECONDS, Tally, check_memory

LONGEST_INPUT = 16_384
TOLD_EVERY = 1000


def try_bytes(content: bytes, tally: Tally) -> None:
    """Hold `parse_rows` on whole lines against the csv module."""
    lines = content + b"\n"
    started = time.process_time()
    rows = csv_file.parse_rows(lines)
    seconds = time.process_time() - started
    assert (None if rows is None else rows.tolist()) == plain_rows(lines.decode("latin-1"))
    assert seconds < LONGEST_SECONDS, f"took {seconds:.1f} s"
    tally.slowest_seconds = max(tally.slowest_seconds, seconds)
    tally.inputs += 1
    tally.accepted += rows is not None


def main(inputs: int, seed: int, corpus: str) -> None:
    """Try inputs until there were enough; a finding ends the process with a traceback."""
    tally = Tally()

    def one_input(content: bytes) -> None:
        try_bytes(content, tally)
        if tally.inputs % TOLD_EVERY == 0:
            check_memory(tally)
            print(json.dumps(asdict(tally)), flush=True)

    for number, content in enumerate(ORIGINALS):
        (Path(corpus) / str(number)).write_bytes(content.rstrip(b"\n"))
    options = [f"-runs={inputs}", f"-seed={seed}", f"-max_len={LONGEST_INPUT}", "-timeout=60"]
    options.append(f"-artifact_prefix={tempfile.mkdtemp(prefix='fuzz-')}/")
    atheris.Setup([sys.argv[0], *options, "-verbosity=0", "-rss_limit_mb=0", corpus], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
