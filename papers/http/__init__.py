"""The one way to the network: a bounded, polite HTTP client for public addresses."""
