"""The life of a subscription: sign-up, preferences, import, export, erasure."""
