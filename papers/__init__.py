"""The app of papers: sources, trending scores and ranking. It knows nothing of subscribers."""
