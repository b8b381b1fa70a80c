"""Run the command line, where ``pi-nn`` is not at hand: ``python -m nn``."""

import sys

from nn.cli import main

sys.exit(main())
