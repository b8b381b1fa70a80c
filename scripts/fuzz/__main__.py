"""Run the campaign: ``python -m scripts.fuzz``."""

import sys

from scripts.fuzz.campaign import main

sys.exit(main())
