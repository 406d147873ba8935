"""Benchmarks: each answers one question with a ratio measured in the same run."""

import os

# As the product does, for those that import only its arithmetic.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
