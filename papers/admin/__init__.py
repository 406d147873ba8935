"""The Django admin of papers, their measurements and their sources."""

from papers.admin import editions, papers, sources

__all__ = ["editions", "papers", "sources"]
