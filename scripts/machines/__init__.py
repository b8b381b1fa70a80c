"""Debian machines on this host: roots, native or emulated, for the tests and for the image."""
