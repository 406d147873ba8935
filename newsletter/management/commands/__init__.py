"""Commands of the newsletter, one a file."""
