"""What settings.py needs before Django is configured; imports nothing of the project."""
