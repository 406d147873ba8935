"""How dates and times are written where nothing else is said, above all in the admin."""
