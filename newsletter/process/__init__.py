"""How the service starts, polls its tables, and checks its own settings."""
