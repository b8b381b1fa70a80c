"""Run the command line, where ``pi-nn`` is not at hand: ``python -m nn``."""

import sys

from nn.cli import main

if __name__ == "__main__":  # not in the processes that a sweep starts
    sys.exit(main())
