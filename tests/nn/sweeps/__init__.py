"""Tests of `nn.sweeps`."""
