"""How messages leave, and what providers report about them afterwards."""
