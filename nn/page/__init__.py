"""The web page on which you draw a digit and a network answers: ``pi-nn draw``."""
