"""Commands of the library, one a file."""
