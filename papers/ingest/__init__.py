"""Reading of listings into the database: runs of sources, saved files, upsert and merge."""
