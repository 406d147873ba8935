"""Benchmarks: each answers one question with a ratio measured in the same run."""
