"""Time one side of `make bench-arm` on this processor: its start, and its rows.

``python -m scripts.bench.side SIDE PRESET FOLDER`` prints processor seconds and MB as JSON. One
process does the job on few rows, which measures the start, then again on few rows, and then on
2,000 more; the difference of the last two is the time for 2,000 rows. Two processes would be less
exact: their starts differ by more than the kit needs for 2,000 rows.
"""

import contextlib
import io
import json
import resource
import sys
import time
from functools import partial
from pathlib import Path

from nn.cli import main as run_kit
from nn.lessons import book_loop
from nn.presets import PRESETS, Preset

SEED = 1


def main() -> None:
    """Time all three, and print."""
    side, preset, folder = sys.argv[1:]
    job = partial(SIDES[side], PRESETS[preset], Path(folder))
    _finish(job, "few", Path(folder))
    start = time.process_time()  # counted from the start of the process
    few, many = (_finish(job, rows, Path(folder)) for rows in ("few", "many"))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"start": start, "rows": many - few, "peak_mb": peak_mb}))


def _finish(job: partial, rows: str, folder: Path) -> float:
    """Do the job, check that it printed an accuracy, and return its processor seconds."""
    for packed in folder.glob("*.packed"):
        packed.unlink()
    output = io.StringIO()
    start = time.process_time()
    with contextlib.redirect_stdout(output):
        job(rows)
    seconds = time.process_time() - start
    json.loads(output.getvalue())["accuracy"]
    return seconds


def _book(preset: Preset, folder: Path, rows: str) -> None:
    files = (folder / f"{rows}_train.csv", folder / f"{rows}_test.csv")
    book_loop.main(*files, preset.hidden_nodes, preset.epochs, SEED)


def _kit(preset: Preset, folder: Path, rows: str, *, ending: str) -> None:
    files = [f"--{kind}={folder / f'{rows}_{kind}{ending}'}" for kind in ("train", "test")]
    flags = ("--preset", preset.name, "--model", folder / "model.npz", "--seed", SEED, "--json")
    if code := run_kit(["train", *files, *map(str, flags)]):
        sys.exit(code)


SIDES = {
    "book": _book,
    "kit": partial(_kit, ending=".csv"),
    "kit on IDX": partial(_kit, ending="-images-idx3-ubyte.gz"),
}

if __name__ == "__main__":
    main()
