"""Clean text: markup, TeX, identifiers, author names and the arXiv taxonomy."""
