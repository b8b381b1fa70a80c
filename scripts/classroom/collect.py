"""Collect the pupils' work from all Pis of a class, or hand it back.

    python -m scripts.classroom.collect --inventory ansible/inventory/hosts.yml
    python -m scripts.classroom.collect --inventory ansible/inventory/hosts.yml --hand-back

The work of each Pi gets into collected/NAME/DATE/, as files to look at and as work.tar.gz, from
which it is handed back: there, names, contents and permissions are as they were on the Pi. The
digits that the class drew on the Pis' pages get into collected/class_digits.csv, those of all Pis.
"""

import errno
import gzip
import os
import re
import shutil
import tarfile
import tempfile
import time
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from nn.kit import command
from nn.saving.atomic import atomic_write
from scripts.classroom.ask import Answer, ask, ask_all, chosen_pis, in_need, parser, printable, run
from scripts.classroom.transfer import PROJECT, SECONDS, on_pi, packed
from scripts.pis import Pi

COLLECTED = PROJECT / "collected"
ARCHIVE = "work.tar.gz"
PART = ".part-"  # begins the names of folders that are not complete
DATE = "%Y-%m-%dT%H%M%SZ"
SOME_WERE_SKIPPED = 3  # kit_files.py backup
CLASS_DIGITS = "class_digits.csv"
DIGIT = re.compile(rb"\d(,(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])){784}")
MOST_BYTES_OF_DIGITS = 10**8
LONGEST_NAME = 200  # that is shown of a file
MOST_NAMES = 5  # that are shown of a Pi
MOST_FILES = 100_000  # of a Pi
LONGEST_HEADER = 2**20  # bytes
MOST_BYTES = 4 * 10**9  # of one Pi's files: a small archive could unpack to more than the disk
COLLECT = """\
kit_files backup "$PWD" "$folder" "$brought/work.tar.gz" >&2; code=$?
[ ! -f "$brought/work.tar.gz" ] || cat "$brought/work.tar.gz" || exit
exit $code"""
HAND_BACK = 'kit_files restore "$PWD" "$folder" "$brought/work.tar.gz"'


class CollectError(ValueError):
    """What a Pi sent is not a complete archive of a pupil's work."""


class Entry(tarfile.TarInfo):
    """A file in a pupil's archive, whose header is no longer than a name needs."""

    def _proc_member(self, tar):  # what reads a header's further parts, whole, into memory
        if not self.isfile() and self.size > LONGEST_HEADER:
            raise CollectError(f"expected short names, got one of {self.size / 1e6:.0f} MB")
        return super()._proc_member(tar)


def main() -> int:
    """Collect or hand back; return 1 if that was not possible for a Pi."""
    flags = parser(__doc__.splitlines()[0])
    flags.add_argument("--hand-back", action="store_true", help="bring the latest work back")
    flags.add_argument("--date", metavar="DATE", help="hand back what was collected then")
    flags.add_argument("--folder", type=Path, default=COLLECTED, help="default: %(default)s")
    arguments = flags.parse_args()
    pis = chosen_pis(arguments)
    if arguments.hand_back:
        return hand_back(pis, arguments.folder, arguments.date)
    return collect(pis, arguments.folder)


def collect(pis: list[Pi], folder: Path) -> int:
    """Bring the work of all Pis into a folder here; return 1 if some is missing."""
    os.umask(0o077)  # what is collected is for nobody else
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    date, missed = time.strftime(DATE, time.gmtime()), []
    with packed() as program:

        def collect_one(pi: Pi) -> Answer:
            target = folder / pi.name / date
            target.parent.mkdir(exist_ok=True)
            remove_leftovers(target.parent)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=PART) as part:
                archive = Path(part, date, ARCHIVE)
                archive.parent.mkdir()
                with program.open("rb") as files, archive.open("wb") as output:
                    command = on_pi(pi, COLLECT)
                    answer = ask(pi, command, files, output, SECONDS, most_bytes=MOST_BYTES)
                    os.fsync(output.fileno())
                if answer.problem or not archive.stat().st_size:
                    return answer
                # The folder is complete before it gets its name.
                try:
                    said = unpack(archive)
                    archive.parent.rename(target)
                except (CollectError, OSError) as error:
                    return replace(answer, problem=f"sent work that cannot be kept: {error}")
            return replace(answer, output=f"{said}, {target}".encode())

        for answer in ask_all(pis, collect_one):
            if answer.output:
                print(f"{answer.pi}: {answer.output.decode()}")
            elif not (answer.problem or answer.code):
                print(f"{answer.pi}: no work yet")
            if answer.code == SOME_WERE_SKIPPED:
                answer = replace(answer, problem="lacks some files: " + skipped(answer))
            if answer.problem or answer.code:
                missed.append(answer)
    for pi in pis:
        with suppress(OSError):  # it holds something
            (folder / pi.name).rmdir()
    code = in_need(missed, "work is missing")
    if count := gather_class_digits(folder):
        file = folder / CLASS_DIGITS
        train = command(f"train --train {file}")
        print(f"{count} digits of the class: {file}. Train on them: {train}")
    return code


def remove_leftovers(folder: Path) -> None:
    """Remove what a collecting that was killed has left of a Pi, once none can be at work still."""
    for part in folder.glob(f"{PART}*"):
        if time.time() - part.stat().st_mtime > 2 * SECONDS:
            shutil.rmtree(part, ignore_errors=True)


def gather_class_digits(folder: Path) -> int:
    """Put what all Pis collected last of the class's digits into one file; return their number."""
    lines = []
    for pi in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(pi.glob(f"[0-9]*/*/mnist_dataset/{CLASS_DIGITS}"))
        # a pupil may have changed it, or may have made a folder of that name
        if files and files[-1].is_file() and files[-1].stat().st_size <= MOST_BYTES_OF_DIGITS:
            lines += [line for line in files[-1].read_bytes().splitlines() if DIGIT.fullmatch(line)]
    if lines:
        with atomic_write(folder / CLASS_DIGITS) as file:
            file.writelines(line + b"\n" for line in lines)
    return len(lines)


def skipped(answer: Answer) -> str:
    """Return the files that could not be packed, and why; not all, if they are many."""
    found = re.findall(r"^skipped: (.+)$", answer.errors, re.M)
    shown = [each[: 2 * LONGEST_NAME] for each in found[:MOST_NAMES]]
    more = len(found) - len(shown)
    return "; ".join([*shown, f"{more} more"] if more else shown)


def unpack(archive: Path) -> str:
    """Unpack an archive beside itself, and say how many files it has.

    A pupil may have made it. So only plain files are written, into this folder alone; those whose
    names do not fit are left in the archive.

    Raises
    ------
    CollectError
        When it is not complete, or unpacks to more than any pupil has.
    OSError
        When it cannot be written.
    """
    count, left = 0, []
    try:
        with gzip.open(archive) as content:  # to its end, where the checksum is
            size = 0
            while chunk := content.read(2**20):
                size += len(chunk)
                if size > MOST_BYTES:
                    raise CollectError(f"expected up to {MOST_BYTES / 1e9:g} GB, got more")
        with tarfile.open(archive, tarinfo=Entry) as tar:
            for entry in tar:
                count += 1
                if count > MOST_FILES:
                    raise CollectError(f"expected up to {MOST_FILES:,} files, got more")
                path = archive.parent / entry.name
                try:
                    # a sparse file may claim any size
                    if not entry.isfile() or entry.issparse() or not is_inside(entry.name):
                        raise FileExistsError
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with path.open("xb") as file:
                        shutil.copyfileobj(tar.extractfile(entry), file)
                except (OSError, ValueError, RecursionError) as error:
                    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                        raise
                    left.append(printable(entry.name[:LONGEST_NAME]).replace("\n", "?"))
    except CollectError:
        raise
    except gzip.BadGzipFile as error:
        raise CollectError(
            f"expected an archive, got {error}. What a Pi prints when a user logs in, by ~/.bashrc "
            "or ~/.profile, is in the way"
        ) from None
    except (EOFError, tarfile.TarError, zlib.error, ValueError, RecursionError) as error:
        raise CollectError(f"expected a complete archive, {error}") from None
    more = f" and {len(left) - MOST_NAMES} more" if len(left) > MOST_NAMES else ""
    only = f" (only in {ARCHIVE}: {', '.join(left[:MOST_NAMES])}{more})" if left else ""
    return f"{count} file{'s' * (count != 1)}{only}"


def is_inside(name: str) -> bool:
    """Return whether a name stays within its folder."""
    return not name.startswith("/") and ".." not in PurePosixPath(name).parts


def hand_back(pis: list[Pi], folder: Path, date: str | None) -> int:
    """Restore what was collected, the latest or of a date; return 1 if that failed for a Pi."""

    def hand_back_to(pi: Pi) -> Answer:
        found = sorted(folder.glob(f"{pi.name}/[0-9]*/{ARCHIVE}"))
        archives = [path for path in found if date in (None, path.parent.name)]
        if not archives:
            when = f" of {date}" if date else ""
            dates = ", ".join(path.parent.name for path in found[-MOST_NAMES:])
            there = f"; there is work of {dates}" if dates else ""
            return Answer(pi, problem=f"has no work{when} in {folder / pi.name}{there}")
        with packed(archives[-1]) as files_path, files_path.open("rb") as files:
            answer = ask(pi, on_pi(pi, HAND_BACK), files, seconds=SECONDS)
        lines = answer.output.decode(errors="replace").splitlines()
        count = 0 if lines == ["unchanged"] else len(lines)
        said = f"{count} file{'s' * (count != 1)} restored, from {archives[-1].parent}"
        if not count and len(archives) > 1:
            said += f"; there is more, such as DATE={archives[-2].parent.name}"
        return replace(answer, output=said.encode())

    missed = []
    for answer in ask_all(pis, hand_back_to):
        if answer.problem or answer.code:
            missed.append(answer)
        else:
            print(f"{answer.pi}: {answer.output.decode()}")
    return in_need(missed, "work was not handed back")


if __name__ == "__main__":
    run(main)
