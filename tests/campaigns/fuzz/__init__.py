"""The fuzz campaign: damaged and hostile files against every reader of the kit (`make fuzz`)."""
