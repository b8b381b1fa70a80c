"""Try one format under hypothesis, in the process that the campaign starts for it.

``python -m tests.campaigns.fuzz.one_format NAME INPUTS SEED COMMANDS`` prints a tally as a JSON
line now and then; a finding ends it with a traceback.
"""

import json
import sys
from dataclasses import asdict

from tests.campaigns.fuzz import checkpoints, csv_text, gzipped, idx, models, pictures
from tests.campaigns.fuzz.trial import Tally, try_many

FORMATS = tuple(each.FORMAT for each in (csv_text, idx, gzipped, pictures, models, checkpoints))
INPUTS_A_RUN = 8000  # hypothesis remembers what it drew: runs of this many forget it again


def main(name: str, inputs: int, first_seed: int, commands: int) -> None:
    """Try so many inputs, some of them through the command line as well."""
    reader = next(each for each in FORMATS if each.name == name)
    tally = Tally()
    while (left := inputs - tally.inputs) > 0:
        run_seed = first_seed * 1_000_000 + tally.inputs
        try_many(reader, min(left, INPUTS_A_RUN), run_seed, tally, max(1, inputs // commands))
        print(json.dumps(asdict(tally)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
