"""Kill the kit's commands in the middle of their work, and look at what is left of the files."""
