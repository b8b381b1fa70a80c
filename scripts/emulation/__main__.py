"""`make image`, `make emulate` and `make emulate-stop`: python -m scripts.emulation."""

import sys

from scripts.emulation.cli import main

sys.exit(main())
