"""A Pi Zero without a Pi: a card image with the kit, the board emulated, and measures on ARM."""
