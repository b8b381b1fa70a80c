"""Debian machines on this host to measure and test in, and a browser to visit them."""
