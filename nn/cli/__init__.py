"""The command line, ``pi-nn``: the only part that prints or reads flags.

Results go to standard output, everything else to standard error. Exit codes: 0, 1 for an error
in data, model or disk (one line, no traceback), 2 for wrong usage, 128 and the signal's number when
interrupted: 130 by Ctrl-C, 129 by a dropped connection, 143 by a shutdown.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

import nn
from nn.cli.console import Interrupted, drop_unwritten, interrupted_by_signals, remark
from nn.errors import KitError

# Each is a module of this package, imported only when it is called: on a Pi, imports are slow.
COMMANDS = {
    "train": "train a network and measure its accuracy",
    "test": "measure a model's accuracy",
    "predict": "read a file of digits without labels, and write the answers as CSV",
    "query": "read the digit in PNG or JPEG pictures",
    "backquery": "draw what a model has in mind for each digit",
    "compare-rules": "compare the rules for sending errors back",
    "sweep": "train once for each cell of a grid: learning rates, hidden nodes, seeds",
    "weights": "write a network's weights as plain text, for other languages",
    "reset": "bring back a notebook as it was shipped; yours is kept",
    "data": "fetch, verify, convert, describe or draw digits",
    "draw": "offer a web page to draw a digit on, which a network answers",
    "presets": "list the ready-made settings for train",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; by default those of ``sys.argv``.

    Returns
    -------
    code : int
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal may be unable to show ± or a file's name
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(prog="pi-nn", description=nn.__doc__)
    parser.add_argument("--version", action="version", version=f"pi-nn {nn.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary)
        if name in words:
            module = importlib.import_module(f"nn.cli.{name.replace('-', '_')}")
            module.add_arguments(subparser)
    arguments = parser.parse_args(words)
    arguments.words = words
    try:
        with interrupted_by_signals():
            code = arguments.run(arguments) or 0
            if sys.stdout:
                sys.stdout.flush()  # here, where an error can still be reported
        return code
    except BrokenPipeError:  # the reader closed the pipe
        drop_unwritten(sys.stdout)
        return 1
    except Interrupted as error:
        message, code = str(error), error.exit_code
    except KeyboardInterrupt:
        message, code = "interrupted", 130
    except MemoryError:
        message, code = "not enough memory: use fewer --hidden-nodes", 1
    except KitError as error:
        message, code = str(error), 1
    except OSError as error:
        drop_unwritten(sys.stdout)
        where = f"{error.filename}: " if error.filename else ""
        message, code = f"{where}{error.strerror or error}", 1
    remark(f"error: {message}")
    return code
