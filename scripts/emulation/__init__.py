"""An emulated Pi Zero, and the card image with the kit that it boots."""
