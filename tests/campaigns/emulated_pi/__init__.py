"""Everything that is promised of a Pi Zero, tried on the emulated one: `make verify-emulated`."""
