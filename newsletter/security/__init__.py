"""Tokens, rate limits, address parsing, log scrubbing and the second factor."""
