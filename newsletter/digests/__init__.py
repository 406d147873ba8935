"""Which subscribers are due and which papers each digest holds."""
