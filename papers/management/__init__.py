"""Commands of the library, and the progress bar they share."""
