"""Everything that speaks HTTP to visitors, subscribers and mail providers."""
