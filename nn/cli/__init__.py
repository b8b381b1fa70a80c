"""The command line, ``python -m nn`` or ``pi-nn``: the only part that talks to people.

Results go to standard output, everything else to standard error. Exit codes: 0, 1 for an error
in data, model or disk (one line, no traceback), 2 for wrong usage, 128 and the signal's number when
interrupted: 130 by Ctrl-C, 129 by a dropped connection, 143 by a shutdown.
"""

import argparse
import sys
from collections.abc import Sequence

import nn
from nn.cli import backquery, compare_rules, data, presets, query, test, train
from nn.cli.console import drop_unwritten, remark
from nn.cli.signals import Interrupted, interrupted_by_signals
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
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal may not know ± or a file's name
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    arguments.words = sys.argv[1:] if argv is None else list(argv)
    try:
        with interrupted_by_signals():
            code = arguments.run(arguments) or 0
            if sys.stdout:
                sys.stdout.flush()  # here, where it can still be told when nobody reads it
        return code
    except BrokenPipeError:  # the reader of a pipe has seen enough
        drop_unwritten(sys.stdout)
        return 1
    except Interrupted as error:
        return _fail(str(error), code=error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", code=130)
    except MemoryError:
        return _fail("not enough memory: use fewer --hidden-nodes")
    except KitError as error:
        return _fail(str(error))
    except OSError as error:
        drop_unwritten(sys.stdout)
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
    remark(f"error: {message}")
    return code
