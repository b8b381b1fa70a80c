"""The command line, ``python -m nn`` or ``pi-nn``: the only part that talks to people.

Results go to standard output, everything else to standard error. Exit codes: 0, 1 for an error
in data, model or disk (one line, no traceback), 2 for wrong usage, 130 when interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import nn
from nn.cli import backquery, compare_rules, data, presets, query, test, train
from nn.errors import KitError

COMMANDS = (train, test, query, backquery, compare_rules, data, presets)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name; ``sys.argv`` when left out.

    Returns
    -------
    code : int
        The exit code.
    """
    arguments = _parser().parse_args(argv)
    try:
        code = arguments.run(arguments) or 0
        sys.stdout.flush()  # here, where a closed pipe can still be told from a failure
        return code
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("interrupted", code=130)
    except KitError as error:
        return _fail(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")


def _parser() -> argparse.ArgumentParser:
    program = "python -m nn" if sys.argv[0].endswith("__main__.py") else None
    parser = argparse.ArgumentParser(prog=program, description=nn.__doc__)
    parser.add_argument("--version", action="version", version=f"pi-nn {nn.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def _fail(message: str, code: int = 1) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
