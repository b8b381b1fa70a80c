"""Debian machines on this host for measurements and tests, and a browser to visit them."""
