"""Time the book's loop, this kit and its peers, here and on emulated ARM: `make bench-peers`.

The peers are FANN, scikit-learn, and the same network written by hand in C, which is the practical
limit. Each run is a separate process on one core, from CSV files to the accuracy; the sides take
turns, and the medians of their processor time are printed. On ARM, where the complete job would
take hours, they run 2,000 rows, and the start is not counted. A slow limit would prove nothing: at
200 nodes, the book's loop must take at least 25 times as long as the limit.
"""

import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from nn.presets import PRESETS
from scripts.bench.comparison import Comparison, Medians
from scripts.bench.kinds import PEERS
from scripts.bench.places import ROWS, SEED, Job, Need, Side, Source
from scripts.machines.arm import HARD_FLOAT

LEAST_RATIO = 25  # the book's loop to the sparse C loop, at 200 nodes

GCC = Need("apt-get install gcc libc6-dev", lambda: shutil.which("gcc"))
FANN = Need("apt-get install libfann-dev", Path("/usr/include/floatfann.h").exists)
SKLEARN = Need("pip install scikit-learn", lambda: find_spec("sklearn"))

FLAGS = tuple("-O3 -fno-math-errno -fno-trapping-math -fassociative-math -fno-signed-zeros".split())
LIMIT_SOURCE = Source("scripts/bench/limit.c", FLAGS, is_tuned=True)
FANN_SOURCE = Source("scripts/bench/fann_peer.c", FLAGS, ("-lfloatfann", "-lm"), is_tuned=True)

IN_PROCESS = ("-m", "scripts.bench.side")
SKLEARN_IN_PROCESS = (
    "-c",
    "from scripts.bench import side, sklearn_peer; "
    "side.SIDES['scikit-learn'] = sklearn_peer.run_side; side.main()",
)


def _arguments_of_kit(job: Job) -> tuple:
    train, test = job.files
    flags = ("--preset", job.preset.name, "--seed", SEED, "--model", job.folder / "model.npz")
    return ("--train", train, "--test", test, *flags, "--json")


BOOK, LIMIT = "the book's loop", "C by hand, sparse"
SIDES = {
    BOOK: Side(("python", "-m", "nn.lessons.book_loop"), in_process=(*IN_PROCESS, "book")),
    "this kit": Side(
        ("python", "-m", "nn", "train"),
        arguments=_arguments_of_kit,
        in_process=(*IN_PROCESS, "kit"),
    ),
    "scikit-learn": Side(
        ("python", "-m", "scripts.bench.sklearn_peer"),
        (SKLEARN,),
        in_process=(*SKLEARN_IN_PROCESS, "scikit-learn"),
    ),
    "FANN": Side((FANN_SOURCE,), (GCC, FANN)),
    "C by hand, dense": Side((LIMIT_SOURCE, "dense"), (GCC,)),
    LIMIT: Side((LIMIT_SOURCE, "sparse"), (GCC,)),
}


def check_limit(medians: Medians) -> list[str]:
    """Complain if the sparse C loop is too slow to be a limit, or was not measured."""
    if BOOK not in medians or LIMIT not in medians:
        return [f"expected both {BOOK} and {LIMIT}, got {', '.join(medians) or 'none'}"]
    ratio = medians[BOOK]["book"].seconds / medians[LIMIT]["book"].seconds
    if ratio >= LEAST_RATIO:
        return []
    return [
        f"expected {BOOK} to take at least {LEAST_RATIO} times as long as {LIMIT} at "
        f"{PRESETS['book'].hidden_nodes} nodes, got {ratio:.1f}: a slow limit proves nothing"
    ]


COMPARISON = Comparison(
    "bench-peers",
    kind=PEERS,
    unit=LIMIT,
    titles={
        "here": f"On one {platform.machine()} core, from CSV to accuracy; medians of {{}} "
        "alternating runs. Processor seconds, times the sparse C loop's, accuracy, peak memory.",
        "arm": f"On an emulated {HARD_FLOAT} without NEON: {ROWS:,} rows and a sixth as many test "
        "rows, without the start; medians of {} alternating runs. Processor milliseconds per row, "
        "times the sparse C loop's.",
    },
    sides=lambda place: SIDES,
    check=lambda place, medians: check_limit(medians),
)

if __name__ == "__main__":
    sys.exit(COMPARISON.main(__doc__))
