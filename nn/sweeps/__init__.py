"""Sweeps: one training for each cell of a grid, here, on all cores, or on many Pis."""
