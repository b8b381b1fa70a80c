"""What the Pis of a class install: kept on this computer, downloaded once for all."""
