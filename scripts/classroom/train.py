"""Train on all Pis at once, and copy the results here: ``make train-on-pi``.

    python -m scripts.classroom.train --inventory ansible/inventory/hosts.yml --preset pi-zero

The summary and the model of each Pi get into trained/NAME/. One Pi alone shows its progress.
"""

import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nn.presets import PRESETS
from scripts.classroom.ask import (
    Answer,
    ask,
    ask_all,
    chosen_pis,
    in_need,
    parser,
    printable,
    run,
)
from scripts.pis import Pi

PYTHON_ON_PI = "/opt/pi-nn/venv/bin/python"
LONGEST = 48 * 3600  # seconds
# A training that nobody waits for would go on, and a second one would begin beside it. So it ends,
# and saves what it has, when the connection does: then `cat` finds the end of its input.
UNTIL_DISCONNECTED = (
    "{{ exec 3<&0; {training} & training=$!; "
    "{{ cat <&3; kill $training; }} > /dev/null 2>&1 & wait $training; }}"
)


def main() -> int:
    """Train; return 1 if a Pi brought no model."""
    flags = parser(__doc__.splitlines()[0])
    flags.add_argument("--preset", default="pi-zero", choices=PRESETS, help="default: %(default)s")
    flags.add_argument(
        "--restart", action="store_true", help="delete unfinished trainings, then start"
    )
    flags.add_argument("--output", type=Path, default="trained", help="default: %(default)s")
    arguments = flags.parse_args()
    pis = chosen_pis(arguments)
    alone = len(pis) == 1
    start = "--restart" if arguments.restart else "--resume-or-start"
    # The summary goes to a file: the terminal shows the progress bar.
    model = f"models/{arguments.preset}"
    training = (
        f"{PYTHON_ON_PI} -m nn train --preset {arguments.preset} --offline {start}"
        f" --model {model}.npz --json > {model}.json.part"
    )
    if not alone:
        training = UNTIL_DISCONNECTED.format(training=training)
    training += f" && mv {model}.json.part {model}.json"
    names = [f"{arguments.preset}.json", f"{arguments.preset}.npz"]

    def train(pi: Pi) -> Answer:
        there = f"cd {shlex.quote(pi.folder)} && mkdir -p models && "
        with connection_lasts() as stdin:
            answer = ask(pi, there + training, stdin, seconds=LONGEST, on_terminal=alone)
        output = arguments.output / pi.name
        if answer.problem or answer.code:
            return answer
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output, prefix=".") as part:  # until all is here
            for name in names:
                with Path(part, name).open("wb") as file:
                    answer = ask(
                        pi, f"cat {shlex.quote(f'{pi.folder}/models/{name}')}", stdout=file
                    )
                if answer.problem or answer.code:
                    return answer
            try:
                summary = json.loads(Path(part, names[0]).read_text())
                said = (
                    f"{summary['accuracy']:.2%} on {printable(summary['dataset'])} after "
                    f"{summary['seconds_total']:.1f} s; {output / arguments.preset}.json and .npz"
                )
            except (ValueError, KeyError, TypeError):
                return replace(answer, problem="sent no summary: train again, with RESTART=1")
            for name in names:
                Path(part, name).replace(output / name)
        return replace(answer, output=said.encode())

    missed = []
    for answer in ask_all(pis, train):
        if answer.problem or answer.code:
            missed.append(answer)
        else:
            print(f"{answer.pi}: {answer.output.decode()}", flush=True)
    return in_need(missed, "training failed")


@contextmanager
def connection_lasts() -> Iterator[int]:
    """Give a standard input that ends with the block, or with this process."""
    stdin, held = os.pipe()
    try:
        yield stdin
    finally:
        os.close(held)
        os.close(stdin)


if __name__ == "__main__":
    run(main)
