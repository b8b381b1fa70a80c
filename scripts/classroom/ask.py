"""Ask all Pis at once: one SSH command for each, whatever happens to the others."""

import argparse
import getpass
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from scripts.pis import LOGIN_FAILED, Pi, find_pis

AT_ONCE = 30
BLOCK = 512  # bytes, in which POSIX's ulimit counts
# A Pi that is switched off must not hold up the others. The inventory's own options come first.
SSH_OPTIONS = ["-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR"]
ASKPASS = Path(__file__).with_name("askpass.sh")
# What SSH says, and what that means in a classroom.
REASONS = {
    r"HOST IDENTIFICATION HAS CHANGED|Host key verification failed": (
        "has another SSH key than before. If its card was flashed again: ssh-keygen -R {host}"
    ),
    r"Permission denied|Too many authentication failures": (
        "refuses the login. Copy your key to it once, with ssh-copy-id {address}, or type its "
        "password, with ASK_PASS=1"
    ),
    r"Could not resolve": "is not found as {host}: is it switched on, and on this network?",
    r"refused": "is on, but takes no SSH yet: wait a minute, or enable SSH on its card",
    r"": "did not answer: is it switched on, and on this network?",
}


@dataclass(frozen=True)
class Answer:
    """What a Pi answered.

    Attributes
    ----------
    pi : Pi
    output : bytes
        What its command printed, unless that went to a file.
    errors : str
        What its command printed as errors.
    code : int
        Its command's exit code.
    problem : str
        Why the Pi could not be asked, and what to do about it; "" if it was.
    """

    pi: Pi
    output: bytes = b""
    errors: str = ""
    code: int = 0
    problem: str = ""


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that choose Pis."""
    flags = argparse.ArgumentParser(description=description)
    flags.add_argument("--inventory", required=True, metavar="FILE")
    flags.add_argument("--limit", default="all", help="names or patterns of Pis; default: all")
    flags.add_argument("--ask-pass", action="store_true", help="ask once for the Pis' password")
    flags.add_argument("--extra", default="", help="more options for ansible: --ask-vault-pass")
    return flags


def show_every_name() -> None:
    """Let a name be printed whose letters the terminal does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(main: Callable[[], int]) -> None:
    """Run a command and exit: a user gets no traceback."""
    show_every_name()
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"error: {error}")
    except (KeyboardInterrupt, EOFError):  # Ctrl-D, or no terminal, instead of a password
        print("error: interrupted", file=sys.stderr)
        sys.exit(130)


def chosen_pis(arguments: argparse.Namespace) -> list[Pi]:
    """Return the Pis that the flags choose; exit if there are none."""
    try:
        extra = shlex.split(arguments.extra)
    except ValueError as error:
        sys.exit(f"error: --extra: expected words for a shell, got {arguments.extra}: {error}")
    pis = find_pis(arguments.inventory, arguments.limit, extra)
    if not arguments.ask_pass:
        return pis
    password = getpass.getpass("The Pis' SSH password: ")
    return [replace(pi, password=password) for pi in pis]


def ask_all(pis: list[Pi], ask_one: Callable[[Pi], Answer]) -> Iterator[Answer]:
    """Ask all Pis at once; yield each answer as it arrives, and show how many have.

    Parameters
    ----------
    pis : list of Pi
    ask_one : callable
        Asks one Pi, by `ask`.
    """
    count = f"{len(pis)} Pi{'s' * (len(pis) > 1)}"
    on_terminal = sys.stderr.isatty()
    if not on_terminal:
        print(f"Asking {count}", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {pool.submit(ask_one, pi): pi for pi in pis}
        try:
            for done, future in enumerate(as_completed(asked), 1):
                try:
                    yield future.result()
                except (OSError, ValueError, RecursionError, MemoryError) as error:
                    # of this computer, such as a full disk, or of what this Pi sent
                    why = str(error) or "too little memory"
                    yield Answer(asked[future], problem=f"was left out: {why}")
                if on_terminal:
                    line = f"{done} of {count} answered\r" if done < len(pis) else "\033[K"
                    print(line, end="", file=sys.stderr, flush=True)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C asks no more of them


def ask(
    pi: Pi,
    command: str,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | None = None,
    seconds: float = 60,
    on_terminal: bool = False,
    most_bytes: int = 10**8,
) -> Answer:
    """Run a shell command on a Pi.

    Parameters
    ----------
    pi : Pi
    command : str
        For sh, in the user's home.
    stdin, stdout : file, optional
        What it reads, and where its output goes; by default nothing, and into the answer.
    seconds : float
        The longest that it may take, logging in included.
    on_terminal : bool
        Whether it has this terminal, and shows its output and its errors here, as they arrive.
    most_bytes : int
        A Pi that prints more is not listened to any longer: its pupil could fill this computer.
    """
    words, environment = ["sh", "-c", command], dict(os.environ)
    if pi.address:
        login = "NumberOfPasswordPrompts=1" if pi.password else "BatchMode=yes"
        options = [*pi.options, *SSH_OPTIONS, "-o", login]
        options += ["-t"] if on_terminal and sys.stderr.isatty() else []
        words = ["ssh", *options, pi.address, f"sh -c {shlex.quote(command)}"]
        if not on_terminal:  # its output goes to files, which the system keeps short
            limit = f'ulimit -S -f {most_bytes // BLOCK} && exec "$@"'
            words = ["sh", "-c", limit, "sh", *words]
    if pi.password:
        environment |= {
            "SSH_ASKPASS": str(ASKPASS),
            "SSH_ASKPASS_REQUIRE": "force",
            "PI_NN_PASSWORD": pi.password,
        }
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            done = subprocess.run(
                words,
                stdin=None if on_terminal else stdin,
                stdout=None if on_terminal else stdout or output,
                stderr=None if on_terminal else errors,
                timeout=seconds,
                env=environment,
                cwd=Path.home(),
            )
        except subprocess.TimeoutExpired:
            return Answer(pi, problem=f"answers, but was not done after {seconds:g} s: try again")
        sizes = [os.fstat(file.fileno()).st_size for file in (stdout or output, errors)]
        if pi.address and max(sizes) >= most_bytes // BLOCK * BLOCK:
            return Answer(pi, problem=f"sent more than {most_bytes / 1e6:g} MB: look at it")
        for file in (output, errors):
            file.seek(0)
        said = printable(errors.read().decode(errors="replace"))
        problem = ""
        if pi.address and done.returncode == LOGIN_FAILED:
            problem = "could not be asked: see above" if on_terminal else reason(pi, said)
        return Answer(pi, output.read(), said, done.returncode, problem)


def in_need(missed: list[Answer], what: str) -> int:
    """Say which Pis missed something, and why; return the exit code."""
    for answer in sorted(missed, key=lambda answer: answer.pi.name):
        why = answer.problem or last_line(answer.errors) or f"failed with status {answer.code}"
        print(f"{answer.pi} {why}", file=sys.stderr)
    if missed:
        names = ",".join(sorted(answer.pi.name for answer in missed))
        print(f"error: {what}: {names}. Run it again with LIMIT={names}", file=sys.stderr)
    return 1 if missed else 0


def reason(pi: Pi, errors: str) -> str:
    """Return why a Pi could not be asked, by what SSH said, and what to do about it."""
    words = next(words for said, words in REASONS.items() if re.search(said, errors))
    return words.format(address=pi.address, host=pi.address.rpartition("@")[2])


def printable(text: str) -> str:
    """Return a text without what would command a terminal: a pupil may have written it."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)


def last_line(text: str) -> str:
    """Return the last line with something on it; "" if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
