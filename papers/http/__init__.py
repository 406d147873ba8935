"""A bounded, polite HTTP client for public addresses, the only one of this library."""
