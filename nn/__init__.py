"""A three-layer neural network that reads handwritten digits on a Raspberry Pi Zero."""

import os

__version__ = "0.2.0"

# Set before numpy is imported: batches of 16 are too small to share between threads, and threads
# that wait for a busy core make training up to sixty times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
