"""Sources of digits: files, downloads and this kit's own drawings."""
