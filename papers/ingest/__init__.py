"""From a listing to rows: runs, upsert, merge."""
