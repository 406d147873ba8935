"""Trending scores: arithmetic, explanation and the update of the database."""
