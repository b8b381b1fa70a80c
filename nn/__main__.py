"""Run the command line: ``python -m nn``."""

import sys

from nn.cli import main

sys.exit(main())
