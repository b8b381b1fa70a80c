"""Run the campaign: ``python -m tests.campaigns.fuzz``."""

import sys

from tests.campaigns.fuzz.campaign import main

sys.exit(main())
