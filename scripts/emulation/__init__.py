"""A Pi Zero without a Pi: a card image with the kit, and the board emulated."""
