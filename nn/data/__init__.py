"""Where digits come from: files, downloads and this kit's own drawings."""
