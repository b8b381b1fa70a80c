"""Files that must survive a pulled plug: atomic files, models, checkpoints, the autosaver."""
