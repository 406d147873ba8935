"""Content-based ranking of papers for one reader's interests."""
