"""Hand out a notebook or a data file to all Pis of a class: ``make hand-out FILE=lesson.ipynb``.

    python -m scripts.classroom.hand_out --inventory ansible/inventory/hosts.yml lesson.ipynb

It gets into the folder that Jupyter shows. A pupil's work is never replaced: if a pupil has changed
what was handed out under that name, the new file is put beside it as NAME.new.ipynb.
"""

import hashlib
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from scripts.classroom.ask import (
    Answer,
    ask,
    ask_all,
    chosen_pis,
    in_need,
    last_line,
    parser,
    printable,
    run,
)
from scripts.classroom.transfer import PROGRAM, SECONDS, on_pi, packed
from scripts.pis import Pi

FOLDER = "notebooks"


def main() -> int:
    """Hand out a file; return 1 if a Pi did not get it."""
    flags = parser(__doc__.splitlines()[0])
    flags.add_argument("file", type=Path, metavar="FILE")
    arguments = flags.parse_args()
    file = arguments.file
    if not file.is_file():
        sys.exit(f"error: FILE={file}: expected a file to hand out, found none of that name")
    if file.name.startswith(".") or not file.name.isprintable():
        sys.exit(f"error: FILE={file}: expected a name that Jupyter shows, got {file.name!r}")
    if file.name == PROGRAM:
        sys.exit(f"error: FILE={file}: the kit's own program has this name: rename the file")
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    name = shlex.quote(file.name)
    # A large file is not sent again to those that have it.
    there = f'$(sha256sum 2>/dev/null < "$folder"/{FOLDER}/{name})'
    skip = f"case {there} in {digest}*) echo unchanged; exit ;; esac"
    pis, missed = chosen_pis(arguments), []
    with packed(file) as archive:

        def hand_out(pi: Pi) -> Answer:
            command = f'kit_files hand-out "$brought"/{name} "$folder" {FOLDER}/{name}'
            with archive.open("rb") as files:
                return ask(pi, on_pi(pi, command, skip), stdin=files, seconds=SECONDS)

        for answer in ask_all(pis, hand_out):
            said = last_line(answer.output.decode(errors="replace"))
            if answer.problem or answer.code:
                missed.append(answer)
            elif said == f"{FOLDER}/{file.name}":
                print(f"{answer.pi}: has {said}")
            elif said.startswith("unchanged"):
                print(f"{answer.pi}: had {file.name} already")
            elif not said.startswith(f"{FOLDER}/"):
                got = printable(said[:60]) or "nothing"
                missed.append(
                    replace(answer, problem=f"did not name the new file, but said: {got}")
                )
            else:
                print(f"{answer.pi}: has {printable(said)}, beside the pupil's own {file.name}")
    return in_need(missed, f"{file.name} is missing")


if __name__ == "__main__":
    run(main)
